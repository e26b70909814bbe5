"""Sends what waits for one target. Each target has a runner of its own, so a slow one delays no other."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from receiver.logs.log import get_logger, without_words
from receiver.models import Event
from receiver.relay.delivery import Claimed, Parcel, Result, Settled
from receiver.relay.queue import LEASE, Queue
from receiver.relay.sender import Sender
from receiver.relay.target import FAILING_AFTER
from receiver.search.events import rows

logger = get_logger(__name__)

AHEAD = 16
"""Deliveries that are claimed for each lane, so that lanes need not wait for the database."""
LARGEST_SETTLEMENT = 128
"""Results in one transaction, which on SQLite holds the lock."""
GATHERED = 0.05
"""Seconds in which more results may join the first: each transaction stands in the way of callbacks."""
LONGEST_PAUSE = 1.0
"""Seconds between looks for what has become due, or was left by another worker."""


class Runner:
    """The thread that claims and settles, and the lanes that send."""

    def __init__(self, engine: Engine, target_id: int, sender: Sender, *, worker: str, lanes: int) -> None:
        self._engine = engine
        self._queue = Queue(engine, target_id, worker)
        self._sender = sender
        self._target_id = target_id
        self._lanes = lanes
        self._pool = ThreadPoolExecutor(lanes, thread_name_prefix=f"target-{target_id}")
        self._changed = threading.Condition()
        self._done: list[Settled] = []
        self._under_way: dict[int, Claimed] = {}
        self._lost: set[int] = set()
        self._failures = 0
        self._renewed = time.monotonic()
        self._woken = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"target-{target_id}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There may be something to send."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def stop(self) -> None:
        """Begin nothing more."""
        with self._changed:
            self._stopping = True
            self._changed.notify()

    def join(self, seconds: float) -> bool:
        """Wait so long for what is under way; whether all of it is settled."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            try:
                busy = self._turn()
            except SQLAlchemyError as error:
                logger.warning("the database does not take deliveries", error=type(error).__name__)
                time.sleep(LONGEST_PAUSE)
                continue
            except Exception as error:  # ours to mend, and no reason to deliver nothing any more
                logger.error("delivering failed unexpectedly", exception=without_words(error))
                time.sleep(LONGEST_PAUSE)
                continue
            with self._changed:
                if self._stopping and not self._under_way and not self._done:
                    break
                if not self._done and not self._woken and not busy:
                    self._changed.wait(LONGEST_PAUSE)
                self._gather()
                self._woken = False
        self._pool.shutdown(wait=False)
        self._sender.close()

    def _gather(self) -> None:
        until = time.monotonic() + GATHERED
        while self._done and not self._enough() and (left := until - time.monotonic()) > 0:
            self._changed.wait(left)

    def _enough(self) -> bool:
        """Whether nothing more is to come for now, or the lanes need new work."""
        return len(self._done) >= min(len(self._under_way), self._lanes * AHEAD // 2)

    def _turn(self) -> bool:
        """Settle, renew, claim. Whether more may be waiting that there is room for."""
        with self._changed:
            done = self._done[:LARGEST_SETTLEMENT]
        if done:
            self._queue.settle(done)
            with self._changed:
                del self._done[: len(done)]
                for one in done:
                    self._under_way.pop(one.claimed.id, None)
        if time.monotonic() - self._renewed > LEASE.total_seconds() / 3:
            self._lost = self._under_way.keys() - self._queue.renew(list(self._under_way))
            self._renewed = time.monotonic()
        most = self._lanes * AHEAD
        room = most - len(self._under_way)
        # Not one by one: claiming costs a transaction.
        if self._stopping or room < most // 2:
            return False
        chains = self._queue.claim(room)
        claimed = [one for chain in chains for one in chain]
        if not claimed:
            return False
        self._failures = 0  # the breaker lets these through
        self._lost.difference_update(one.id for one in claimed)
        with self._engine.connect() as connection:
            events = {event.id: event for event in rows(connection, [one.event_id for one in claimed])}
        if gone := [one for one in claimed if one.event_id not in events]:
            self._queue.drop(gone)
        self._under_way |= {one.id: one for one in claimed if one.event_id in events}
        for chain in chains:
            self._pool.submit(self._send_chain, [one for one in chain if one.event_id in events], events)
        return len(claimed) >= room

    def _send_chain(self, chain: Sequence[Claimed], events: dict[int, Event]) -> None:
        """Send one after the other; the rest waits if one fails."""
        going_on = True
        for claimed in chain:
            began, start = datetime.now(UTC), time.monotonic()
            result = None
            if going_on and self._may_send(claimed):
                result = self._attempt(claimed, events[claimed.event_id])
            going_on = result is not None and result.delivered
            with self._changed:
                if result is not None and result.delivered:
                    self._failures = 0
                elif result is not None and result.not_yet is None and not result.final:
                    self._failures += 1
                self._done.append(Settled(claimed, result, began, time.monotonic() - start))
                if len(self._done) == 1 or self._enough():
                    self._changed.notify()

    def _may_send(self, claimed: Claimed) -> bool:
        """Whether what was claimed is still to be sent. What is not goes back into the queue."""
        return not self._stopping and self._failures < FAILING_AFTER and claimed.id not in self._lost

    def _attempt(self, claimed: Claimed, event: Event) -> Result:
        parcel = Parcel(
            message_id=_message_id(claimed),
            event=event,
            attempt=claimed.attempts + 1,
            made_at=claimed.created_at,
            replayed=claimed.replay_id > 0,
        )
        try:
            return self._sender.send(parcel)
        except Exception as error:  # ours to mend, and no reason to stop the lane
            logger.error(
                "an attempt failed unexpectedly", delivery=claimed.id, exception=without_words(error)
            )
            return Result(delivered=False, request="", reason=f"unexpected: {type(error).__name__}")


def _message_id(claimed: Claimed) -> str:
    """The same for each attempt. A replay is a message of its own, so that the other side takes it again."""
    again = f"_{claimed.replay_id}" if claimed.replay_id else ""
    return f"evt_{claimed.event_id}{again}"
