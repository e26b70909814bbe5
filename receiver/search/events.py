"""Finding events, in the same way for the command line, the HTTP API and the console."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, cast

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    any_,
    bindparam,
    func,
    select,
    text,
)

from receiver.db.settled import settled_id
from receiver.models import EVENTS, WHOLE_EVENT, Event
from receiver.search.came import params_json, raw_json
from receiver.search.conditions import NO_TEST
from receiver.search.ends import complete_if_possible
from receiver.search.home import at_home
from receiver.search.match import matches
from receiver.search.query import Search
from receiver.search.select import ids_of_page, matching_ids
from receiver.search.span import END, Span
from receiver.vocabulary.fields import FIELDS, Sort, fields_of
from receiver.vocabulary.kinds import Kind
from receiver.vocabulary.linked import linked_json

DEFAULT_PAGE = 50
LARGEST_PAGE = 500
_PORTION = 1000
"""How many events are read at once when all are wanted."""


@dataclass(frozen=True, slots=True)
class Page:
    """Events, newest first, and where the next older page begins (None: there is none).

    With `cut_short` there are fewer than asked for because only so many are looked at: see `next`.

    They are rows of the log that can be read like an `Event` but not changed.
    """

    events: Sequence[Event]
    next: int | None
    cut_short: bool = False


@dataclass(frozen=True, slots=True)
class Tail:
    """New events, oldest first, and the id to go on from: nothing more will appear below it."""

    events: Sequence[Event]
    next: int


class EventLog:
    """Reads the log. Pages are by event id, so they are stable while events arrive."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, wanted: Search, *, before: int | None = None, limit: int = DEFAULT_PAGE) -> Page:
        """One page of the newest events below id `before`. It may be cut short: see `MOST_LOOKED_AT`."""
        stopped = None
        with self._engine.connect() as connection:
            # Reading one more tells whether there is a next page, without counting the log.
            if wanted.everything:
                found = connection.execute(_NEWEST, {"below": before or END, "number": limit + 1}).all()
                events, ids = cast(Sequence[Event], found[:limit]), [event.id for event in found]
            else:
                page = ids_of_page(connection, wanted, Span(below=before or END), limit + 1)
                ids, stopped = page.ids, page.below
                events = rows(connection, ids[:limit])
        return Page(events, ids[limit - 1] if len(ids) > limit else stopped, stopped is not None)

    def ids(self, wanted: Search, *, before: int | None = None, limit: int = LARGEST_PAGE) -> list[int]:
        """The ids of such a page, for a caller that reads only some columns."""
        with self._engine.connect() as connection:
            return matching_ids(connection, wanted, Span(below=before or END), limit)

    def after(self, wanted: Search, after_id: int, *, limit: int = DEFAULT_PAGE) -> Tail:
        """Events above id `after_id`, oldest first: what a live tail shows next.

        Returns an event only once none with a lower id can still appear, so that a caller that goes on from
        `Tail.next` misses nothing. `Tail.next` also moves past events that do not match. An event of a call
        has the ends of its call by then, as far as they are known.
        """
        with self._engine.connect() as connection:
            settled = settled_id(connection, after_id)
        if settled > after_id:
            complete_if_possible(self._engine, after_id, settled)
        with self._engine.connect() as connection:
            wanted = at_home(connection, wanted)
            structure = wanted.without("text", "contact")
            span = Span(above=after_id, below=settled + 1)
            ids = matching_ids(connection, structure, span, limit, oldest=True)
            if len(ids) == limit:
                settled = ids[-1]
            events = rows(connection, ids)
        # Also of the types: who waits for the end of a call gets that, once, and not what it can be told by.
        events = [event for event in events if matches(wanted, event)]
        return Tail(events, settled)

    def newest_id(self) -> int:
        """The id of the newest event, 0 in an empty log.

        A live tail asks for it before it shows the first page, and goes on from there. It may show an event
        twice, but misses none.
        """
        with self._engine.connect() as connection:
            newest = connection.scalar(select(func.max(Event.id))) or 0
            return settled_id(connection, max(0, newest - 1))

    def reached(self, position: int) -> bool:
        """Whether the log has an event with this id or above it.

        Not if an older copy of the log was restored: who waits for what comes above an id of the lost one
        would wait for long. Nor if the newest events were erased.
        """
        with self._engine.connect() as connection:
            return position <= (connection.scalar(select(func.max(Event.id))) or 0)

    def every(self, wanted: Search, limit: int | None = None) -> Iterator[Event]:
        """All events that match, newest first; memory does not grow with their number."""
        for ids in self._portions(wanted, END if limit is None else limit):
            with self._engine.connect() as connection:
                events = rows(connection, ids)
            yield from events

    def get(self, event_id: int) -> Event | None:
        """One event with all columns."""
        with self._engine.connect() as connection:
            found = rows(connection, [event_id])
        return found[0] if found else None

    def missing(self, ids: Sequence[int]) -> list[int]:
        """Those of the ids that no event has, in this order."""
        with self._engine.connect() as connection:
            there = set(connection.scalars(_THERE[connection.dialect.name], {"ids": list(ids)}))
        return [event_id for event_id in dict.fromkeys(ids) if event_id not in there]

    def _portions(self, wanted: Search, limit: int) -> Iterator[list[int]]:
        """The ids of all events that match, newest first, each portion from a transaction of its own."""
        before, left = END, limit
        while left > 0:
            size = min(left, _PORTION)
            with self._engine.connect() as connection:
                ids = matching_ids(connection, wanted, Span(below=before), size)
            if ids:
                yield ids
            if len(ids) < size:
                return
            before, left = ids[-1], left - len(ids)


def rows(connection: Connection, ids: Sequence[int]) -> list[Event]:
    """The events with these ids, in this order, without those that were deleted in the meantime."""
    if not ids:
        return []
    found = {row.id: row for row in connection.execute(_ROWS[connection.dialect.name], {"ids": list(ids)})}
    return [cast(Event, found[event_id]) for event_id in ids if event_id in found]


WITH_IDS: dict[str, ColumnElement[bool]] = {
    "sqlite": EVENTS.c.id.in_(bindparam("ids", expanding=True)),
    # One value to parse and plan instead of hundreds.
    "postgresql": EVENTS.c.id == any_(bindparam("ids", type_=ARRAY(BigInteger))),
}
"""By dialect, the condition that an event's id is among `ids`."""
_ROWS = {dialect: select(*WHOLE_EVENT).where(condition) for dialect, condition in WITH_IDS.items()}
_THERE = {dialect: select(EVENTS.c.id).where(condition) for dialect, condition in WITH_IDS.items()}
_NEWEST = (
    select(*WHOLE_EVENT)
    .where(EVENTS.c.id < bindparam("below", type_=BigInteger), text(NO_TEST))
    .order_by(EVENTS.c.id.desc())
    .limit(bindparam("number", type_=BigInteger))
)


def iso(when: datetime | None) -> str | None:
    """UTC, ISO 8601, with Z."""
    if when is None:
        return None
    return when.astimezone(UTC).isoformat(timespec="milliseconds")[: -len("+00:00")] + "Z"


COLUMN_OF = {"quarantined": "quarantine", "quarantine_reason": "quarantine"}
"""Where a field's name is not that of its column."""


def _reader(names: Sequence[str]) -> Callable[[Any], dict[str, Any]]:
    """A function that takes the columns of these fields from an event, all at once."""
    # By position, since reading a row by name takes several times as long.
    positions = [column.key for column in WHOLE_EVENT]
    values = itemgetter(*(positions.index(COLUMN_OF.get(name, name)) for name in names))
    return lambda event: dict(zip(names, values(event), strict=True))


_READERS = {str(kind): _reader(fields_of(kind)) for kind in Kind}
_TIMES, _AMOUNTS, _FILES = (
    [name for name, field in FIELDS.items() if field.sort is sort]
    for sort in (Sort.TIME, Sort.AMOUNT, Sort.FILES)
)


def event_json(event: Event, *, raw: bool = False) -> dict[str, Any]:
    """The form of an event in the API and on the command line. Money is text, since JSON has only floats."""
    shown = _READERS[event.kind](event)
    for name in _TIMES:
        shown[name] = iso(shown[name])
    shown["quarantined"] = shown["quarantined"] is not None
    shown["problems"] = shown["problems"] or []
    for name in _FILES:
        if name in shown:
            shown[name] = linked_json(shown[name])
    for name in _AMOUNTS:
        if shown.get(name) is not None:
            shown[name] = str(shown[name])
    shown["params"] = params_json(event)
    if raw:
        shown["raw"] = raw_json(event)
    return shown
