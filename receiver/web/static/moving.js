// Parts of a page that the server draws anew: what moves until it stands still, and figures when news come.

const PAUSE_MS = 2000;
let last = 0;
let waiting;

// A part of a page from the server. It says that nobody may be there, so that an open page does not keep the
// session alive. Once that is over, the page is loaded again, which leads to the sign-in.
export async function ask(address) {
  const answer = await fetch(address, { redirect: "manual", headers: { "X-Unattended": "1" } });
  if (answer.type === "opaqueredirect") location.reload();
  if (!answer.ok) throw new Error(String(answer.status));
  return answer;
}

// Each part that matches in place of the one with its id: soon, and at most once in two seconds.
export function redraw(parts) {
  waiting ??= setTimeout(() => {
    waiting = undefined;
    draw(parts);
  }, Math.max(0, last + PAUSE_MS - Date.now()));
}

async function draw(parts) {
  if (document.hidden) return;
  last = Date.now();
  try {
    const answer = await ask(location.href);
    const drawn = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll(parts)) {
      const fresh = drawn.getElementById(part.id);
      if (fresh) replace(part, fresh);
    }
  } catch {
    redraw(parts);
  }
}

function replace(part, fresh) {
  const held = part.contains(document.activeElement) ? document.activeElement : null;
  // Not under somebody's hands; from a link, they go on at the same link.
  if (held && !held.matches("a[href]")) return;
  const known = new Set(opened(part).map(address));
  for (const link of known.size ? opened(fresh) : []) {
    if (!known.has(address(link))) link.closest("tr")?.classList.add("fresh");
  }
  part.replaceWith(fresh);
  const again = held && [...fresh.querySelectorAll("a")].find((link) => address(link) === address(held));
  again?.focus({ preventScroll: true });
  again?.closest("tr")?.classList.add("here");
}

const opened = (part) => [...part.querySelectorAll("a.open")];
const address = (link) => link.getAttribute("href");

export function moving() {
  const timer = setInterval(() => {
    if (document.querySelector("[data-moving]")) redraw("[data-moving]");
    else clearInterval(timer);
  }, PAUSE_MS);
}
