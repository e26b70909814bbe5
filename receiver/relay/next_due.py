"""Which deliveries of a target are next: those due and first of their line, and what stands behind these.

A look costs about as much for a long queue as for a short one. A target that was down for a day comes back to
hundreds of thousands, in a few deep lines or in many.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    ScalarSelect,
    Select,
    String,
    bindparam,
    literal_column,
    select,
)

from receiver.models import DELIVERIES

LONGEST_CHAIN = 8
"""Deliveries of one call or conversation that are claimed together."""
_WINDOW = 4
"""How many of the oldest are looked at for each that is wanted."""
_MOST_LINES = 500
"""Lines in one look; the next goes on behind them."""

# Not as a bound value: SQLite would not see that its partial indexes apply.
WAITING: ColumnElement[str] = literal_column("'waiting'")


class NextDue:
    """Finds what is next for one target."""

    def __init__(self, target_id: int) -> None:
        self._target_id = target_id
        self._behind = ""
        """The line at which the last look along the lines ended."""

    def heads(self, connection: Connection, now: datetime, most: int) -> list[Any]:
        """What is due and first of its line, about the oldest first.

        Among many that must wait for their turn some that need not may be missed, but not again and again.
        """
        asked = {"target": self._target_id, "now": now, "most": most, "window": most * _WINDOW}
        found = connection.execute(_OLDEST, asked).all()
        if len(found) >= most or connection.execute(_BEYOND, asked).first() is None:
            return list(found)
        others = [*self._along_the_lines(connection, now, most), *connection.execute(_IN_NO_LINE, asked)]
        return list({row.id: row for row in (*found, *others)}.values())[:most]

    def followers(
        self, connection: Connection, heads: Sequence[Any], now: datetime, room: int
    ) -> Iterator[Any]:
        """What may go out right behind these, in its order; of each line as many as are due in a row."""
        firsts = [head.id for head in heads if head.line]
        if not firsts or room <= 0:
            return
        asked = {"target": self._target_id, "firsts": firsts}
        behind = [row.id for row in connection.execute(_BEHIND, asked) if row.id and row.id not in firsts]
        rows = connection.execute(_ROWS, {"ids": behind})
        for _, line in groupby(sorted(rows, key=lambda row: (row.line, row.id)), key=lambda row: row.line):
            for row in line:
                if row.due_at > now or room <= 0:
                    break
                room -= 1
                yield row

    def _along_the_lines(self, connection: Connection, now: datetime, most: int) -> list[Any]:
        asked = {"target": self._target_id, "behind": self._behind, "lines": _MOST_LINES}
        seen = [row for row in connection.execute(_LINES, asked) if row.line is not None]
        self._behind = seen[-1].line if len(seen) >= _MOST_LINES else ""
        found = connection.execute(_ROWS, {"ids": [row.id for row in seen]})
        return [row for row in found if row.due_at <= now][:most]


def _waiting(table: Any, *conditions: Any) -> Select[Any]:
    return select(table.c.id).where(
        table.c.target_id == bindparam("target"), table.c.state == WAITING, *conditions
    )


def _first(line: Any, *conditions: Any) -> ScalarSelect[Any]:
    """The first of a line. Asked for by its order, so that only the index of lines will do."""
    table = DELIVERIES.alias("before")
    query = _waiting(table, table.c.line == line, *(condition(table) for condition in conditions))
    return query.order_by(table.c.line, table.c.id).limit(1).correlate_except(table).scalar_subquery()


def _next_line(line: Any) -> ScalarSelect[Any]:
    table = DELIVERIES.alias("next")
    query = _waiting(table, table.c.line > line).with_only_columns(table.c.line)
    return query.order_by(table.c.line).limit(1).correlate_except(table).scalar_subquery()


def _lines() -> CTE:
    """The lines that wait, from one index entry to the next: nothing between them is read."""
    found = select(
        _next_line(bindparam("behind", type_=String)).label("line"), literal_column("1").label("place")
    ).cte("lines", recursive=True)
    more = select(_next_line(found.c.line), found.c.place + 1)
    return found.union_all(more.where(found.c.line.is_not(None), found.c.place < bindparam("lines")))


def _chains() -> CTE:
    start = select(DELIVERIES.c.id, DELIVERIES.c.line, literal_column("1").label("place"))
    found = start.where(DELIVERIES.c.id.in_(bindparam("firsts", expanding=True))).cte(
        "chains", recursive=True
    )
    after = _first(found.c.line, lambda table: table.c.id > found.c.id)
    more = select(after, found.c.line, found.c.place + 1)
    return found.union_all(more.where(found.c.id.is_not(None), found.c.place < LONGEST_CHAIN))


_COLUMNS = [
    DELIVERIES.c[name] for name in ("id", "event_id", "line", "attempts", "replay_id", "created_at", "due_at")
]
_DUE = (
    select(*_COLUMNS)
    .where(
        DELIVERIES.c.target_id == bindparam("target"),
        DELIVERIES.c.state == WAITING,
        DELIVERIES.c.due_at <= bindparam("now"),
    )
    .order_by(DELIVERIES.c.due_at, DELIVERIES.c.id)
)
_window = _DUE.limit(bindparam("window")).subquery("oldest")
_OLDEST = (
    select(*_window.c)
    .where((_window.c.line == "") | (_window.c.id == _first(_window.c.line)))
    .order_by(_window.c.due_at, _window.c.id)
    .limit(bindparam("most"))
)
ANY_DUE = _DUE.with_only_columns(DELIVERIES.c.id).limit(1)
_BEYOND = ANY_DUE.offset(bindparam("window"))
_lineless = (
    select(*_COLUMNS)
    .where(
        DELIVERIES.c.target_id == bindparam("target"), DELIVERIES.c.line == "", DELIVERIES.c.state == WAITING
    )
    .order_by(DELIVERIES.c.line, DELIVERIES.c.id)
    .limit(bindparam("window"))
    .subquery("in_no_line")
)
_IN_NO_LINE = select(*_lineless.c).where(_lineless.c.due_at <= bindparam("now"))
_found_lines = _lines()
_LINES = select(_found_lines.c.line, _first(_found_lines.c.line).label("id"))
_found_chains = _chains()
_BEHIND = select(_found_chains.c.id)
_ROWS = select(*_COLUMNS).where(
    DELIVERIES.c.id.in_(bindparam("ids", expanding=True)), DELIVERIES.c.state == WAITING
)
