"""The deliveries of one target as a queue: claimed with a lease, settled, given back.

A lease is the time at which a delivery is due again. A worker renews it while it works; once a worker has
died, its deliveries become due by themselves, and nothing has to notice that it died.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.orm import aliased

from receiver.db.engine import writing_lazily
from receiver.models import AttemptRow, DeliveryRow, TargetRow
from receiver.relay.delivery import Claimed, DeliveryState, Result, Settled
from receiver.relay.schedule import blocked_until, next_attempt
from receiver.relay.target import FAILING_AFTER

LEASE = timedelta(seconds=15)
"""How long after a worker's death its deliveries are taken over."""
LONGEST_ANSWER = 2000
"""Characters of an answer that the delivery log keeps."""
_LONGEST_LINE = 8
"""Deliveries of one call or conversation that are claimed together."""


class Queue:
    """The deliveries of one target, for one worker."""

    def __init__(self, engine: Engine, target_id: int, worker: str) -> None:
        self._engine = engine
        self._target_id = target_id
        self._worker = worker

    def claim(self, most: int) -> list[list[Claimed]]:
        """Deliveries that are due, at most about `most`. Each inner list is to be sent in its order.

        Only one worker claims from a target at a time. If the breaker of the target was open and may let one
        through, it is one.
        """
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
            if target.failures >= FAILING_AFTER:
                most = 1
            heads = connection.execute(_HEADS, {"target": self._target_id, "now": now, "most": most}).all()
            if not heads:
                return []
            if target.failures >= FAILING_AFTER:
                # Until its result is known, nobody else tries.
                self._block(connection, now + LEASE)
            chains = [[_claimed(row)] for row in heads]
            if most > 1:
                self._add_followers(connection, chains, now, most)
            ids = [claimed.id for chain in chains for claimed in chain]
            connection.execute(
                update(DeliveryRow)
                .where(DeliveryRow.id.in_(ids))
                .values(due_at=now + LEASE, leased_by=self._worker)
            )
        return chains

    def renew(self, ids: Sequence[int]) -> None:
        """Keep the leases of these."""
        if not ids:
            return
        with _writing(self._engine) as (connection, now):
            connection.execute(
                update(DeliveryRow)
                .where(DeliveryRow.id.in_(ids), DeliveryRow.leased_by == self._worker, _IS_WAITING)
                .values(due_at=now + LEASE)
            )

    def settle(self, done: Sequence[Settled]) -> None:
        """Write down how these ended, in one transaction, and what that says of the target."""
        if not done:
            return
        with _writing(self._engine) as (connection, now):
            ended = [_ended(one, now) for one in done if _is_attempt(one.result)]
            if ended:
                connection.execute(_END, ended)
            waits = [
                {"one": one.claimed.id, "worker": self._worker, "again_at": now + _wait(one.result)}
                for one in done
                if one.result is None or one.result.not_yet is not None
            ]
            if waits:
                connection.execute(_GIVE_BACK, waits)
            if attempts := [_attempt(one) for one in done if _is_attempt(one.result)]:
                connection.execute(insert(AttemptRow), attempts)
            self._note_health(connection, [one.result for one in done if one.result is not None], now)

    def next_due(self) -> datetime | None:
        """When the next of them is due."""
        query = select(func.min(DeliveryRow.due_at)).where(
            DeliveryRow.target_id == self._target_id, _IS_WAITING
        )
        with self._engine.connect() as connection:
            return connection.scalar(query)

    def _add_followers(
        self, connection: Connection, chains: list[list[Claimed]], now: datetime, most: int
    ) -> None:
        """Add what stands behind the head of a line, as long as it is due too."""
        lines = {chain[0].line: chain for chain in chains if chain[0].line}
        room = most - len(chains)
        if not lines or room <= 0:
            return
        query = (
            select(*_CLAIMED, DeliveryRow.due_at)
            .where(
                DeliveryRow.target_id == self._target_id,
                DeliveryRow.line.in_(lines),
                _IS_WAITING,
                DeliveryRow.id.not_in([chain[0].id for chain in lines.values()]),
            )
            .order_by(DeliveryRow.line, DeliveryRow.id)
            .limit(most * 2)
        )
        for line, behind in groupby(connection.execute(query), key=lambda row: row.line):
            for row in behind:
                if row.due_at > now or room <= 0 or len(lines[line]) >= _LONGEST_LINE:
                    break
                lines[line].append(_claimed(row))
                room -= 1

    def _note_health(self, connection: Connection, results: Sequence[Result], now: datetime) -> None:
        target = (
            update(TargetRow)
            .where(TargetRow.id == self._target_id)
            .execution_options(synchronize_session=False)
        )
        attempts = [result for result in results if _is_attempt(result)]
        if not attempts:
            return
        if pause := next((result.pause for result in attempts if result.pause), None):
            connection.execute(
                target.where(TargetRow.paused_at.is_(None)).values(paused_at=now, paused_why=pause)
            )
        # One that is given up for good says something of itself, not of the target.
        attempts = [result for result in attempts if result.delivered or not result.final]
        if not attempts:
            return
        if any(result.delivered for result in attempts):
            connection.execute(
                target.values(
                    failures=0, failing_since=None, failure=None, blocked_until=None, delivered_at=now
                )
            )
            return
        before = connection.scalar(select(TargetRow.failures).where(TargetRow.id == self._target_id)) or 0
        failures = before + len(attempts)
        connection.execute(
            target.values(
                failures=failures,
                failing_since=func.coalesce(TargetRow.failing_since, now),
                failure=attempts[-1].reason,
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
        if connection.dialect.name == "sqlite":
            yield connection, datetime.now(UTC)
        else:
            yield connection, connection.scalar(text("SELECT clock_timestamp()"))


def _is_attempt(result: Result | None) -> bool:
    return result is not None and result.not_yet is None


def _result(one: Settled) -> Result:
    if one.result is None:
        raise ValueError("it was not attempted")
    return one.result


def _wait(result: Result | None) -> timedelta:
    return timedelta(seconds=(result and result.not_yet) or 0)


def _claimed(row: Any) -> Claimed:
    return Claimed(row.id, row.event_id, row.line, row.attempts, row.replay_id, row.created_at)


def _ended(one: Settled, now: datetime) -> dict[str, Any]:
    result, attempts = _result(one), one.claimed.attempts + 1
    again = None if result.delivered or result.final else next_attempt(attempts, now, result.retry_after)
    state = DeliveryState.DELIVERED if result.delivered else DeliveryState.DEAD
    return {
        "one": one.claimed.id,
        "new_state": state if again is None else DeliveryState.WAITING,
        "new_attempts": attempts,
        "again_at": again or now,
        "new_status": result.status,
        "new_reason": result.reason,
        "ended_at": now if again is None else None,
    }


def _attempt(one: Settled) -> dict[str, Any]:
    result = _result(one)
    return {
        "delivery_id": one.claimed.id,
        "began_at": one.began_at,
        "milliseconds": round(one.seconds * 1000),
        "delivered": result.delivered,
        "status": result.status,
        "reason": result.reason,
        "request": result.request,
        "answer": result.answer and result.answer.replace("\x00", "\ufffd")[:LONGEST_ANSWER],
    }


# Not as a bound value: SQLite would not see that its partial indexes apply.
_WAITING: ColumnElement[str] = literal_column("'waiting'")
_IS_WAITING = DeliveryRow.state == _WAITING
_CLAIMED = (
    DeliveryRow.id,
    DeliveryRow.event_id,
    DeliveryRow.line,
    DeliveryRow.attempts,
    DeliveryRow.replay_id,
    DeliveryRow.created_at,
)
_before = aliased(DeliveryRow)
_HEADS = (
    select(*_CLAIMED)
    .where(
        DeliveryRow.target_id == bindparam("target"),
        _IS_WAITING,
        DeliveryRow.due_at <= bindparam("now"),
        (DeliveryRow.line == "")
        | ~select(_before.id)
        .where(
            _before.target_id == DeliveryRow.target_id,
            _before.line == DeliveryRow.line,
            _before.state == _WAITING,
            _before.id < DeliveryRow.id,
        )
        .exists(),
    )
    .order_by(DeliveryRow.due_at, DeliveryRow.id)
    .limit(bindparam("most"))
)
"""What is due and first of its line."""
_END = (
    update(DeliveryRow.__table__)  # type: ignore[arg-type]
    .where(DeliveryRow.id == bindparam("one"), _IS_WAITING)
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
    update(DeliveryRow.__table__)  # type: ignore[arg-type]
    .where(DeliveryRow.id == bindparam("one"), DeliveryRow.leased_by == bindparam("worker"), _IS_WAITING)
    .values(due_at=bindparam("again_at"), leased_by=None)
)
