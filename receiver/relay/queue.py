"""The deliveries of one target as a queue: claimed with a lease, settled, given back.

A lease is the time at which a delivery is due again. A worker renews it while it works; once a worker has
died, its deliveries become due by themselves, and nothing has to notice that it died.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import takewhile
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
from receiver.relay.attempts import Ending, attempt_row, endings, result_of, storable
from receiver.relay.delivery import Claimed, DeliveryState, Result, Settled
from receiver.relay.next_due import ANY_DUE, WAITING, NextDue
from receiver.relay.schedule import blocked_until
from receiver.relay.target import FAILING_AFTER

LEASE = timedelta(seconds=15)
"""How long after a worker's death its deliveries are taken over."""
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
        with self._engine.connect() as connection:
            now = database_now(connection)
            if connection.scalar(_WORTH_A_LOOK, {"target": self._target_id, "now": now}) is None:
                return []
            # On SQLite nobody writes while the lock is held, so all is looked for before. On PostgreSQL only
            # the target is locked, and nobody else finds meanwhile what we are about to claim.
            chains = self._chains(connection, now, most) if connection.dialect.name == "sqlite" else None
        if chains == []:
            return []
        with _writing(self._engine) as (connection, now):
            failures = connection.scalar(_LOCKED, {"target": self._target_id, "now": now})
            if failures is None:
                return []
            failing = failures >= FAILING_AFTER
            if chains is None:
                chains = self._chains(connection, now, 1 if failing else most)
            if not chains:
                return []
            if failing:
                chains = [[replace(chains[0][0], probe=True)]]
            leased = self._lease(connection, chains, now)
            if failing and leased:
                # Until its result is known, nobody else tries.
                connection.execute(_BLOCK, {"target": self._target_id, "until": now + LEASE})
            return leased

    def _chains(self, connection: Connection, now: datetime, most: int) -> list[list[Claimed]]:
        heads = self._next.heads(connection, now, most)
        chains = [[_claimed(row)] for row in heads]
        lines = {chain[0].line: chain for chain in chains}
        for row in self._next.followers(connection, heads, now, most - len(heads)):
            lines[row.line].append(_claimed(row))
        return chains

    def _lease(
        self, connection: Connection, chains: list[list[Claimed]], now: datetime
    ) -> list[list[Claimed]]:
        """What of them can still be had: since they were read some may have ended, or another worker was
        faster. Where one of a chain cannot be had, those behind it are given back: they may have to wait for
        it."""
        asked = {"ids": [one.id for chain in chains for one in chain], "now": now}
        leased = set(connection.scalars(_LEASE, {**asked, "until": now + LEASE, "worker": self._worker}))
        kept = [list(takewhile(lambda one: one.id in leased, chain)) for chain in chains]
        if left := leased - {one.id for chain in kept for one in chain}:
            back = {"worker": self._worker, "again_at": now}
            connection.execute(_GIVE_BACK, [{"one": one, **back} for one in left])
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
        tried = [one for one in done if one.result is not None and one.result.not_yet is None]
        left = endings(tried)
        attempts = {one.claimed.id: attempt_row(one) for one in tried}
        with _writing(self._engine) as (connection, now):
            # The target's row first, then those of deliveries: the order in which all lock them.
            self._note_health(connection, tried, now)
            there = self._still_there(connection, list(attempts))
            for ending, ids in left.items():
                connection.execute(_END, _ended(ending, now) | {"ids": ids})
            waits = [
                {"one": one.claimed.id, "worker": self._worker, "again_at": now + _wait(one.result)}
                for one in done
                if one.claimed.id not in attempts
            ]
            if waits:
                connection.execute(_GIVE_BACK, waits)
            kept = [attempt for one, attempt in attempts.items() if one in there]
            insert_all(self._add_attempts, connection, kept)

    @staticmethod
    def _still_there(connection: Connection, ids: Sequence[int]) -> set[int]:
        """Those whose event was not erased while they were under way; locked, so that they stay."""
        return set(connection.scalars(_STILL_THERE, {"ids": ids})) if ids else set()

    def _note_health(self, connection: Connection, tried: Sequence[Settled], now: datetime) -> None:
        target = {"target": self._target_id, "now": now}
        if pause := next((result_of(one).pause for one in tried if result_of(one).pause), None):
            connection.execute(_PAUSE, {**target, "why": pause})
        # One that is given up for good says something of itself, not of the target.
        telling = [one for one in tried if result_of(one).delivered or not result_of(one).final]
        if not telling:
            return
        if any(result_of(one).delivered for one in telling):
            connection.execute(_NOTE_SUCCESS, target)
            return
        before = connection.scalar(_FAILURES, target) or 0
        if before < FAILING_AFTER:
            # All that was under way fails when a target restarts: that is no reason to block it for longer.
            failures = min(before + len(telling), FAILING_AFTER)
        elif any(one.claimed.probe for one in telling):
            failures = before + 1
        else:
            return
        failed = {"count": failures, "last": storable(result_of(telling[-1]).reason)}
        connection.execute(_NOTE_FAILURE, {**target, **failed, "until": blocked_until(failures, now)})


@contextmanager
def _writing(engine: Engine) -> Iterator[tuple[Connection, datetime]]:
    """A transaction with the time by which leases are measured: one clock for all workers.

    It does not wait for the disk. What a power cut undoes is sent once more, which is what "at least once"
    allows.
    """
    with writing_lazily(engine) as connection:
        yield connection, database_now(connection)


def _wait(result: Result | None) -> timedelta:
    return timedelta(seconds=(result and result.not_yet) or 0)


def _claimed(row: Any) -> Claimed:
    return Claimed(row.id, row.event_id, row.line, row.attempts, row.replay_id, row.created_at)


def _ended(ending: Ending, now: datetime) -> dict[str, Any]:
    return {
        "new_state": ending.state,
        "new_attempts": ending.attempts,
        "again_at": now + ending.wait,
        "new_status": ending.status,
        "new_reason": ending.reason,
        "ended_at": None if ending.state is DeliveryState.WAITING else now,
    }


# Built once: building a statement takes as long as running it, under SQLite's lock.
_IS_WAITING = DeliveryRow.state == WAITING
_AMONG = DeliveryRow.id.in_(bindparam("ids", expanding=True))
_THIS_TARGET = TargetRow.id == bindparam("target")
_OPEN = select(TargetRow.failures).where(
    _THIS_TARGET,
    TargetRow.paused_at.is_(None),
    TargetRow.blocked_until.is_(None) | (TargetRow.blocked_until <= bindparam("now")),
)
_WORTH_A_LOOK = _OPEN.where(ANY_DUE.exists())
# NO KEY UPDATE: whoever plans deliveries for the target refers to this row meanwhile.
_LOCKED = _OPEN.with_for_update(skip_locked=True, key_share=True)
_BLOCK = update(TargetRow).where(_THIS_TARGET).values(blocked_until=bindparam("until"))
_LEASE = (
    update(DELIVERIES)
    .where(_AMONG, _IS_WAITING, DeliveryRow.due_at <= bindparam("now"))
    .values(due_at=bindparam("until"), leased_by=bindparam("worker"))
    .returning(DeliveryRow.id)
)
_PAUSE = (
    update(TargetRow)
    .where(_THIS_TARGET, TargetRow.paused_at.is_(None))
    .values(paused_at=bindparam("now"), paused_why=bindparam("why"))
)
_NOTE_SUCCESS = (
    update(TargetRow)
    .where(_THIS_TARGET)
    .values(failures=0, failing_since=None, failure=None, blocked_until=None, delivered_at=bindparam("now"))
)
_FAILURES = select(TargetRow.failures).where(_THIS_TARGET).with_for_update(key_share=True)
_NOTE_FAILURE = (
    update(TargetRow)
    .where(_THIS_TARGET)
    .values(
        failures=bindparam("count"),
        failing_since=func.coalesce(TargetRow.failing_since, bindparam("now")),
        failure=bindparam("last"),
        blocked_until=bindparam("until"),
    )
)
_STILL_THERE = select(DeliveryRow.id).where(_AMONG).order_by(DeliveryRow.id).with_for_update(key_share=True)
_END = (
    update(DELIVERIES)
    .where(_AMONG, _IS_WAITING)
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
