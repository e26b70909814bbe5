"""Turns events into deliveries. The log is the outbox: callbacks write nothing for this.

A cursor moves over the log in the order of ids; the deliveries that events give and the new place of the
cursor are written in one transaction. Any number of processes may plan: whoever moves the cursor first wins,
and the others look again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Connection, Engine, bindparam, delete, select, text, update
from sqlalchemy.exc import IntegrityError

from receiver.db.engine import writing_lazily
from receiver.db.insert import Inserter, insert_all, inserter
from receiver.db.now import database_now
from receiver.db.settled import settled_id
from receiver.models import DELIVERIES, EVENTS, WHOLE_EVENT, Event, LateEvent, RelayState, TargetRow
from receiver.relay.delivery import DeliveryState
from receiver.relay.target import Target
from receiver.search.answered import ENDED_AS
from receiver.search.ends import complete
from receiver.search.events import WITH_IDS, rows
from receiver.search.home import at_home
from receiver.search.match import matches
from receiver.search.query import Search
from receiver.vocabulary.kinds import OF_WHOLE_CALLS, EventType, Kind

AT_ONCE = 500
"""Events in one step: bounds memory, and for how long SQLite's lock is held."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of planning did."""

    targets: Set[int] = frozenset()
    """The ids of those that got something."""
    full: bool = False
    """Whether it took as much as a step may, so that more is likely to be left."""


class Planner:
    """Makes deliveries of what the log holds beyond the cursor."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._add = adding_deliveries(engine)

    def plan(self) -> Step:
        """One step. How much is left after it says `behind`."""
        with self._engine.connect() as connection:
            after = connection.scalar(select(RelayState.event_id))
            if after is None:
                return Step()
            settled = settled_id(connection, after, AT_ONCE)
        complete(self._engine, after, settled)
        with self._engine.connect() as connection:
            late = connection.scalars(_LATE).all()
            if settled == after and not late:
                return Step()
            # Only now: what is above `settled` is planned later, also for a target that is made in between.
            targets = [Target.of(row) for row in connection.execute(select(TargetRow.__table__))]
            events = _between(connection, after, settled) if targets else []
            late_ones = rows(connection, [event for event in late if event <= settled])
            found = list(deliveries_for(connection, targets, [*events, *late_ones]))
        try:
            with writing_lazily(self._engine) as connection:
                moved = connection.execute(_MOVE, {"before": after, "settled": settled})
                if moved.rowcount != 1:
                    return Step()  # another process was faster
                if found := still_there(connection, found):
                    insert_all(self._add, connection, found)
                if late:
                    done = set(late) - _changed(connection, late_ones)
                    connection.execute(delete(LateEvent).where(LateEvent.event_id.in_(done)))
        except IntegrityError:
            return Step()  # a target was removed meanwhile: look again
        full = settled - after >= AT_ONCE or len(late) >= AT_ONCE
        return Step({row["target_id"] for row in found}, full)

    def behind(self) -> int:
        """About how many events are not looked at yet."""
        with self._engine.connect() as connection:
            newest = connection.scalar(text("SELECT max(id) FROM events")) or 0
            return max(0, newest - (connection.scalar(select(RelayState.event_id)) or 0))


def adding_deliveries(engine: Engine) -> Inserter:
    """Adds what `deliveries_for` gives, as far as it is not there already."""
    return inserter(engine.dialect, DELIVERIES, _PLANNED, "ON CONFLICT DO NOTHING")


def deliveries_for(
    connection: Connection, targets: Sequence[Target], events: Iterable[Event], *, replay_id: int = 0
) -> Iterable[dict[str, Any]]:
    """The rows of the deliveries that these events give."""
    wanted = [(target, at_home(connection, target.search)) for target in targets]
    now = database_now(connection)
    for event in events:
        for target, search in wanted:
            if event.id > target.after_id or replay_id:
                if target.types and event.type not in target.types:
                    continue
                if not is_wanted(connection, search, event):
                    continue
                yield {
                    "target_id": target.id,
                    "event_id": event.id,
                    "replay_id": replay_id,
                    "state": DeliveryState.WAITING,
                    "line": line_of(event) if target.ordered else "",
                    "due_at": now,
                    "created_at": now,
                }


def still_there(connection: Connection, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of the rows whose event was not erased since it was read."""
    if not found:
        return []
    ids = list({row["event_id"] for row in found})
    there = set(connection.scalars(_THERE[connection.dialect.name], {"ids": ids}))
    return [row for row in found if row["event_id"] in there]


def is_wanted(connection: Connection, search: Search, event: Event) -> bool:
    """Whether a target with this search gets the event. What is quarantined is not delivered unless the
    search asks for it; nor is a test of ours."""
    if event.quarantine is not None and not search.quarantined:
        return False
    if event.type == EventType.TEST and search.type is not EventType.TEST:
        return False
    if not matches(search, event):
        return False
    if search.state not in OF_WHOLE_CALLS:
        return True
    # About the whole call, whose other events came before its end.
    return connection.scalar(_ENDED_AS[search.state], {"id": event.id}) is not None


def line_of(event: Event) -> str:
    """What an event keeps its order with: its call, or its conversation."""
    if event.kind == Kind.VOICE and event.session:
        return f"call:{event.session}"
    if event.kind == Kind.SMS and event.sender and event.recipient:
        return f"sms:{event.sender}:{event.recipient}"
    return ""


def _changed(connection: Connection, read: Sequence[Event]) -> set[int]:
    """Those of these events that got other ends since they were read, or that somebody changes right now:
    they are late once more."""
    ids = [event.id for event in read]
    now = {row.id: row for row in connection.execute(_ENDS[connection.dialect.name], {"ids": ids})}
    return {event.id for event in read if now.get(event.id) != (event.id, event.sender, event.recipient)}


def _between(connection: Connection, after: int, last: int) -> list[Event]:
    found = connection.execute(_BETWEEN, {"after": after, "last": last}).all()
    return cast(list[Event], list(found))


# Built once: building a statement takes as long as running it, under SQLite's lock.
_MOVE = (
    update(RelayState).where(RelayState.event_id == bindparam("before")).values(event_id=bindparam("settled"))
)
_PLANNED = ("target_id", "event_id", "replay_id", "state", "line", "due_at", "created_at")
_BETWEEN = select(*WHOLE_EVENT).where(text("id > :after AND id <= :last")).order_by(EVENTS.c.id)
_LATE = select(LateEvent.event_id).order_by(LateEvent.event_id).limit(AT_ONCE)
_THERE = {dialect: select(EVENTS.c.id).where(condition) for dialect, condition in WITH_IDS.items()}
# What somebody completes right now is skipped: we never wait while others wait for us. What we lock nobody
# can complete before our deletes are committed.
_ENDS = {
    dialect: select(EVENTS.c.id, EVENTS.c.sender, EVENTS.c.recipient)
    .where(condition)
    .with_for_update(read=True, skip_locked=True)
    for dialect, condition in WITH_IDS.items()
}
_ENDED_AS = {
    state: text(f"SELECT 1 FROM events WHERE id = :id AND {condition}")  # noqa: S608  # our own words
    for state, condition in ENDED_AS.items()
}
