"""The rules of a number and their flows as a picture: SVG, in the colours of the page that it is on.

A flow stands to the right of those that lead to it. What is kept up and draws graphs (graphviz, igraph) needs
a program or a library in C, and knows nothing of steps within a box; grandalf has not moved since 2023.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from html import escape
from unicodedata import east_asian_width

from receiver.answering import words
from receiver.answering.rules import HANG_UP, GoStep, Number, Rules, Step
from receiver.answering.shown import flows_of

_WIDTH, _GAP_X, _GAP_Y, _ROW, _PAD = 250, 70, 22, 20, 12
_SIGNS = 33
"""How many letters a row has room for."""
_ALONE = (
    "<style>svg{color:#1f2328;background:#fff}@media(prefers-color-scheme:dark)"
    "{svg{color:#e6edf3;background:#0d1117}}</style>"
)


@dataclass
class _Row:
    text: str
    target: str | None = None
    taken: bool = False
    back: bool = False
    """Leads back, a counted number of times."""


@dataclass
class _Card:
    title: str
    rows: list[_Row] = field(default_factory=list)
    taken: bool = False
    x: int = 0
    y: int = 0

    @property
    def height(self) -> int:
        return _ROW * (len(self.rows) + 1) + _PAD


def picture(
    rules: Rules, number: Number, way: Collection[tuple[str, int]] = (), *, alone: bool = False
) -> str:
    """An SVG of what may become of a call. `way` are the steps that one took: a flow, and a number from 1.

    With `alone` it brings its own colours, for where no page gives it any. Put it in a box that scrolls.
    """
    cards = _cards(rules, number, way)
    width, height = _place(cards)
    name = escape(f"{number.number} {number.name or ''}".strip())
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="flow" role="img" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" font-family="system-ui, sans-serif" font-size="13"'
        f' fill="none" stroke="currentColor"><title>Rules of {name}</title>',
        _ALONE if alone else "",
        *(line for card in cards.values() for line in _lines(card, cards)),
        *(_drawn(card) for card in cards.values()),
        "</svg>",
    ]
    return "\n".join(filter(None, parts))


def _cards(rules: Rules, number: Number, way: Collection[tuple[str, int]]) -> dict[str, _Card]:
    """The rules, under an empty name, and each flow."""
    first = next(iter(way), ("", 0))[0]
    cards = {"": _Card(f"{number.number}  {number.name or ''}".strip(), taken=bool(way))}
    for rule in number.calls:
        text = f"{words.of_conditions(rule.conditions)} → {rule.flow}"
        cards[""].rows.append(_Row(text, rule.flow, rule.flow == first))
    passed = {flow for flow, _ in way}
    for name in flows_of(rules, number):
        card = cards[name] = _Card(name, taken=name in passed)
        for at, step in enumerate(rules.flows[name], 1):
            card.rows += _step_rows(step, passed if (name, at) in way else set(), taken=(name, at) in way)
    return cards


def _step_rows(step: Step, passed: Collection[str], *, taken: bool) -> Iterator[_Row]:
    goes = isinstance(step, GoStep)
    yield _Row(
        words.of_step(step),
        step.flow if isinstance(step, GoStep) else None,
        taken,
        back=isinstance(step, GoStep) and step.times is not None,
    )
    for what, target in words.of_branches(step):
        yield _Row(f"    {what} → {target}", target, not goes and taken and target in passed)


def _place(cards: dict[str, _Card]) -> tuple[int, int]:
    """Put each card into the column after the last that leads to it; the size of it all."""
    column = dict.fromkeys(cards, 0)
    for _ in cards:  # no way is longer than this; loops lead back and do not count
        for name, card in cards.items():
            for row in card.rows:
                if row.target in column and not row.back:
                    column[row.target] = max(column[row.target], column[name] + 1)
    below: dict[int, int] = {}
    for name, card in cards.items():
        at = column[name]
        card.x, card.y = _PAD + at * (_WIDTH + _GAP_X), below.get(at, _PAD)
        below[at] = card.y + card.height + _GAP_Y
    return _PAD * 2 + max(card.x for card in cards.values()) + _WIDTH, max(below.values())


def _lines(card: _Card, cards: dict[str, _Card]) -> Iterator[str]:
    for at, row in enumerate(card.rows):
        target = cards.get(row.target or HANG_UP)
        if target is None:
            continue
        x, y = card.x + _WIDTH, card.y + _ROW * (at + 1) + _ROW // 2 + 4
        to_x, to_y = target.x, target.y + _ROW // 2 + 2
        look = ' class="way" stroke-width="3"' if row.taken and target.taken else ' opacity="0.55"'
        dashes = ' stroke-dasharray="4 3"' if row.back else ""
        yield (
            f'<path d="M{x} {y}C{x + 45} {y} {to_x - 45} {to_y} {to_x - 5} {to_y}"{look}{dashes}/>'
            f'<path d="M{to_x - 7} {to_y - 4}l7 4l-7 4z" fill="currentColor" stroke="none"/>'
        )


def _drawn(card: _Card) -> str:
    wide = ' class="way" stroke-width="3"' if card.taken else ""
    texts = [_text(card.x, card.y + 16, card.title, ' font-weight="600"')]
    for at, row in enumerate(card.rows, 1):
        bold = ' class="way" font-weight="600"' if row.taken else ""
        texts.append(_text(card.x, card.y + 18 + _ROW * at, row.text, bold))
    box = f'<rect x="{card.x}" y="{card.y}" width="{_WIDTH}" height="{card.height}" rx="6"{wide}/>'
    return "\n".join((f"<g>{box}", *texts, "</g>"))


def _text(x: int, y: int, text: str, look: str) -> str:
    """A row, cut to its room; whole when it is pointed at."""
    indent = 14 if text.startswith(" ") else 0
    short = _cut(text.strip(), _SIGNS - indent // 7)
    title = f"<title>{escape(text.strip())}</title>" if short != text.strip() else ""
    place = f'x="{x + 10 + indent}" y="{y}"'
    return f'<text {place} fill="currentColor" stroke="none"{look}>{escape(short)}{title}</text>'


def _cut(text: str, room: int) -> str:
    width = 0
    for at, sign in enumerate(text):
        width += 2 if east_asian_width(sign) in "WF" else 1
        if width > room:
            return text[: max(at - 1, 0)].rstrip() + "…"
    return text
