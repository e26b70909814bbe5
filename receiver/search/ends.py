"""Gives the events of a call the ends that their callbacks do not name: a report that a recording is ready
says which call, and not whose. So they are found, counted, delivered and erased by number like the others.

A cursor moves over the log in the order of ids, after the callbacks were answered. What has to know the ends,
the index and the planner of deliveries, stays behind it. Where the callback that names them comes last, out
of a spool or of quarantine, the events before it are completed then: the index has their words anew, and
they are planned as late.

Only trusted events give and get, and only of one provider's call: a forged one changes nobody's.
"""

# ruff: noqa: S608  # SQL is put together from our own words; values are always bound

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Engine, TextClause, bindparam, delete, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from receiver.db.engine import writing_lazily
from receiver.db.settled import settled_id
from receiver.models import EVENTS, EndsLate, EndsState, LateEvent
from receiver.search.reindex import reindexing
from receiver.vocabulary.kinds import EventType, Kind

BATCH = 500
"""Events in one step: bounds for how long SQLite's lock is held."""
_OF_ONE_CALL = 200
"""The most events that are looked at of one call, the first; it has a handful."""
_AT_ONCE = 64
"""The most calls in one statement."""


def complete(engine: Engine) -> int:
    """Go on to the end of the log. Returns the id up to which every event of a call has the ends that are
    known of it."""
    while True:
        with engine.connect() as connection:
            before = connection.scalar(_STATE) or 0
            late = connection.scalars(_LATE).all()
            settled = settled_id(connection, before, BATCH)
            if settled == before and not late:
                return before
            visited = [_Of(*row) for row in connection.execute(_BETWEEN, {"low": before, "top": settled})]
            visited += [_Of(*row) for row in connection.execute(_SOME, {"ids": late})] if late else []
            found = _completed(visited, _calls(connection, {one.session for one in visited}))
        # A power cut may undo this step: then it is done again.
        with writing_lazily(engine) as connection:
            if connection.scalar(_STATE.with_for_update()) != before:
                continue  # another process was faster
            found = _still_so(connection, found)
            _write(connection, found, [one.id for one in found if one.id <= before])
            if late:
                connection.execute(delete(EndsLate).where(EndsLate.event_id.in_(late)))
            connection.execute(_MOVE, {"to": settled})


def completed_to(connection: Connection) -> int:
    """How far it has got."""
    return connection.scalar(_STATE) or 0


def complete_if_possible(engine: Engine) -> int:
    """The same for who only reads, and may not be able to write now, or at all."""
    try:
        return complete(engine)
    except DBAPIError:
        with engine.connect() as connection:
            return completed_to(connection)


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


def _completed(visited: Iterable[_Of], others: Iterable[_Of]) -> list[_Of]:
    """Those that get an end, in the order of ids. The ringing names both, if it was kept; else the first that
    does."""
    calls: dict[tuple[str, str], dict[int, _Of]] = {}
    for one in (*visited, *others):
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
    ids = sorted({of for one in found for of in (one.id, *one.givers)})
    trusted: set[int] = set()
    for some in (ids[start : start + BATCH] for start in range(0, len(ids), BATCH)):
        trusted.update(connection.scalars(_TRUSTED, {"ids": some}))
    return [one for one in found if {one.id, *one.givers} <= trusted]


def _write(connection: Connection, found: Sequence[_Of], passed: Sequence[int]) -> None:
    """`passed` are those among them that the index or the planner may have read without their ends."""
    if not found:
        return
    with reindexing(connection, passed):
        if connection.dialect.name == "postgresql":
            columns = {"ids": [one.id for one in found], "senders": [one.sender for one in found]}
            connection.execute(_COMPLETE_ALL, columns | {"recipients": [one.recipient for one in found]})
        else:
            ends = [{"of": one.id, "from_": one.sender, "to": one.recipient} for one in found]
            connection.execute(_COMPLETE, ends)
    if passed:
        insert: Any = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        late = insert(LateEvent).on_conflict_do_nothing()
        connection.execute(late, [{"event_id": event_id} for event_id in passed])


def _calls(connection: Connection, sessions: set[str]) -> Iterator[_Of]:
    """The first trusted events of these calls."""
    named = sorted(sessions)
    for some in (named[start : start + _AT_ONCE] for start in range(0, len(named), _AT_ONCE)):
        if connection.dialect.name == "postgresql":
            rows = connection.execute(_WALKS, {"sessions": some, "most": _OF_ONE_CALL})
        else:
            values = {f"session{place}": session for place, session in enumerate(some)}
            rows = connection.execute(_walks(len(some)), values | {"most": _OF_ONE_CALL})
        yield from (_Of(*row) for row in rows)


_STATE = select(EndsState.event_id)
_LATE = select(EndsLate.event_id).order_by(EndsLate.event_id).limit(BATCH)
_MOVE = text("UPDATE ends_state SET event_id = :to")
_COLUMNS = tuple(EVENTS.c[name] for name in ("id", "provider", "session", "type", "sender", "recipient"))
_OF_CALLS = select(*_COLUMNS).where(
    EVENTS.c.kind == Kind.VOICE, EVENTS.c.session.is_not(None), EVENTS.c.quarantine.is_(None)
)
_BETWEEN = _OF_CALLS.where(EVENTS.c.id > bindparam("low"), EVENTS.c.id <= bindparam("top"))
_AMONG = EVENTS.c.id.in_(bindparam("ids", expanding=True))
_SOME = _OF_CALLS.where(_AMONG)
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
_WALK = (
    f"SELECT {', '.join(column.name for column in _COLUMNS)} FROM events{{hint}} WHERE session = {{session}}"
    " AND (kind = 'voice') IS TRUE AND quarantine IS NULL ORDER BY id LIMIT :most"
)
# PostgreSQL plans one walk instead of dozens.
_WALKS = text(
    "SELECT walk.* FROM unnest(CAST(:sessions AS text[])) AS asked (session)"
    f" CROSS JOIN LATERAL ({_WALK.format(hint='', session='asked.session')}) AS walk"
)


@lru_cache(_AT_ONCE)
def _walks(count: int) -> TextClause:
    # Without statistics SQLite would read all calls.
    hint = " INDEXED BY ix_events_session_id"
    walks = (_WALK.format(hint=hint, session=f":session{place}") for place in range(count))
    return text(" UNION ALL ".join(f"SELECT * FROM ({walk})" for walk in walks))
