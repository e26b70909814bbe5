"""How many calls there were: one for each session, as the list of calls has them, not one for each event; and
what else came, to the second. The counts know hours and types only."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, select

from receiver.models import EVENTS
from receiver.search.events import WITH_IDS
from receiver.search.query import Search
from receiver.search.select import matching_ids
from receiver.search.span import Span
from receiver.vocabulary.kinds import EventState, EventType, Kind

MOST_READ = 20_000
"""Events that are read to count them; reading them takes a few hundredths of a second."""


@dataclass(frozen=True, slots=True)
class CallTimes:
    """When something of a call was received, and of which call."""

    at: datetime
    session: str


@dataclass(frozen=True, slots=True)
class TypeTime:
    """When an event was received, and what it tells."""

    at: datetime
    kind: str
    type: str


def call_times(engine: Engine, since: datetime) -> Sequence[CallTimes] | None:
    """Everything trusted that was received of calls since then; None if that is too much to read."""
    columns = (EVENTS.c.received_at, EVENTS.c.session)
    query = (
        select(*columns)
        .where(EVENTS.c.received_at >= since, EVENTS.c.kind == Kind.VOICE)
        .where(EVENTS.c.quarantine.is_(None), EVENTS.c.session.is_not(None))
        .limit(MOST_READ + 1)
    )
    with engine.connect() as connection:
        found = [CallTimes(row.received_at, row.session) for row in connection.execute(query)]
    return found if len(found) <= MOST_READ else None


def others(engine: Engine, since: datetime, types: Collection[EventType]) -> Sequence[TypeTime] | None:
    """Every trusted event of these types received since then; None if that is too much to read."""
    columns = (EVENTS.c.received_at, EVENTS.c.kind, EVENTS.c.type)
    query = (
        select(*columns)
        .where(EVENTS.c.received_at >= since, EVENTS.c.type.in_(types), EVENTS.c.quarantine.is_(None))
        .limit(MOST_READ + 1)
    )
    with engine.connect() as connection:
        found = [TypeTime(*row) for row in connection.execute(query)]
    return found if len(found) <= MOST_READ else None


def missed_calls(engine: Engine, since: datetime) -> int:
    """The calls that ended since then without being answered."""
    wanted = Search(kind=Kind.VOICE, state=EventState.MISSED, since=since, quarantined=False)
    with engine.connect() as connection:
        ids = matching_ids(connection, wanted, Span(), MOST_READ)
        found = connection.execute(
            select(EVENTS.c.session).where(WITH_IDS[engine.dialect.name]), {"ids": ids}
        )
        return len({session for (session,) in found if session}) if ids else 0
