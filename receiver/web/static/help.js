// The help for searching, over the page: "?" or a click on a link "Help". The link leads to the same as a page.

let dialog;

export function searchHelp() {
  const link = document.querySelector("a.help");
  if (!link || document.getElementById("search-help")) return;
  document.addEventListener("click", (event) => {
    const asked = event.target.closest("a.help");
    if (!asked || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open(asked);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "?" || event.ctrlKey || event.metaKey || event.altKey || dialog?.open) return;
    if (event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]")) return;
    event.preventDefault();
    open(link);
  });
}

async function open(link) {
  try {
    dialog ??= await make(link.href);
    dialog.showModal();
    dialog.scrollTop = 0;
  } catch {
    location.assign(link.href);
  }
}

async function make(address) {
  const answer = await fetch(address, { redirect: "error" });
  if (!answer.ok) throw new Error(String(answer.status));
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const made = document.createElement("dialog");
  made.className = "over";
  made.setAttribute("aria-labelledby", "search-help-title");
  const head = document.createElement("div");
  head.className = "bar";
  const title = document.createElement("h2");
  title.id = "search-help-title";
  title.textContent = page.querySelector("h1").textContent;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "small end";
  close.textContent = "Close";
  close.addEventListener("click", () => made.close());
  head.append(title, close);
  made.append(head, ...page.getElementById("search-help").children);
  // A click beside it closes it, too.
  made.addEventListener("click", (event) => { if (event.target === made) made.close(); });
  document.body.append(made);
  return made;
}
