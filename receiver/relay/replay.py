"""Sending events once more: one, a search, or a time range, to a target.

The events are taken in portions, oldest first, by whichever worker comes first, with a cursor in the row of
the replay. So one that is interrupted goes on, and one that is stopped stays where it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, update

from receiver.access.record import Action, note
from receiver.db.engine import writing, writing_lazily
from receiver.db.insert import insert_all
from receiver.models import EVENTS, DeliveryRow, Event, ReplayRow, TargetRow
from receiver.relay.delivery import DeliveryState
from receiver.relay.planner import Step, adding_deliveries, deliveries_for, still_there
from receiver.relay.sender import TargetError
from receiver.relay.target import Target
from receiver.search.count_matching import count_matching
from receiver.search.events import DEFAULT_PAGE, rows
from receiver.search.query import Search
from receiver.search.select import matching_ids
from receiver.search.span import Span
from receiver.vocabulary.kinds import EventType

AT_ONCE = 200
"""Events in one step."""


@dataclass(frozen=True, slots=True)
class Replay:
    """One replay and how far it is."""

    id: int
    target_id: int
    target: str
    search: str
    asked_by: str
    asked_at: datetime
    next_id: int
    last_id: int
    planned: int
    ended_at: datetime | None
    stopped_by: str | None
    waiting: int
    delivered: int
    dead: int
    cancelled: int

    @property
    def state(self) -> str:
        """`planning`, `sending`, `stopped` or `done`."""
        if self.stopped_by is not None:
            return "stopped"
        if self.ended_at is None:
            return "planning"
        return "sending" if self.waiting else "done"


@dataclass(frozen=True, slots=True)
class ReplayPage:
    """Replays, newest first, and where the next older page begins (None: there is none)."""

    replays: list[Replay]
    next: int | None


class UnknownEvent(TargetError):
    """There is no event with one of these ids."""


class UnknownReplay(TargetError):
    """There is no replay with this id."""


class Replays:
    """Asks for replays, shows how far they are, stops them, and does them a step at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._add = adding_deliveries(engine)

    def count(self, wanted: Search) -> int:
        """How many events it would send, by reading them all."""
        types = count_matching(self._engine, _sent(wanted)).types
        return sum(row["events"] for row in types if row["type"] != EventType.TEST)

    def ask(self, target: Target, wanted: Search, *, by: str) -> Replay:
        """Send one target all events that match and are in the log now."""
        with writing(self._engine) as connection:
            replay_id = _add(connection, target, str(wanted), by)
        return self.get(replay_id)

    def ask_for(self, target: Target, event_ids: Sequence[int], *, by: str) -> Replay:
        """Send these events; `TargetError` if one cannot be sent."""
        events = self.require(event_ids)
        # At once, so that no worker takes it for a replay of everything.
        with writing(self._engine) as connection:
            replay_id = _add(connection, target, _ids(event_ids), by)
            rows_of = deliveries_for(connection, [_anything(target)], events, replay_id=replay_id)
            if found := still_there(connection, list(rows_of)):
                insert_all(self._add, connection, found)
            connection.execute(
                update(ReplayRow)
                .where(ReplayRow.id == replay_id)
                .values(planned=len(found), ended_at=datetime.now(UTC))
            )
        return self.get(replay_id)

    def require(self, event_ids: Sequence[int]) -> list[Event]:
        """These events; `UnknownEvent` if one is not there, `TargetError` if one is not to be trusted."""
        with self._engine.connect() as connection:
            events = rows(connection, event_ids)
        if missing := set(event_ids) - {event.id for event in events}:
            raise UnknownEvent(f"there is no event {', '.join(map(str, sorted(missing)))}: nothing was done")
        if held := [str(event.id) for event in events if event.quarantine is not None]:
            raise TargetError(f"in quarantine: {', '.join(held)}. Release what you trust, then send it")
        return events

    def get(self, replay_id: int) -> Replay:
        """One replay; `UnknownReplay` if there is none."""
        found = self._read(replay_id)
        if not found:
            raise UnknownReplay(f"there is no replay {replay_id}: see `receiver replay list`")
        return found[0]

    def find(self, *, before: int | None = None, limit: int = DEFAULT_PAGE) -> ReplayPage:
        """One page of the newest below id `before`."""
        found = self._read(before=before, limit=limit + 1)
        return ReplayPage(found[:limit], found[limit - 1].id if len(found) > limit else None)

    def stop(self, replay_id: int, *, by: str) -> Replay:
        """Plan no more of it, and cancel what waits. One that is done stays as it is."""
        replay = self.get(replay_id)
        if replay.state == "done":
            return replay
        with writing(self._engine) as connection:
            now = datetime.now(UTC)
            stopped = connection.execute(
                update(ReplayRow)
                .where(ReplayRow.id == replay_id, ReplayRow.stopped_by.is_(None))
                .values(stopped_by=by, ended_at=func.coalesce(ReplayRow.ended_at, now))
            )
            if stopped.rowcount:
                note(connection, Action.STOP_REPLAY, by, replay.target, f"replay {replay_id}")
            connection.execute(
                update(DeliveryRow)
                .where(DeliveryRow.replay_id == replay_id, DeliveryRow.state == DeliveryState.WAITING)
                .values(
                    state=DeliveryState.CANCELLED,
                    reason="the replay was stopped",
                    done_at=now,
                    leased_by=None,
                )
            )
        return self.get(replay_id)

    def step(self) -> list[Step]:
        """Plan the next portion of each replay."""
        with self._engine.connect() as connection:
            open_ones = connection.execute(_OPEN).all()
        return [self._step(replay) for replay in open_ones]

    def _step(self, replay: Any) -> Step:
        with self._engine.connect() as connection:
            row = connection.execute(
                select(TargetRow.__table__).where(TargetRow.id == replay.target_id)
            ).one_or_none()
            if row is None:
                return Step()
            wanted = _sent(Search.parse(replay.search))
            span = Span(above=replay.next_id, below=replay.last_id + 1)
            ids = matching_ids(connection, wanted, span, AT_ONCE, oldest=True)
            target = _anything(Target.of(row), quarantined=wanted.quarantined)
            found = list(deliveries_for(connection, [target], rows(connection, ids), replay_id=replay.id))
        ended = len(ids) < AT_ONCE
        with writing_lazily(self._engine) as connection:
            moved = connection.execute(
                update(ReplayRow)
                .where(
                    ReplayRow.id == replay.id,
                    ReplayRow.next_id == replay.next_id,
                    ReplayRow.ended_at.is_(None),
                )
                .values(
                    next_id=replay.last_id if ended else ids[-1],
                    planned=ReplayRow.planned + len(found),
                    ended_at=datetime.now(UTC) if ended else None,
                )
            )
            if moved.rowcount != 1:
                return Step()  # stopped, or another process was faster
            if found := still_there(connection, found):
                insert_all(self._add, connection, found)
        return Step({replay.target_id} if found else frozenset(), full=not ended)

    def _read(
        self, replay_id: int | None = None, *, before: int | None = None, limit: int = 1
    ) -> list[Replay]:
        query = (
            select(ReplayRow.__table__, TargetRow.name.label("target"))
            .join(TargetRow, TargetRow.id == ReplayRow.target_id)
            .order_by(ReplayRow.id.desc())
            .limit(limit)
        )
        if replay_id is not None:
            query = query.where(ReplayRow.id == replay_id)
        if before is not None:
            query = query.where(ReplayRow.id < before)
        counting = select(DeliveryRow.replay_id, DeliveryRow.state, func.count()).group_by(
            DeliveryRow.replay_id, DeliveryRow.state
        )
        with self._engine.connect() as connection:
            found = connection.execute(query).all()
            counts: dict[tuple[int, str], int] = {}
            if found:
                mine = DeliveryRow.replay_id.in_([row.id for row in found])
                counts = {(one, state): n for one, state, n in connection.execute(counting.where(mine))}
        return [
            Replay(**{**row._mapping, **{state: counts.get((row.id, state), 0) for state in DeliveryState}})
            for row in found
        ]


def _add(connection: Connection, target: Target, search: str, by: str) -> int:
    """A new replay; its id."""
    added = connection.execute(
        insert(ReplayRow).values(
            target_id=target.id,
            search=search,
            asked_by=by,
            asked_at=datetime.now(UTC),
            next_id=0,
            last_id=connection.scalar(select(func.max(EVENTS.c.id))) or 0,
        )
    )
    (replay_id,) = added.inserted_primary_key or (0,)
    note(connection, Action.START_REPLAY, by, target.name, f"replay {replay_id}")
    return int(replay_id)


def _sent(wanted: Search) -> Search:
    """What is quarantined is left out, unless it is asked for."""
    return wanted if wanted.quarantined is not None else replace(wanted, quarantined=False)


def _anything(target: Target, quarantined: bool | None = None) -> Target:
    """The target as if it wanted whatever was chosen for it."""
    return replace(target, search=Search(quarantined=quarantined))


def _ids(event_ids: Sequence[int]) -> str:
    shown = ", ".join(map(str, event_ids[:10]))
    return f"events {shown}{' …' if len(event_ids) > 10 else ''}"


_OPEN = (
    select(ReplayRow.id, ReplayRow.target_id, ReplayRow.search, ReplayRow.next_id, ReplayRow.last_id)
    .where(ReplayRow.ended_at.is_(None))
    .order_by(ReplayRow.id)
)
