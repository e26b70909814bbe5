// What moves by itself on a page: drawn anew by the server every two seconds until it stands still.

const PAUSE_MS = 2000;

export function moving() {
  const rows = () => [...document.querySelectorAll("[data-moving]")];
  if (!rows().length) return;
  const timer = setInterval(async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(location.href, { redirect: "error" });
      if (!answer.ok) return;
      const drawn = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const row of rows()) {
        const fresh = drawn.getElementById(row.id);
        // Not under somebody's hands.
        if (fresh && !row.contains(document.activeElement)) row.replaceWith(fresh);
      }
    } catch { /* the next time */ }
    if (!rows().length) clearInterval(timer);
  }, PAUSE_MS);
}
