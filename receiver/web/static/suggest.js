// What may be typed next in a search field: a combobox, as the ARIA patterns describe it.

let known; // by list: [{ name, says, values }]

export function suggestions() {
  for (const field of document.querySelectorAll("input[data-list]")) suggest(field);
}

function suggest(field) {
  const list = document.createElement("ul");
  list.id = `${field.id}-words`;
  list.className = "suggested";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Suggestions");
  list.hidden = true;
  const place = document.createElement("span");
  place.className = "combobox";
  field.before(place);
  place.append(field, list);
  field.setAttribute("role", "combobox");
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-controls", list.id);
  field.setAttribute("aria-expanded", "false");
  let at = -1;

  const close = () => {
    list.hidden = true;
    list.replaceChildren();
    point(-1);
    field.setAttribute("aria-expanded", "false");
  };

  const point = (to) => {
    list.children[at]?.removeAttribute("aria-selected");
    at = to;
    const chosen = list.children[at];
    if (!chosen) return field.removeAttribute("aria-activedescendant");
    chosen.setAttribute("aria-selected", "true");
    chosen.scrollIntoView({ block: "nearest" });
    field.setAttribute("aria-activedescendant", chosen.id);
  };

  const show = async (all) => {
    const words = await wordsOf(field.dataset.list);
    if (document.activeElement !== field) return;
    const found = matching(words, field.value, field.selectionStart, all);
    close();
    if (!found.length) return;
    list.append(...found.map(({ text, says }, place) => option(`${list.id}-${place}`, text, says)));
    list.hidden = false;
    field.setAttribute("aria-expanded", "true");
  };

  const take = (chosen) => {
    const text = chosen.dataset.text;
    const { start, end } = token(field.value, field.selectionStart);
    const goesOn = text.endsWith(":");
    const rest = field.value.slice(end);
    const added = goesOn || rest.startsWith(" ") ? text : `${text} `;
    field.value = field.value.slice(0, start) + added + rest;
    const caret = start + added.length + (goesOn || !rest.startsWith(" ") ? 0 : 1);
    field.setSelectionRange(caret, caret);
    close();
    if (goesOn) show(false);
  };

  field.addEventListener("input", () => show(false));
  field.addEventListener("blur", close);
  field.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && list.hidden) {
      if (step > 0) show(true);
    } else if (step) {
      // Before the first and after the last stands what was typed.
      const places = list.children.length + 1;
      point(((at + 1 + step + places) % places) - 1);
    } else if (event.key === "Escape" && !list.hidden) {
      close();
      event.stopPropagation();
    } else if ((event.key === "Enter" || (event.key === "Tab" && !event.shiftKey)) && at >= 0) {
      take(list.children[at]);
    } else {
      return;
    }
    event.preventDefault();
  });
  // The field keeps the focus.
  list.addEventListener("mousedown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const chosen = event.target.closest("[role=option]");
    if (chosen) take(chosen);
  });
}

function option(id, text, says) {
  const made = document.createElement("li");
  made.id = id;
  made.dataset.text = text;
  made.setAttribute("role", "option");
  const word = document.createElement("code");
  word.textContent = text;
  made.append(word);
  if (says) {
    const about = document.createElement("span");
    about.className = "quiet";
    about.textContent = says;
    made.append(" ", about);
  }
  return made;
}

async function wordsOf(name) {
  known ??= {};
  known[name] ??= fetch(`/search/words?${new URLSearchParams({ list: name })}`, { redirect: "error" })
    .then((answer) => (answer.ok ? answer.json() : []))
    .catch(() => []);
  return known[name];
}

// The word at the caret: from its beginning to its end. Inside quotes there is none.
function token(value, caret) {
  const before = value.slice(0, caret);
  const start = before.search(/\S*$/);
  const end = caret + value.slice(caret).search(/\s|$/);
  return { start, end, typed: (before.match(/"/g) ?? []).length % 2 ? null : before.slice(start) };
}

function matching(words, value, caret, all) {
  const { start, end, typed } = token(value, caret);
  if (typed === null || (!typed && !all)) return [];
  const others = ` ${value.slice(0, start)} ${value.slice(end)}`.toLowerCase();
  const not = typed.startsWith("-") ? "-" : "";
  const asked = typed.slice(not.length).toLowerCase();
  const free = words.filter(({ name }) => !others.match(new RegExp(`\\s-?${name}`)) && (!not || !name.endsWith(":")));
  const filter = words.find(({ name }) => name.endsWith(":") && asked.startsWith(name));
  if (filter) return filter.values.filter((text) => bare(text).startsWith(bare(asked)) && text !== asked).map((text) => ({ text }));
  const places = free.map(({ name, says }) => ({ text: not + name, says, place: name.indexOf(asked) }));
  return places.filter(({ text, place }) => (place === 0 || (place > 0 && asked.length > 1)) && text !== typed)
    .sort((one, other) => Math.sign(one.place) - Math.sign(other.place));
}

const bare = (text) => text.toLowerCase().replace(/["+]/g, "");
