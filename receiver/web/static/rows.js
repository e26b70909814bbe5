// A row of a list opens by a click anywhere in it, as its link does.

const ITS_OWN = "a, button, input, label, select, summary";

export function openRows() {
  document.documentElement.classList.add("opens");
  document.addEventListener("click", open);
  document.addEventListener("auxclick", open);
  // A middle click on a row would begin to scroll.
  document.addEventListener("mousedown", (event) => {
    if (event.button === 1 && linkOf(event)) event.preventDefault();
  });
}

function linkOf(event) {
  return event.target.closest(ITS_OWN) ? null : event.target.closest("table[data-list] tr")?.querySelector("a.open");
}

function open(event) {
  const link = event.button > 1 ? null : linkOf(event);
  if (!link || String(getSelection())) return;
  const elsewhere = event.button === 1 || event.ctrlKey || event.metaKey;
  link.dispatchEvent(new MouseEvent("click", {
    bubbles: true, cancelable: true, ctrlKey: elsewhere, metaKey: elsewhere, shiftKey: event.shiftKey,
  }));
}
