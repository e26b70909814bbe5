"""The deliveries of one target as a queue: claimed with a lease, settled, given back.

A lease is the time at which a delivery is due again. A worker renews it while it works; once a worker has
died, its deliveries become due by themselves, and nothing has to notice that it died.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    bindparam,
    delete,
    func,
    select,
    update,
)

from receiver.db.engine import writing_lazily
from receiver.db.insert import insert_all, inserter
from receiver.db.now import database_now
from receiver.models import ATTEMPTS, DELIVERIES, DeliveryRow, TargetRow
from receiver.relay.delivery import Claimed, DeliveryState, Result, Settled
from receiver.relay.next_due import ANY_DUE, WAITING, NextDue
from receiver.relay.schedule import blocked_until, next_attempt
from receiver.relay.target import FAILING_AFTER

LEASE = timedelta(seconds=15)
"""How long after a worker's death its deliveries are taken over."""
LONGEST_ANSWER = 2000
"""Characters of an answer that the delivery log keeps."""
_ATTEMPT_COLUMNS = [column.name for column in ATTEMPTS.columns if column.name != "id"]


class Queue:
    """The deliveries of one target, for one worker."""

    def __init__(self, engine: Engine, target_id: int, worker: str) -> None:
        self._engine = engine
        self._target_id = target_id
        self._worker = worker
        self._next = NextDue(target_id)
        self._add_attempts = inserter(engine.dialect, ATTEMPTS, _ATTEMPT_COLUMNS)

    def claim(self, most: int) -> list[list[Claimed]]:
        """Deliveries that are due, at most about `most`. Each inner list is to be sent in its order.

        Only one worker claims from a target at a time. If the breaker of the target was open and may let one
        through, it is one.
        """
        if not self._any_due():
            return []
        with _writing(self._engine) as (connection, now):
            # NO KEY UPDATE: whoever plans deliveries for the target refers to this row meanwhile.
            query = select(TargetRow).where(TargetRow.id == self._target_id)
            target = connection.execute(
                query.with_for_update(skip_locked=True, key_share=True).with_only_columns(
                    TargetRow.paused_at, TargetRow.failures, TargetRow.blocked_until
                )
            ).one_or_none()
            if target is None or target.paused_at is not None:
                return []
            if target.blocked_until is not None and target.blocked_until > now:
                return []
            failing = target.failures >= FAILING_AFTER
            if failing:
                most = 1
            heads = self._next.heads(connection, now, most)
            if not heads:
                return []
            if failing:
                # Until its result is known, nobody else tries.
                self._block(connection, now + LEASE)
            chains = [[_claimed(row, failing)] for row in heads]
            lines = {chain[0].line: chain for chain in chains}
            for row in self._next.followers(connection, heads, now, most - len(heads)):
                lines[row.line].append(_claimed(row))
            ids = [claimed.id for chain in chains for claimed in chain]
            # Some may have ended since they were read.
            leased = set(
                connection.scalars(
                    update(DeliveryRow)
                    .where(DeliveryRow.id.in_(ids), _IS_WAITING)
                    .values(due_at=now + LEASE, leased_by=self._worker)
                    .returning(DeliveryRow.id)
                )
            )
        kept = ([claimed for claimed in chain if claimed.id in leased] for chain in chains)
        return [chain for chain in kept if chain]

    def renew(self, ids: Sequence[int]) -> set[int]:
        """Keep the leases of these. Returns those still ours: the rest was cancelled, or taken over."""
        if not ids:
            return set()
        with _writing(self._engine) as (connection, now):
            mine = update(DeliveryRow).where(
                DeliveryRow.id.in_(ids), DeliveryRow.leased_by == self._worker, _IS_WAITING
            )
            return set(connection.scalars(mine.values(due_at=now + LEASE).returning(DeliveryRow.id)))

    def drop(self, claimed: Sequence[Claimed]) -> None:
        """Delete deliveries of events that are gone."""
        with _writing(self._engine) as (connection, _):
            connection.execute(delete(DeliveryRow).where(DeliveryRow.id.in_([one.id for one in claimed])))

    def settle(self, done: Sequence[Settled]) -> None:
        """Write down how these ended, in one transaction, and what that says of the target."""
        if not done:
            return
        with _writing(self._engine) as (connection, now):
            # The target's row first, then those of deliveries: the order in which all lock them.
            self._note_health(connection, [one for one in done if _is_attempt(one.result)], now)
            tried = self._still_there(connection, [one for one in done if _is_attempt(one.result)])
            for end, ids in _alike([(_ended(one, now), one.claimed.id) for one in tried]):
                connection.execute(_END, {**end, "ids": ids})
            waits = [
                {"one": one.claimed.id, "worker": self._worker, "again_at": now + _wait(one.result)}
                for one in done
                if one.result is None or one.result.not_yet is not None
            ]
            if waits:
                connection.execute(_GIVE_BACK, waits)
            insert_all(self._add_attempts, connection, [_attempt(one) for one in tried])

    def _any_due(self) -> bool:
        """Whether a look at the queue is worth a transaction that writes."""
        with self._engine.connect() as connection:
            asked = {"target": self._target_id, "now": database_now(connection)}
            return connection.execute(ANY_DUE, asked).first() is not None

    @staticmethod
    def _still_there(connection: Connection, tried: list[Settled]) -> list[Settled]:
        """Those whose event was not erased while they were under way; locked, so that they stay."""
        if not tried:
            return []
        query = (
            select(DeliveryRow.id)
            .where(DeliveryRow.id.in_([one.claimed.id for one in tried]))
            .order_by(DeliveryRow.id)
            .with_for_update(key_share=True)
        )
        there = set(connection.scalars(query))
        return [one for one in tried if one.claimed.id in there]

    def _note_health(self, connection: Connection, tried: Sequence[Settled], now: datetime) -> None:
        if not tried:
            return
        target = update(TargetRow).where(TargetRow.id == self._target_id)
        if pause := next((_result(one).pause for one in tried if _result(one).pause), None):
            connection.execute(
                target.where(TargetRow.paused_at.is_(None)).values(paused_at=now, paused_why=pause)
            )
        # One that is given up for good says something of itself, not of the target.
        tried = [one for one in tried if _result(one).delivered or not _result(one).final]
        if not tried:
            return
        if any(_result(one).delivered for one in tried):
            connection.execute(
                target.values(
                    failures=0, failing_since=None, failure=None, blocked_until=None, delivered_at=now
                )
            )
            return
        query = select(TargetRow.failures).where(TargetRow.id == self._target_id)
        before = connection.scalar(query.with_for_update(key_share=True)) or 0
        if before < FAILING_AFTER:
            # All that was under way fails when a target restarts: that is no reason to block it for longer.
            failures = min(before + len(tried), FAILING_AFTER)
        elif any(one.claimed.probe for one in tried):
            failures = before + 1
        else:
            return
        connection.execute(
            target.values(
                failures=failures,
                failing_since=func.coalesce(TargetRow.failing_since, now),
                failure=_storable(_result(tried[-1]).reason),
                blocked_until=blocked_until(failures, now),
            )
        )

    def _block(self, connection: Connection, until: datetime) -> None:
        connection.execute(
            update(TargetRow).where(TargetRow.id == self._target_id).values(blocked_until=until)
        )


@contextmanager
def _writing(engine: Engine) -> Iterator[tuple[Connection, datetime]]:
    """A transaction with the time by which leases are measured: one clock for all workers.

    It does not wait for the disk. What a power cut undoes is sent once more, which is what "at least once"
    allows.
    """
    with writing_lazily(engine) as connection:
        yield connection, database_now(connection)


def _is_attempt(result: Result | None) -> bool:
    return result is not None and result.not_yet is None


def _result(one: Settled) -> Result:
    if one.result is None:
        raise ValueError("it was not attempted")
    return one.result


def _wait(result: Result | None) -> timedelta:
    return timedelta(seconds=(result and result.not_yet) or 0)


def _storable(said: str | None, longest: int = LONGEST_ANSWER) -> str | None:
    """Without what a database refuses: one text must not hold up all others."""
    return said and said.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")[:longest]


def _claimed(row: Any, probe: bool = False) -> Claimed:
    return Claimed(row.id, row.event_id, row.line, row.attempts, row.replay_id, row.created_at, probe)


def _ended(one: Settled, now: datetime) -> dict[str, Any]:
    result, attempts = _result(one), one.claimed.attempts + 1
    again = None if result.delivered or result.final else next_attempt(attempts, now, result.retry_after)
    state = DeliveryState.DELIVERED if result.delivered else DeliveryState.DEAD
    return {
        "new_state": state if again is None else DeliveryState.WAITING,
        "new_attempts": attempts,
        "again_at": again or now,
        "new_status": result.status,
        "new_reason": _storable(result.reason),
        "ended_at": now if again is None else None,
    }


def _alike(ends: Sequence[tuple[dict[str, Any], int]]) -> list[tuple[dict[str, Any], list[int]]]:
    """Deliveries that end the same way together: nearly all do, so one statement ends them."""
    found: dict[tuple[Any, ...], tuple[dict[str, Any], list[int]]] = {}
    for end, delivery_id in ends:
        found.setdefault(tuple(end.values()), (end, []))[1].append(delivery_id)
    return list(found.values())


def _attempt(one: Settled) -> dict[str, Any]:
    result = _result(one)
    return {
        "delivery_id": one.claimed.id,
        "began_at": one.began_at,
        "milliseconds": round(one.seconds * 1000),
        "delivered": result.delivered,
        "status": result.status,
        "reason": _storable(result.reason),
        "request": _storable(result.request),
        "answer": _storable(result.answer),
    }


_IS_WAITING = DeliveryRow.state == WAITING
_END = (
    update(DELIVERIES)
    .where(DeliveryRow.id.in_(bindparam("ids", expanding=True)), _IS_WAITING)
    .values(
        state=bindparam("new_state"),
        attempts=bindparam("new_attempts"),
        due_at=bindparam("again_at"),
        leased_by=None,
        status=bindparam("new_status"),
        reason=bindparam("new_reason"),
        done_at=bindparam("ended_at"),
    )
)
_GIVE_BACK = (
    update(DELIVERIES)
    .where(DeliveryRow.id == bindparam("one"), DeliveryRow.leased_by == bindparam("worker"), _IS_WAITING)
    .values(due_at=bindparam("again_at"), leased_by=None)
)
