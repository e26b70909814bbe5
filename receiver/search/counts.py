"""How many events there are, without reading the log: from counts that are kept as it grows.

They cover trusted events only, and follow deletion and release from quarantine. Our own tests are not
counted. Events that are not in the counts yet are read and added. Hours are by `received_at`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from receiver.models import EVENTS, Event, HourCount, IndexState, NumberCount
from receiver.search.additions import Additions, hour_of
from receiver.vocabulary.kinds import EventType

MOST_UNCOUNTED = 5_000
"""How many events are read in addition to the counts. If the counts are further behind, after an upgrade say,
totals are too low: see `receiver.search.index_lag`."""
_AT_ONCE = 500
"""Values in one statement: there may be more numbers than a database takes."""


@dataclass(frozen=True, slots=True)
class HourOfKind:
    """Events of one kind in the hour that begins at `hour` (UTC)."""

    hour: datetime
    kind: str
    events: int


@dataclass(frozen=True, slots=True)
class HourOfType:
    """Events of one kind and type in the hour that begins at `hour` (UTC)."""

    hour: datetime
    kind: str
    type: str
    events: int


@dataclass(frozen=True, slots=True)
class TypeTotal:
    """Events of one kind and type."""

    kind: str
    type: str
    events: int


@dataclass(frozen=True, slots=True)
class NumberTotal:
    """Events at one number, and the newest of them; `number` is empty for events without one."""

    number: str
    events: int
    last_id: int | None
    last_at: datetime | None
    """When the newest was received."""


class Counts:
    """Reads the counts."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def by_hour(self, since: datetime, until: datetime, number: str | None = None) -> Sequence[HourOfKind]:
        """Each hour with events, by kind, oldest first, from the hour of `since` to the last that begins
        before `until`."""
        found: Counter[tuple[datetime, str]] = Counter()
        for one in self.by_hour_and_type(since, until, number):
            found[one.hour, one.kind] += one.events
        return [HourOfKind(*key, events) for key, events in sorted(found.items()) if events > 0]

    def by_hour_and_type(
        self, since: datetime, until: datetime, number: str | None = None
    ) -> Sequence[HourOfType]:
        """The same, by kind and type, in no order."""
        with self._open() as (connection, fresh):
            found: Counter[tuple[datetime, str, str]] = Counter()
            table = HourCount
            columns = (table.hour, table.kind, table.type)
            query = select(*columns, func.sum(table.events)).group_by(*columns)
            query = query.where(
                table.hour >= hour_of(since), table.hour < until, table.type != EventType.TEST
            )
            if number is not None:
                query = query.where(table.number == number)
            for hour, kind, type_, events in connection.execute(query):
                found[hour, kind, type_] += int(events)
            for (hour, kind, type_, at), events in fresh.by_hour.items():
                if hour_of(since) <= hour < until and number in {None, at}:
                    found[hour, kind, type_] += events
        return [HourOfType(*key, events) for key, events in found.items() if events]

    def by_kind(self, since: datetime | None = None, until: datetime | None = None) -> Sequence[TypeTotal]:
        """Totals by kind and type; only of those hours if `since` or `until` is given."""
        with self._open() as (connection, fresh):
            found: Counter[tuple[str, str]] = Counter()
            table: type[HourCount] | type[NumberCount] = NumberCount if since is until is None else HourCount
            query = select(table.kind, table.type, func.sum(table.events)).group_by(table.kind, table.type)
            query = query.where(table.type != EventType.TEST)
            if since is not None:
                query = query.where(HourCount.hour >= hour_of(since))
            if until is not None:
                query = query.where(HourCount.hour < until)
            for kind, type_, events in connection.execute(query):
                found[kind, type_] += int(events)
            for (hour, kind, type_, _), events in fresh.by_hour.items():
                if (since is None or hour >= hour_of(since)) and (until is None or hour < until):
                    found[kind, type_] += events
        return [TypeTotal(*key, events) for key, events in sorted(found.items()) if events > 0]

    def by_number(self, numbers: Collection[str] | None = None) -> Sequence[NumberTotal]:
        """Totals by number with the newest event of each, busiest first; of these numbers, if they are
        given."""
        table = NumberCount
        newest = (
            select(func.max(Event.id))
            .where(EVENTS.c.recipient == table.number, Event.kind == table.kind, Event.type == table.type)
            .where(Event.quarantine.is_(None))
            .correlate(table)
            .scalar_subquery()
        )
        query = select(table.number, table.events, newest).where(
            table.events > 0, table.type != EventType.TEST
        )
        asked = (
            [query] if numbers is None else [query.where(table.number.in_(some)) for some in _few(numbers)]
        )
        with self._open() as (connection, fresh):
            totals: Counter[str] = Counter()
            last: dict[str, int] = {}
            for one in asked:
                for number, events, last_id in connection.execute(one):
                    totals[number] += events
                    last[number] = max(last.get(number, 0), last_id or 0)
            for (number, _, _), events in fresh.by_number.items():
                if numbers is None or number in numbers:
                    totals[number] += events
                    last[number] = max(last.get(number, 0), fresh.last[number])
            received: dict[int, datetime] = {}
            for some in _few(last.values()):
                times = connection.execute(select(Event.id, Event.received_at).where(Event.id.in_(some)))
                received.update((row.id, row.received_at) for row in times)
        return [
            NumberTotal(number, events, last[number] or None, received.get(last[number]))
            for number, events in sorted(totals.items(), key=lambda item: (-item[1], item[0]))
        ]

    @contextmanager
    def _open(self) -> Iterator[tuple[Connection, Additions]]:
        """A connection to the counts and, from the same snapshot, what is not in them yet."""
        # On SQLite a transaction is a snapshot anyway. Besides, once a level is set there, the driver begins
        # transactions by itself on that connection, even where `writing_at_once` relies on there being none.
        level = {"isolation_level": "REPEATABLE READ"} if self._engine.dialect.name == "postgresql" else {}
        with self._engine.connect().execution_options(**level) as connection:
            fresh = Additions()
            done = connection.scalar(select(IndexState.event_id)) or 0
            names = ("id", "kind", "type", "sender", "recipient", "received_at", "quarantine")
            for event in connection.execute(
                select(*(EVENTS.c[name] for name in names))
                .where(Event.id > done, Event.type != EventType.TEST)
                .order_by(Event.id)
                .limit(MOST_UNCOUNTED)
            ):
                fresh.add(event)
            yield connection, fresh


def _few(values: Iterable[Any]) -> Iterator[Sequence[Any]]:
    left = iter(values)
    while some := list(islice(left, _AT_ONCE)):
        yield some
