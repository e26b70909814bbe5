"""How wide the columns of a table are, and which of them stand back where the terminal is narrow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

GAP = 2
"""Between two columns."""
WORDS = 24
"""A column wider than this holds words, which may be cut or go on in the next line. One that is not may hold
ids, numbers or times: it is shown whole or not at all."""

NARROWEST = 8
"""Of a column of words that stands beside nothing that could be left out."""


class Column(str):
    """A heading that says how its column makes room.

    `goes` is the order in which columns are left out: 1 before 2; those with 0 stay. With `room`, the column
    holds words, however few, and that many cells of it are enough. A `seldom` column is left out where no
    row has anything in it.
    """

    goes: int
    room: int | None
    seldom: bool

    def __new__(cls, heading: str, *, goes: int = 0, room: int | None = None, seldom: bool = False) -> Column:
        made = super().__new__(cls, heading)
        made.goes = goes
        made.room = room
        made.seldom = seldom
        return made


def fitted(headings: Sequence[str], wished: Sequence[int], width: int) -> list[int]:
    """The width of each column by what they wish for; 0: left out.

    Columns of words become narrower first, then columns are left out.
    """
    columns = [one if isinstance(one, Column) else Column(one) for one in headings]
    least = [_least(one, wish) for one, wish in zip(columns, wished, strict=True)]
    shown = list(range(len(columns)))
    for at in sorted((at for at in shown if columns[at].goes), key=lambda at: columns[at].goes):
        if _together(least[other] for other in shown) > width:
            shown.remove(at)
    widths = [least[at] if at in shown else 0 for at in range(len(columns))]
    spare = width - _together(least[at] for at in shown)
    for at in sorted((at for at in shown if _words(columns[at], wished[at])), key=lambda at: -widths[at]):
        less = min(max(0, -spare), max(0, widths[at] - NARROWEST))
        widths[at] -= less
        spare += less
    # Whoever lacks the least gets all of it; the others share what is left.
    hungry = sorted((at for at in shown if wished[at] > least[at]), key=lambda at: wished[at] - least[at])
    for place, at in enumerate(hungry):
        more = max(0, min(wished[at] - least[at], spare // (len(hungry) - place)))
        widths[at] += more
        spare -= more
    return widths


def _words(column: Column, wished: int) -> bool:
    return column.room is not None or wished > WORDS


def _least(column: Column, wished: int) -> int:
    if column.room is not None:
        return min(wished, max(column.room, len(column)))
    return min(wished, WORDS)


def _together(widths: Iterable[int]) -> int:
    listed = list(widths)
    return sum(listed) + GAP * (len(listed) - 1)
