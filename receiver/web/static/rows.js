// A row of a list opens by a click anywhere in it, as its link does.

const ITS_OWN = "a, button, input, label, select, summary";

export function openRows() {
  for (const list of document.querySelectorAll("table[data-list]")) {
    list.classList.add("opens");
    list.addEventListener("click", open);
    list.addEventListener("auxclick", open);
    // A middle click on a row would begin to scroll.
    list.addEventListener("mousedown", (event) => { if (event.button === 1 && linkOf(event)) event.preventDefault(); });
  }
}

function linkOf(event) {
  return event.target.closest(ITS_OWN) ? null : event.target.closest("tr")?.querySelector("a.open");
}

function open(event) {
  const link = event.button > 1 ? null : linkOf(event);
  if (!link || String(getSelection())) return;
  const elsewhere = event.button === 1 || event.ctrlKey || event.metaKey;
  link.dispatchEvent(new MouseEvent("click", {
    bubbles: true, cancelable: true, ctrlKey: elsewhere, metaKey: elsewhere, shiftKey: event.shiftKey,
  }));
}
