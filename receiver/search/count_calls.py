"""How many calls there were: one for each session, as the list of calls has them, not one for each event; and
what else came, in parts of hours. The counts know hours and types only."""

# ruff: noqa: S608  # SQL is put together from our own words; values are always bound

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, bindparam, select, text

from receiver.models import EVENTS, UtcTime
from receiver.search.events import WITH_IDS
from receiver.search.query import Search
from receiver.search.select import matching_ids
from receiver.search.span import Span
from receiver.vocabulary.kinds import EventState, EventType, Kind

MOST_READ = 20_000
"""Events that are read to count them; reading them takes a few hundredths of a second."""


@dataclass(frozen=True, slots=True)
class Calls:
    """How many calls there were, and by the place of a bar, how many there was something of."""

    number: int
    bars: Counter[int]


@dataclass(frozen=True, slots=True)
class OfType:
    """How many events of a type came in a bar."""

    bar: int
    kind: str
    type: str
    events: int


def count_calls(engine: Engine, begins: Sequence[datetime]) -> Calls | None:
    """The trusted calls in bars that begin at these times, oldest first; None if they have too many events to
    read."""
    found = _counted(engine, begins, "session", "kind = 'voice' AND session IS NOT NULL")
    if found is None:
        return None
    return Calls(len({row.session for row in found}), Counter(row.bar for row in found))


def count_others(
    engine: Engine, begins: Sequence[datetime], types: Collection[EventType]
) -> Sequence[OfType] | None:
    """The trusted events of these types in such bars; None if they are too many to read."""
    wanted = ", ".join(f"'{one}'" for one in types)
    found = _counted(engine, begins, "kind, type", f"type IN ({wanted})")
    return None if found is None else [OfType(row.bar, row.kind, row.type, row.events) for row in found]


def ended_calls(engine: Engine, state: EventState, since: datetime) -> int:
    """The calls that ended so since then."""
    wanted = Search(kind=Kind.VOICE, state=state, since=since, quarantined=False)
    with engine.connect() as connection:
        ids = matching_ids(connection, wanted, Span(), MOST_READ)
        found = connection.execute(
            select(EVENTS.c.session).where(WITH_IDS[engine.dialect.name]), {"ids": ids}
        )
        return len({session for (session,) in found if session}) if ids else 0


# Without statistics SQLite would read all calls there ever were.
_ALONG = {"sqlite": " INDEXED BY ix_events_received_at_id", "postgresql": ""}


def _counted(engine: Engine, begins: Sequence[datetime], by: str, wanted: str) -> Sequence[Any] | None:
    """Events by bar and these columns. The database puts them together: a call has several."""
    given = {f"begin_{at}": when for at, when in enumerate(begins)}
    bar = " ".join(f"WHEN received_at >= :begin_{at} THEN {at}" for at in reversed(range(len(begins))))
    query = text(
        f"SELECT CASE {bar} END AS bar, {by}, count(*) AS events FROM (SELECT received_at, {by}"
        f" FROM events{_ALONG[engine.dialect.name]} WHERE received_at >= :begin_0 AND quarantine IS NULL"
        f" AND {wanted} LIMIT :most) AS read_ones GROUP BY 1, {by}"
    ).bindparams(*(bindparam(name, type_=UtcTime) for name in given))
    with engine.connect() as connection:
        found = connection.execute(query, given | {"most": MOST_READ + 1}).all()
    return found if sum(row.events for row in found) <= MOST_READ else None
