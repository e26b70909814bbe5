// Buttons that copy the text of another element.

export function copyButtons() {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("button[data-copy]")) {
    const said = document.getElementById("copied");
    const words = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
        button.textContent = said.textContent = "Copied";
      } catch {
        button.textContent = said.textContent = "The browser refused";
      }
      setTimeout(() => { button.textContent = words; said.textContent = ""; }, 2000);
    });
  }
}
