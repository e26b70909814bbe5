// In lists of which some are chosen: select all at once, and show how many are selected.

export function pickAll() {
  const desk = document.getElementById("desk");
  const all = document.getElementById("all");
  if (!desk || !all) return;
  const boxes = () => [...desk.querySelectorAll("input[name=id]")];
  const tell = () => {
    const chosen = boxes().filter((box) => box.checked).length;
    all.checked = chosen > 0 && chosen === boxes().length;
    all.indeterminate = chosen > 0 && chosen < boxes().length;
    document.getElementById("chosen").textContent = chosen ? `${chosen} selected` : "";
  };
  all.closest("label").hidden = false;
  all.addEventListener("change", () => {
    for (const box of boxes()) box.checked = all.checked;
    tell();
  });
  desk.addEventListener("change", tell);
  tell();
}
