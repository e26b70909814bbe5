"""Gives the events of a call the ends that their callbacks do not name: a report that a recording is ready
says which call, and not whose. So they are found, counted, delivered and erased by number like the others.

Whoever goes over the log in the order of ids (the index, the planner of deliveries, a live tail) first has
this done for the events it is about to read. Where the callback that names the ends comes last, out of a
spool or of quarantine, the events before it are completed then: the index has their words anew, and they are
planned as late.

Only trusted events give and get, and only of one provider's call: a forged one changes nobody's.
"""

# ruff: noqa: S608  # SQL is put together from our own words; values are always bound

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, TextClause, bindparam, delete, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from receiver.db.engine import writing_lazily
from receiver.models import EVENTS, EndsLate, LateEvent
from receiver.search.each import ForEach
from receiver.search.reindex import reindexing
from receiver.vocabulary.kinds import EventType

_OF_ONE_CALL = 200
"""The most events that are looked at of one call, the first; it has a handful."""
_AT_ONCE = 64
"""The most calls in one statement, and in one transaction: bounds for how long SQLite's lock is held."""
_MOST_LATE = 500
_STILL_NEWS = timedelta(days=2)
"""How long after it came an event is delivered late. An index that is built anew completes old ones too."""


def complete(engine: Engine, after: int, to: int) -> None:
    """Complete the calls of the events above id `after`, up to `to`, and of those that left quarantine.

    Writes only if there is something to complete, which is rare: most callbacks name both ends.
    """
    range_ = {"low": after, "top": to}
    with engine.connect() as connection:
        late = connection.scalars(_LATE).all()
        sessions = set(connection.scalars(_INCOMPLETE[connection.dialect.name], range_))
        sessions |= set(connection.scalars(_SESSIONS, {"ids": late})) if late else set()
    named = sorted(sessions)
    for some in [named[start : start + _AT_ONCE] for start in range(0, len(named), _AT_ONCE)]:
        with engine.connect() as connection:
            visited = connection.execute(_BETWEEN[connection.dialect.name], {**range_, "sessions": some})
            found = _completed(_Of(*row) for row in (*visited, *_calls(connection, some)))
        if found:
            with writing_lazily(engine) as connection:
                _write(connection, _still_so(connection, found))
    if late:
        with writing_lazily(engine) as connection:
            connection.execute(delete(EndsLate).where(EndsLate.event_id.in_(late)))


def complete_if_possible(engine: Engine, after: int, to: int) -> None:
    """The same for who only reads, and may not be able to write now, or at all."""
    try:
        complete(engine, after, to)
    except DBAPIError:
        return


@dataclass(frozen=True, slots=True)
class _Of:
    """What is looked at of an event."""

    id: int
    provider: str
    session: str
    type: str
    sender: str | None
    recipient: str | None
    givers: frozenset[int] = frozenset()
    """The events whose ends it got."""


def _completed(events: Iterable[_Of]) -> list[_Of]:
    """Those that get an end, in the order of ids. The ringing names both, if it was kept; else the first that
    does."""
    calls: dict[tuple[str, str], dict[int, _Of]] = {}
    for one in events:
        calls.setdefault((one.provider, one.session), {})[one.id] = one
    found: list[_Of] = []
    for call in calls.values():
        line = sorted(call.values(), key=lambda one: (one.type != EventType.CALL_RINGING, one.id))
        for end in ("sender", "recipient"):
            giver = next((one for one in line if getattr(one, end) is not None), None)
            if giver is not None:
                given: dict[str, Any] = {end: getattr(giver, end)}
                line = [_given(one, giver, given) if getattr(one, end) is None else one for one in line]
        found += [one for one in line if one.givers]
    return sorted(found, key=lambda one: one.id)


def _given(one: _Of, giver: _Of, end: dict[str, Any]) -> _Of:
    return replace(one, **end, givers=one.givers | {giver.id})


def _still_so(connection: Connection, found: Sequence[_Of]) -> list[_Of]:
    """Those whose events were neither erased nor lost their trust since they were read, nor those that gave
    them their ends. They are locked: nobody erases one while its number goes to another."""
    trusted = set(connection.scalars(_TRUSTED, {"ids": _all_of(found)}))
    return [one for one in found if {one.id, *one.givers} <= trusted]


def _all_of(found: Iterable[_Of]) -> list[int]:
    """They, and those that gave them their ends."""
    return sorted({of for one in found for of in (one.id, *one.givers)})


def _write(connection: Connection, found: Sequence[_Of]) -> None:
    if not found:
        return
    # Whoever read one of these before what named its ends was there read it without them. Asked for only now:
    # some may have left quarantine since the work began.
    released = set(connection.scalars(_RELEASED, {"ids": _all_of(found)}))
    passed = [one.id for one in found if released & {one.id, *one.givers} or max(one.givers) > one.id]
    with reindexing(connection, passed):
        if connection.dialect.name == "postgresql":
            columns = {"ids": [one.id for one in found], "senders": [one.sender for one in found]}
            connection.execute(_COMPLETE_ALL, columns | {"recipients": [one.recipient for one in found]})
        else:
            ends = [{"of": one.id, "from_": one.sender, "to": one.recipient} for one in found]
            connection.execute(_COMPLETE, ends)
    if passed:
        insert: Any = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        news = select(EVENTS.c.id).where(_AMONG, EVENTS.c.received_at > datetime.now(UTC) - _STILL_NEWS)
        late = insert(LateEvent).from_select(["event_id"], news).on_conflict_do_nothing()
        connection.execute(late, {"ids": passed})


def _calls(connection: Connection, sessions: Sequence[str]) -> Iterator[Any]:
    """The first trusted events of these calls."""
    return _OF_CALLS(connection, {"session": sessions}, most=_OF_ONE_CALL)


_LATE = select(EndsLate.event_id).order_by(EndsLate.event_id).limit(_MOST_LATE)
_OF_A_CALL = "(kind = 'voice') IS TRUE AND session IS NOT NULL AND quarantine IS NULL"
_COLUMNS = tuple(EVENTS.c[name] for name in ("id", "provider", "session", "type", "sender", "recipient"))
_NAMES = ", ".join(column.name for column in _COLUMNS)
_IN_RANGE = f"id > :low AND id <= :top AND {_OF_A_CALL}"


# Without statistics SQLite would read all calls instead of a range of ids, or of one call.
_BY_ID = {"sqlite": "events NOT INDEXED", "postgresql": "events"}


def _incomplete(dialect: str, hint: str) -> TextClause:
    """The calls of a range that have an event without an end, which an index of such events tells.
    OFFSET keeps PostgreSQL from reading that index once for all."""
    nameless = (
        f"SELECT 1 FROM events AS other{hint} WHERE other.session = seen.session AND other.kind = 'voice'"
        " AND other.session IS NOT NULL AND other.quarantine IS NULL"
        " AND (other.sender IS NULL OR other.recipient IS NULL) LIMIT 1 OFFSET 0"
    )
    seen = f"SELECT DISTINCT session FROM {_BY_ID[dialect]} WHERE {_IN_RANGE}"
    return text(f"SELECT session FROM ({seen}) AS seen WHERE EXISTS ({nameless})")


_INCOMPLETE = {
    "sqlite": _incomplete("sqlite", " INDEXED BY ix_events_nameless"),
    "postgresql": _incomplete("postgresql", ""),
}
_BETWEEN = {
    dialect: text(f"SELECT {_NAMES} FROM {events} WHERE {_IN_RANGE} AND session IN :sessions").bindparams(
        bindparam("sessions", expanding=True)
    )
    for dialect, events in _BY_ID.items()
}
_AMONG = EVENTS.c.id.in_(bindparam("ids", expanding=True))
_RELEASED = select(EndsLate.event_id).where(EndsLate.event_id.in_(bindparam("ids", expanding=True)))
_SESSIONS = select(EVENTS.c.session).where(_AMONG, EVENTS.c.session.is_not(None)).distinct()
_TRUSTED = (
    select(EVENTS.c.id).where(_AMONG, EVENTS.c.quarantine.is_(None)).order_by(EVENTS.c.id).with_for_update()
)
_COMPLETE = (
    update(EVENTS)
    .where(EVENTS.c.id == bindparam("of"))
    .values(sender=bindparam("from_"), recipient=bindparam("to"))
)
# In one round trip.
_COMPLETE_ALL = text(
    "UPDATE events SET sender = given.sender, recipient = given.recipient FROM unnest(CAST(:ids AS bigint[]),"
    " CAST(:senders AS text[]), CAST(:recipients AS text[])) AS given (id, sender, recipient)"
    " WHERE events.id = given.id"
)
# Written so that no index is used for the kind: without statistics PostgreSQL would read all calls along it.
_OF_CALLS = ForEach(
    f"SELECT {_NAMES} FROM events{{hint}} WHERE session = {{session}}"
    " AND (kind = 'voice') IS TRUE AND quarantine IS NULL ORDER BY id LIMIT :most",
    {"session": "text"},
    hint=" INDEXED BY ix_events_session_id",
)
