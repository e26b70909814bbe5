"""Recording: the promise that a callback answered 200 is on stable storage.

Callbacks that arrive while a commit is under way wait in a queue and share the next transaction: one thread
a process writes, and every ticket is settled only after the commit that holds its event. Under load the
batches grow, so the cost of a commit is shared instead of queued for.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from enum import Enum

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from receiver.db import reason_of
from receiver.log.arrival import Arrival, Row, event_row
from receiver.log.write import EventWriter

logger = logging.getLogger(__name__)

LARGEST_BATCH = 256
"""Events in one transaction: bounds how long the first of them waits for the last."""


class Outcome(Enum):
    """How a ticket was settled."""

    STORED = "stored"
    FAILED = "failed"


class Ticket:
    """One callback on its way to stable storage. `outcome` is set once; then `settled` is told."""

    __slots__ = ("outcome", "row", "settled", "waiting_since")

    def __init__(self, row: Row, settled: Callable[[list[Ticket]], None]) -> None:
        self.row = row
        self.settled = settled
        self.outcome: Outcome | None = None
        self.waiting_since = time.monotonic()


class Recorder:
    """Takes arrivals and settles a ticket for each, stored or failed, within its deadline."""

    def __init__(self, engine: Engine, *, deadline: float, queue_limit: int) -> None:
        self._writer = EventWriter(engine)
        self._deadline = deadline
        self._queue_limit = queue_limit
        self._queue: list[Ticket] = []
        self._in_flight: list[Ticket] = []
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._stopping = False
        self._failing = False

    def record(self, arrival: Arrival) -> bool:
        """Store one arrival and return whether it is on stable storage now. Blocks until that is known."""
        done = threading.Event()
        ticket = self.submit(arrival, lambda _: done.set())
        done.wait()
        return ticket.outcome is Outcome.STORED

    def submit(self, arrival: Arrival, settled: Callable[[list[Ticket]], None]) -> Ticket:
        """Hand over one arrival without waiting.

        `settled` is called from another thread, once for all tickets given the same callable that one commit
        settled. A queue that is full settles the ticket as failed.
        """
        ticket = Ticket(event_row(arrival), settled)
        with self._changed:
            if not self._threads:
                self._start()
            refused = self._stopping or len(self._queue) >= self._queue_limit
            if not refused:
                self._queue.append(ticket)
                if len(self._queue) == 1:
                    self._changed.notify_all()
        if refused:
            self._settle([ticket], Outcome.FAILED)
        return ticket

    def close(self, timeout: float) -> None:
        """Write what was accepted, then stop."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout)

    def _start(self) -> None:
        for name, work in (("event-writer", self._write_forever), ("deadline-keeper", self._keep_deadline)):
            thread = threading.Thread(target=work, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def _write_forever(self) -> None:
        while True:
            with self._changed:
                self._in_flight = []
                while not self._queue:
                    if self._stopping:
                        self._changed.notify_all()
                        return
                    self._changed.wait()
                batch = self._queue[:LARGEST_BATCH]
                del self._queue[:LARGEST_BATCH]
                self._in_flight = batch
            self._write(batch)

    def _write(self, batch: list[Ticket]) -> None:
        try:
            refusals = self._writer.write([ticket.row for ticket in batch])
        except Exception as error:
            reason = reason_of(error) if isinstance(error, SQLAlchemyError) else type(error).__name__
            logger.critical("cannot store %d callbacks, answering 503: %s", len(batch), reason)
            self._failing = True
            self._settle(batch, Outcome.FAILED)
            return
        if self._failing:
            logger.warning("storing callbacks again")
            self._failing = False
        self._settle([t for t, r in zip(batch, refusals, strict=True) if r is None], Outcome.STORED)
        refused = [t for t, r in zip(batch, refusals, strict=True) if r is not None]
        if refused:
            logger.critical("the database refused %d callbacks, answering 503", len(refused))
            self._settle(refused, Outcome.FAILED)

    def _keep_deadline(self) -> None:
        """A database that neither answers nor refuses must not hold the connections of all callers."""
        while True:
            with self._changed:
                if self._stopping and not self._queue and not self._in_flight:
                    return
                oldest = time.monotonic() - self._deadline
                late = [t for t in self._in_flight if t.outcome is None and t.waiting_since < oldest]
                waiting = [t for t in self._queue if t.waiting_since < oldest]
                self._queue = [t for t in self._queue if t.waiting_since >= oldest]
            if late or waiting:
                logger.critical("the database did not answer in time: %d callbacks", len(late) + len(waiting))
                self._settle(late + waiting, Outcome.FAILED)
            time.sleep(min(0.1, self._deadline / 4))

    def _settle(self, tickets: Sequence[Ticket], outcome: Outcome) -> None:
        groups: dict[Callable[[list[Ticket]], None], list[Ticket]] = {}
        with self._changed:
            for ticket in tickets:
                if ticket.outcome is None:
                    ticket.outcome = outcome
                    groups.setdefault(ticket.settled, []).append(ticket)
        for settled, group in groups.items():
            settled(group)
