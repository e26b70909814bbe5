"""The rules of a number and their flows as a picture: SVG, in the colours of the page that it is on.

The flows stand below each other, and beside them a lane leads down or up to each. So it is narrow enough for
a telephone, and no line crosses a word. What is kept up and draws graphs (graphviz, igraph) needs a program
or a library in C, and knows nothing of steps within a box; grandalf has not moved since 2023.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from html import escape
from unicodedata import east_asian_width

from receiver.answering import words
from receiver.answering.rules import GoStep, Number, Rules, Step
from receiver.answering.shown import flows_of
from receiver.answering.way import Way
from receiver.vocabulary.printable import printable

_WIDTH, _GAP, _ROW, _PAD, _LANE = 290, 22, 20, 8, 12
NOWHERE = Way()
_SIGNS = 36
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
    y: int = 0

    @property
    def height(self) -> int:
        return _ROW * (len(self.rows) + 1) + _PAD


def picture(rules: Rules, number: Number, way: Way = NOWHERE, *, alone: bool = False) -> str:
    """An SVG of what may become of a call. `way` is the one that a call took.

    With `alone` it brings its own colours, for where no page gives it any. Put it in a box that scrolls.
    """
    cards = _cards(rules, number, way)
    height = _place(cards)
    lanes = _lanes(cards)
    width = _PAD * 2 + _WIDTH + _LANE * (max(lanes.values(), default=0) + 2)
    name = escape(printable(f"{number.number} {number.name or ''}".strip()))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="flow" role="img" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" font-family="system-ui, sans-serif" font-size="13"'
        f' fill="none" stroke="currentColor"><title>Rules of {name}</title>',
        _ALONE if alone else "",
        *(_lane(cards, name, lane) for name, lane in lanes.items()),
        *(_drawn(card) for card in cards.values()),
        "</svg>",
    ]
    return "\n".join(filter(None, parts))


def _cards(rules: Rules, number: Number, way: Way) -> dict[str, _Card]:
    """The rules, under an empty name, and each flow."""
    cards = {"": _Card(f"{number.number}  {number.name or ''}".strip(), taken=bool(way.steps))}
    for place, rule in enumerate(number.calls, 1):
        text = f"{words.of_conditions(rule.conditions)} → {rule.flow}"
        cards[""].rows.append(_Row(text, rule.flow, place == way.rule))
    passed = {flow for flow, _ in way.steps}
    for name in flows_of(rules, number):
        card = cards[name] = _Card(name, taken=name in passed)
        for at, step in enumerate(rules.flows[name], 1):
            left_by = {takes for flow, step_left, takes in way.branches if (flow, step_left) == (name, at)}
            card.rows += _step_rows(step, left_by, taken=(name, at) in way.steps)
    return cards


def _step_rows(step: Step, left_by: Collection[str], *, taken: bool) -> Iterator[_Row]:
    yield _Row(
        words.of_step(step),
        step.flow if isinstance(step, GoStep) else None,
        taken,
        back=isinstance(step, GoStep) and step.times is not None,
    )
    for takes, what, target in words.of_branches(step):
        yield _Row(f"    {what} → {target}", target, takes in left_by)


def _place(cards: dict[str, _Card]) -> int:
    """Put the cards below each other; the height of it all."""
    y = _PAD
    for card in cards.values():
        card.y = y
        y += card.height + _GAP
    return y - _GAP + _PAD


def _comers(cards: dict[str, _Card], name: str) -> list[tuple[int, _Row]]:
    """The rows that lead to a flow, and how far down they are."""
    return [
        (card.y + 14 + _ROW * at, row)
        for card in cards.values()
        for at, row in enumerate(card.rows, 1)
        if row.target == name
    ]


def _lanes(cards: dict[str, _Card]) -> dict[str, int]:
    """A lane for each flow that is led to, the innermost that is free all the way."""
    lanes: dict[str, int] = {}
    taken: list[tuple[int, int, int]] = []
    spans = {
        name: (min(heights), max(heights))
        for name, card in cards.items()
        if len(heights := [card.y + 12, *(y for y, _ in _comers(cards, name))]) > 1
    }
    for name, (top, end) in sorted(spans.items(), key=lambda item: item[1][1] - item[1][0]):
        crossed = {lane for lane, other_top, other_end in taken if top <= other_end and other_top <= end}
        lane = next(lane for lane in range(len(taken) + 1) if lane not in crossed)
        lanes[name] = lane
        taken.append((lane, top, end))
    return lanes


def _lane(cards: dict[str, _Card], name: str, lane: int) -> str:
    """The lines that lead to a flow, and the arrow at their end."""
    edge, target = _PAD + _WIDTH, cards[name]
    x, to_y = edge + 10 + _LANE * (lane + 1), target.y + 12
    lines = []
    for y, row in _comers(cards, name):
        taken = row.taken and target.taken
        look = ' class="way" stroke-width="3"' if taken else ' opacity="0.6"'
        dashes = ' stroke-dasharray="4 3"' if row.back else ""
        lines.append(f'<path d="M{edge} {y}H{x}V{to_y}H{edge + 6}"{look}{dashes}/>')
    arrow = f'<path d="M{edge + 8} {to_y - 4}l-7 4l7 4z" fill="currentColor" stroke="none"/>'
    return "".join((*lines, arrow))


def _drawn(card: _Card) -> str:
    wide = ' class="way" stroke-width="3"' if card.taken else ""
    texts = [_text(_PAD, card.y + 16, card.title, ' font-weight="600"')]
    for at, row in enumerate(card.rows, 1):
        bold = ' class="way" font-weight="600"' if row.taken else ""
        texts.append(_text(_PAD, card.y + 18 + _ROW * at, row.text, bold, row.target))
    box = f'<rect x="{_PAD}" y="{card.y}" width="{_WIDTH}" height="{card.height}" rx="6"{wide}/>'
    return "\n".join((f"<g>{box}", *texts, "</g>"))


def _text(x: int, y: int, text: str, look: str, target: str | None = None) -> str:
    """A row, cut to its room before the flow that it leads to; whole when it is pointed at."""
    indent = 14 if text.startswith(" ") else 0
    whole = printable(text.strip())
    room, goal = _SIGNS - indent // 7, printable(f" → {target}")
    if whole.endswith(goal) and _width(goal) < room:
        short = _cut(whole.removesuffix(goal), room - _width(goal)) + goal
    else:
        short = _cut(whole, room)
    title = f"<title>{escape(whole)}</title>" if short != whole else ""
    place = f'x="{x + 10 + indent}" y="{y}"'
    return f'<text {place} fill="currentColor" stroke="none"{look}>{escape(short)}{title}</text>'


def _cut(text: str, room: int) -> str:
    width = 0
    for at, sign in enumerate(text):
        width += _width(sign)
        if width > room:
            return text[: max(at - 1, 0)].rstrip() + "…"
    return text


def _width(text: str) -> int:
    return sum(2 if east_asian_width(sign) in "WF" else 1 for sign in text)
