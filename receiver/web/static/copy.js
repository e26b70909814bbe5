// Buttons that copy a value, or the text of another element.

export function copyButtons() {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("button[data-copy], button[data-value]")) {
    const said = document.getElementById("copied");
    const words = [...button.childNodes];
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(textOf(button));
        button.textContent = said.textContent = "Copied";
      } catch {
        button.textContent = said.textContent = "The browser refused";
      }
      setTimeout(() => { button.replaceChildren(...words); said.textContent = ""; }, 2000);
    });
  }
}

const textOf = ({ dataset }) =>
  (dataset.value ? JSON.parse(dataset.value) : document.getElementById(dataset.copy).textContent);
