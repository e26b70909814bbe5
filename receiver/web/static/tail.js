// The live tail. The stream only says that something arrived; the server then draws the rows, or the list.

import { ask, redraw } from "./moving.js";

const FEWEST_MS_BETWEEN = 200;
const POLL_MS = 3000;
const MOST_ROWS = 500;

export function liveTail() {
  const live = document.getElementById("live");
  const rows = document.getElementById("rows");
  if (!live) return;
  const words = document.getElementById("live-words");
  const news = document.getElementById("tail-news");
  const most = Number(live.dataset.most || MOST_ROWS);
  const { q } = live.dataset;
  let after = live.dataset.after;
  let busy = false;
  let again = false;
  let unseen = 0;

  const say = (state, sentence) => {
    live.dataset.state = state;
    words.textContent = sentence;
  };

  async function fetchRows() {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    let pause = FEWEST_MS_BETWEEN;
    try {
      const answer = await ask(`/events/tail?${new URLSearchParams({ q, after })}`);
      const newest = answer.headers.get("X-Newest");
      if (newest !== after) {
        show(await answer.text());
        after = newest;
        again = true; // there may be more than one page
      }
      stand();
    } catch {
      say("off", "Reconnecting…");
      again = true;
      pause = POLL_MS;
    }
    setTimeout(() => {
      busy = false;
      if (again) {
        again = false;
        fetchRows();
      }
    }, pause);
  }

  function show(html) {
    const arrived = document.createElement("template");
    arrived.innerHTML = html;
    const fresh = [...arrived.content.querySelectorAll("tr")];
    for (const row of fresh) row.classList.add("fresh");
    // An event that arrived while the page was made may be on it already.
    const shown = new Set([...rows.children].map((row) => row.dataset.id));
    rows.prepend(...fresh.filter((row) => !shown.has(row.dataset.id)));
    while (rows.children.length > most) rows.lastElementChild.remove();
    document.getElementById("empty")?.remove();
    news.textContent = `${fresh.length} new event${fresh.length === 1 ? "" : "s"}`;
    redraw("[data-redrawn]");
    if (document.hidden) {
      unseen += fresh.length;
      document.title = `(${unseen}) ${document.title.replace(/^\(\d+\) /, "")}`;
    }
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) {
      redraw("[data-redrawn]");
      unseen = 0;
      document.title = document.title.replace(/^\(\d+\) /, "");
    }
  });

  const look = rows ? fetchRows : () => redraw("[data-redrawn]");

  live.hidden = false;
  let polling;
  const poll = () => { polling ??= setInterval(look, POLL_MS); };
  const stream = new EventSource(`/events/stream?${new URLSearchParams({ q, after })}`);
  const stand = () => {
    if (stream.readyState === EventSource.OPEN) say("on", "Live");
    else say("off", stream.readyState === EventSource.CLOSED ? "Checking every 3 seconds" : "Reconnecting…");
  };
  stream.addEventListener("open", () => {
    clearInterval(polling);
    polling = undefined;
    stand();
    if (rows) fetchRows(); // what arrived between the page and the stream
  });
  stream.addEventListener("event", look);
  stream.addEventListener("reset", () => location.reload()); // these rows are of a log that is no more
  stream.addEventListener("error", () => {
    stand();
    poll();
  });
}
