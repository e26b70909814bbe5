// "/" goes to the search box; j and k move through the list, Enter opens, x selects.

const typing = (element) => element.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");

export function keys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (document.querySelector("dialog[open]")) return;
    const search = document.getElementById("q");
    if (typing(event.target)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (event.key === "/" && search) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "j" || event.key === "k") {
      move(event.key === "j" ? 1 : -1);
    } else if (event.key === "x") {
      document.querySelector("tr.here input[type=checkbox], li.here input[type=checkbox]")?.click();
    }
  });
}

function move(step) {
  const rows = [...document.querySelectorAll("[data-list] tbody tr, ol[data-list] > li")];
  if (!rows.length) return;
  const at = rows.findIndex((row) => row.classList.contains("here"));
  const next = rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + step))];
  if (at >= 0) rows[at].classList.remove("here");
  next.classList.add("here");
  next.scrollIntoView({ block: "nearest" });
  next.querySelector("a")?.focus({ preventScroll: true });
}
