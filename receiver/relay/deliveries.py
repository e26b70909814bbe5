"""The delivery log: what went where, how it ended, and another try for what a person chooses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Engine, delete, func, literal_column, select, update

from receiver.db.engine import writing
from receiver.db.now import database_now
from receiver.models import AttemptRow, DeliveryRow, TargetRow
from receiver.relay.delivery import DeliveryState
from receiver.vocabulary.job import Job

DEFAULT_PAGE, LARGEST_PAGE = 50, 500
_PORTION = 500
"""Rows in one transaction: on SQLite it holds the only lock."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery as it stands."""

    id: int
    target_id: int
    target: str
    event_id: int
    replay_id: int
    state: DeliveryState
    attempts: int
    due_at: datetime
    status: int | None
    reason: str | None
    created_at: datetime
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at it."""

    began_at: datetime
    milliseconds: int
    delivered: bool
    status: int | None
    reason: str | None
    request: str
    answer: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """Deliveries, newest first, and where the next older page begins (None: there is none)."""

    deliveries: Sequence[Delivery]
    next: int | None


class Deliveries:
    """Reads the delivery log, and puts deliveries back into the queue."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(
        self,
        *,
        target_id: int | None = None,
        state: DeliveryState | None = None,
        event_id: int | None = None,
        replay_id: int | None = None,
        before: int | None = None,
        limit: int = DEFAULT_PAGE,
    ) -> Page:
        """One page of the newest deliveries below id `before`."""
        query = _DELIVERIES.order_by(DeliveryRow.id.desc()).limit(limit + 1)
        asked = {"target_id": target_id, "state": state, "event_id": event_id, "replay_id": replay_id}
        for name, value in asked.items():
            if value is not None:
                query = query.where(getattr(DeliveryRow, name) == value)
        if before is not None:
            query = query.where(DeliveryRow.id < before)
        with self._engine.connect() as connection:
            found = [_delivery(row) for row in connection.execute(query)]
        return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)

    def of_events(self, event_ids: Sequence[int], limit: int = LARGEST_PAGE) -> list[Delivery]:
        """The newest deliveries of these events."""
        query = _DELIVERIES.where(DeliveryRow.event_id.in_(event_ids)).order_by(DeliveryRow.id.desc())
        with self._engine.connect() as connection:
            return [_delivery(row) for row in connection.execute(query.limit(limit))]

    def get(self, delivery_id: int) -> Delivery | None:
        """One delivery."""
        with self._engine.connect() as connection:
            row = connection.execute(_DELIVERIES.where(DeliveryRow.id == delivery_id)).one_or_none()
        return None if row is None else _delivery(row)

    def attempts(self, delivery_id: int) -> list[Attempt]:
        """All tries at it, oldest first."""
        query = select(*(getattr(AttemptRow, name) for name in Attempt.__dataclass_fields__)).where(
            AttemptRow.delivery_id == delivery_id
        )
        with self._engine.connect() as connection:
            return [Attempt(*row) for row in connection.execute(query.order_by(AttemptRow.id))]

    def missing(self, ids: Sequence[int]) -> list[int]:
        """Which of these ids no delivery has."""
        with self._engine.connect() as connection:
            there = connection.scalars(select(DeliveryRow.id).where(DeliveryRow.id.in_(ids))).all()
        return sorted(set(ids) - set(there))

    def counts(self) -> dict[int, dict[DeliveryState, int]]:
        """How many are waiting and dead, by target. Those delivered are too many to count each time."""
        found: dict[int, dict[DeliveryState, int]] = {}
        for state, numbers in (
            (DeliveryState.WAITING, self._count(_IS_WAITING)),
            (DeliveryState.DEAD, self.dead()),
        ):
            for target_id, number in numbers.items():
                found.setdefault(target_id, {})[state] = number
        return found

    def dead(self) -> dict[int, int]:
        """How many were given up, by target."""
        return self._count(_IS_DEAD)

    def oldest_waiting(self) -> dict[int, datetime]:
        """When the oldest that waits was made, by target."""
        oldest = select(func.min(DeliveryRow.id)).where(_IS_WAITING).group_by(DeliveryRow.target_id)
        query = select(DeliveryRow.target_id, DeliveryRow.created_at).where(DeliveryRow.id.in_(oldest))
        with self._engine.connect() as connection:
            return {row.target_id: row.created_at for row in connection.execute(query)}

    def _count(self, which: ColumnElement[bool]) -> dict[int, int]:
        query = (
            select(DeliveryRow.target_id, func.count().label("number"))
            .where(which)
            .group_by(DeliveryRow.target_id)
        )
        with self._engine.connect() as connection:
            return {row.target_id: row.number for row in connection.execute(query)}

    def retry(self, ids: Sequence[int]) -> int:
        """Try these again now, with all attempts before them. Returns how many there were.

        What was delivered stays so, and what is being tried right now is left alone.
        """
        with writing(self._engine) as connection:
            now = database_now(connection)
            # Whoever has the lease is trying right now; one that has ended says nothing any more.
            free = DeliveryRow.leased_by.is_(None) | (DeliveryRow.due_at <= now)
            ended = DeliveryRow.state == DeliveryState.DELIVERED
            again = update(DeliveryRow).where(DeliveryRow.id.in_(ids), ~ended, free)
            values = {"state": DeliveryState.WAITING, "attempts": 0, "due_at": now, "done_at": None}
            return connection.execute(again.values(**values)).rowcount

    def retry_dead(self, target_id: int) -> int:
        """Try all dead ones of a target again, each once: one may die again meanwhile."""
        total, before = 0, None
        while True:
            dead = self.find(target_id=target_id, state=DeliveryState.DEAD, before=before, limit=_PORTION)
            total += self.retry([one.id for one in dead.deliveries])
            before = dead.next
            if before is None:
                return total

    def cancel(self, ids: Sequence[int], why: str) -> int:
        """Give up these, if they wait. Returns how many there were."""
        values = {"state": DeliveryState.CANCELLED, "reason": why, "done_at": datetime.now(UTC)}
        waiting = DeliveryRow.state == DeliveryState.WAITING
        with writing(self._engine) as connection:
            given_up = update(DeliveryRow).where(DeliveryRow.id.in_(ids), waiting)
            return connection.execute(given_up.values(leased_by=None, **values)).rowcount

    def delivered(self, event_ids: Iterable[int], since: datetime) -> int:
        """How many deliveries of these events arrived since then."""
        count, ids = 0, list(event_ids)
        with self._engine.connect() as connection:
            for at in range(0, len(ids), LARGEST_PAGE):
                query = select(func.count()).where(
                    DeliveryRow.event_id.in_(ids[at : at + LARGEST_PAGE]),
                    DeliveryRow.state == DeliveryState.DELIVERED,
                    DeliveryRow.done_at >= since,
                )
                count += connection.scalar(query) or 0
        return count

    def number(self, target_id: int) -> int:
        """How many of a target there are, by counting them all."""
        query = select(func.count()).where(DeliveryRow.target_id == target_id)
        with self._engine.connect() as connection:
            return connection.scalar(query) or 0


def jobs(engine: Engine, keep: timedelta) -> tuple[Job, ...]:
    """Forgetting deliveries that ended longer ago than `keep`."""
    return (Job("delivery-log", 3600, lambda: forget(engine, datetime.now(UTC) - keep)),)


def forget(engine: Engine, before: datetime) -> int:
    """Delete deliveries that ended before that time, in small steps. Returns how many."""
    old = (
        select(DeliveryRow.id)
        .where(DeliveryRow.state != DeliveryState.WAITING, DeliveryRow.done_at < before)
        .order_by(DeliveryRow.id)
        .limit(_PORTION)
    )
    total = 0
    while True:
        with writing(engine) as connection:
            ids = connection.scalars(old).all()
            if not ids:
                return total
            connection.execute(delete(DeliveryRow).where(DeliveryRow.id.in_(ids)))
            total += len(ids)


def _delivery(row: Any) -> Delivery:
    values = dict(row._mapping)
    return Delivery(**{**values, "state": DeliveryState(values["state"])})


# Not as bound values: SQLite would not see that its partial indexes apply.
_IS_WAITING: ColumnElement[bool] = DeliveryRow.state == literal_column("'waiting'")
_IS_DEAD: ColumnElement[bool] = DeliveryRow.state == literal_column("'dead'")
_DELIVERIES = select(
    *(
        TargetRow.name.label("target") if name == "target" else getattr(DeliveryRow, name)
        for name in Delivery.__dataclass_fields__
    )
).join(TargetRow, TargetRow.id == DeliveryRow.target_id)
