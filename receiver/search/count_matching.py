"""Counting the events that match a search, by reading them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, select

from receiver.models import EVENTS
from receiver.search.additions import hour_of
from receiver.search.counts import HourOfKind, NumberTotal, TypeTotal
from receiver.search.events import WITH_IDS, iso
from receiver.search.query import Search
from receiver.search.select import matching_ids
from receiver.search.span import END, Span


@dataclass(frozen=True, slots=True)
class Matching:
    """Counts of the events that match a search, including quarantined ones."""

    types: Sequence[dict[str, Any]]
    """Events and repeats by kind and type, with the first and last time received."""
    hours: Sequence[HourOfKind]
    numbers: Sequence[NumberTotal]
    """Busiest first."""

    @property
    def totals(self) -> Sequence[TypeTotal]:
        """Events by kind and type."""
        return [TypeTotal(row["kind"], row["type"], row["events"]) for row in self.types]


class TooManyEvents(Exception):
    """More events match than were to be read."""


def count_matching(engine: Engine, wanted: Search, *, most: int = END) -> Matching:
    """Count what matches, by reading every such event, a portion at a time; `TooManyEvents` if those are more
    than `most`."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    hours: Counter[tuple[datetime, str]] = Counter()
    numbers: Counter[str] = Counter()
    newest: dict[str, tuple[int, datetime]] = {}
    before: int | None = END
    while before is not None:
        with engine.connect() as connection:
            ids = matching_ids(connection, wanted, Span(below=before), _PORTION)
            events = connection.execute(_COUNTED[engine.dialect.name], {"ids": ids}).all() if ids else []
        if (most := most - len(ids)) < 0:
            raise TooManyEvents
        for event_id, kind, type_, number, repeats, when in events:
            first = {"kind": kind, "type": type_, "events": 0, "repeats": 0, "first": when, "last": when}
            counted = found.setdefault((kind, type_), first)
            counted["events"] += 1
            counted["repeats"] += repeats
            counted["first"] = min(counted["first"], when)
            counted["last"] = max(counted["last"], when)
            hours[hour_of(when), kind] += 1
            numbers[number or ""] += 1
            newest[number or ""] = max(newest.get(number or "", (0, when)), (event_id, when))
        before = ids[-1] if len(ids) == _PORTION else None
    return Matching(
        [{**row, "first": iso(row["first"]), "last": iso(row["last"])} for _, row in sorted(found.items())],
        [HourOfKind(*key, events) for key, events in sorted(hours.items())],
        [
            NumberTotal(number, events, *newest[number])
            for number, events in sorted(numbers.items(), key=lambda item: (-item[1], item[0]))
        ],
    )


_PORTION = 1000
"""How many events are read at once."""
_COLUMNS = [EVENTS.c[name] for name in ("id", "kind", "type", "recipient", "repeats", "received_at")]
_COUNTED = {dialect: select(*_COLUMNS).where(condition) for dialect, condition in WITH_IDS.items()}
