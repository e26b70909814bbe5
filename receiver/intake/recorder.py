"""Recording: the promise that a callback answered 200 is on stable storage.

One thread per process writes. Callbacks that arrive during a commit wait in a queue and share the next
transaction, and a ticket is settled only after the commit that holds its event. Under load the batches grow,
so that callbacks share the cost of a commit instead of queuing for it.

When the database fails, or does not answer within the deadline, a second thread puts the arrivals into the
spool. It is a thread of its own because the first may be stuck in a call that never returns. An arrival may
then end up in both; its mark makes that harmless. Once the database is back, the first thread drains the
spool between its batches.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from sqlalchemy.exc import SQLAlchemyError

from receiver.db.asking import Asking
from receiver.db.failure import reason_of
from receiver.db.reach import Moved
from receiver.intake.admission import Admission
from receiver.intake.arrival import Arrival
from receiver.intake.counters import Counters
from receiver.intake.drain import LOOK_AT_SPOOL, Drain
from receiver.intake.spool import Spool, SpoolError
from receiver.intake.ticket import Outcome, Ticket
from receiver.intake.writer import EventWriter
from receiver.logs.log import get_logger

logger = get_logger(__name__)

LARGEST_BATCH = 256
"""Events in one transaction: bounds how long the first one waits for the last."""
LARGEST_BATCH_BYTES = 4 * 1024 * 1024
"""Bytes of their bodies; a larger one goes alone."""
RETRY_AFTER = 0.5
"""Seconds between attempts at a failing database."""
LOOK_AT_FILE = 1.0
"""Seconds between checks that an SQLite database is still where it was opened."""
SILENCES = 5
"""How many deadlines the writing thread may wait for the database before its connections are broken."""
LONGEST_PATIENCE = 300.0
"""Seconds. The wait doubles each time it did not help: a server that is only slow goes on with what it was
asked, and new connections take further places on it."""
MOMENT = 1.0
"""Seconds after which a probe that is not over counts as failed: what it waits for hangs."""
_UNKNOWN: frozenset[str] = frozenset()
COMPLAIN_EVERY = 1.0
"""Seconds between two log lines about callbacks that nothing could hold; each counts those since the last."""


class Recorder:
    """Takes arrivals and settles a ticket for each."""

    def __init__(
        self, writer: EventWriter, spool: Spool, admission: Admission, *, deadline: float, queue_limit: int
    ) -> None:
        self._writer = writer
        self._spool = spool
        self._spool_probes = Asking()
        self._drain = Drain(spool, writer)
        self._admission = admission
        self._deadline = deadline
        self._queue_limit = queue_limit
        self._queue: list[Ticket] = []
        self._in_flight: list[Ticket] = []
        self._for_spool: list[Ticket] = []
        # One lock, two conditions: a thread that is woken for nothing takes the GIL from the others.
        self._lock = threading.Lock()
        self._to_write = threading.Condition(self._lock)
        self._to_spool = threading.Condition(self._lock)
        self._threads: list[threading.Thread] = []
        self._stopping = False
        self._failing = False
        self._looked_at_file = 0.0
        self._at_work_since: float | None = None
        self._patience = SILENCES * deadline
        self._refused = 0
        self._complained_at = 0.0
        self.counters = Counters()

    def start(self) -> None:
        """Begin to write, and to drain what an earlier process left in the spool. The first arrival does
        that too."""
        with self._lock:
            if not self._threads:
                self._start()

    @property
    def waiting(self) -> int:
        """How many callbacks wait for a commit or for the spool."""
        return len(self._queue) + len(self._for_spool)

    @property
    def failing(self) -> bool:
        """Whether the database took no callbacks when it was last tried."""
        return self._failing

    def record(self, arrival: Arrival) -> bool:
        """Keep one arrival and return whether it is on stable storage now. Blocks until that is known."""
        return self.take(arrival).held

    def take(self, arrival: Arrival | None, patience: float | None = None) -> Ticket:
        """Hand over one arrival, and wait until its ticket is settled, or for so many seconds."""
        done = threading.Event()
        ticket = self.submit(arrival, lambda _: done.set())
        done.wait(patience)
        return ticket

    def probe_database(self) -> bool:
        """Whether the database would take a callback now. Takes a callback's way, through queue and writing
        thread, and no longer than a callback may and a moment."""
        return self.take(None, self._deadline + MOMENT).outcome is Outcome.STORED

    def probe_spool(self) -> bool:
        """Whether the spool would take a callback now, found out within a moment."""
        try:
            self._spool_probes.ask(self._spool.prove, MOMENT)
        except (SpoolError, TimeoutError) as error:
            reason = error if isinstance(error, SpoolError) else "its disk hangs"
            logger.error("the spool takes no callbacks", reason=reason)
            return False
        return True

    def submit(self, arrival: Arrival | None, settled: Callable[[list[Ticket]], None]) -> Ticket:
        """Hand over one arrival without waiting.

        `settled` is called from another thread, with all tickets that were given this callable and were
        settled together. A full queue sends the arrival to the spool. If that is behind too, the ticket
        fails; so does one that is not trusted while the quarantine is full.
        """
        ours = self._admission.ours.get(arrival.provider, _UNKNOWN) if arrival else _UNKNOWN
        ticket = Ticket(arrival, settled, ours)
        if ticket.untrusted and not self._admission.admits(ticket.untrusted):
            ticket.untrusted = 0
            self._settle([ticket], Outcome.FAILED)
            return ticket
        with self._lock:
            if not self._threads:
                self._start()
            aside = self._failing or len(self._queue) >= self._queue_limit or ticket.row is None
            line = self._for_spool if aside and arrival is not None else self._queue
            refused = self._stopping or len(line) >= self._queue_limit
            if not refused:
                line.append(ticket)
                if len(line) == 1:
                    (self._to_write if line is self._queue else self._to_spool).notify()
        if refused:
            self._settle([ticket], Outcome.FAILED)
        return ticket

    def close(self, timeout: float) -> None:
        """Keep what was accepted, then stop."""
        with self._lock:
            self._stopping = True
            self._to_write.notify()
            self._to_spool.notify()
        until = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        self._writer.reach.close()

    def _start(self) -> None:
        for name, work in (("event-writer", self._write_forever), ("event-spooler", self._spool_forever)):
            thread = threading.Thread(target=work, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    # The writing thread.

    def _write_forever(self) -> None:
        while True:
            with self._lock:
                self._in_flight = []
                # While nobody waits, the spool is drained without a pause.
                if (
                    not self._queue
                    and not self._stopping
                    and (self._failing or not self._drain.may_have_work)
                ):
                    self._to_write.wait(RETRY_AFTER if self._failing else LOOK_AT_SPOOL)
                batch = self._queue[: self._next_batch()]
                del self._queue[: len(batch)]
                self._in_flight = batch
                if self._stopping and not batch:
                    return
            self._at_work_since = time.monotonic()
            if batch:
                self._write(batch)
            elif self._failing:
                self._try_again()
            if not self._failing:
                self._drain_some()
            self._at_work_since = None

    def _next_batch(self) -> int:
        """How many of the queue go into the next transaction."""
        size = 0
        for at, ticket in enumerate(self._queue[:LARGEST_BATCH]):
            size += 0 if ticket.arrival is None else len(ticket.arrival.body)
            if at and size > LARGEST_BATCH_BYTES:
                return at
        return LARGEST_BATCH

    def _write(self, batch: list[Ticket]) -> None:
        rows = [ticket.row for ticket in batch if ticket.row is not None]
        probes = [ticket for ticket in batch if ticket.row is None]
        started = time.monotonic()
        try:
            if probes or self._failing:
                self._writer.probe()
            refusals = iter(self._writer.write(rows) if rows else [])
        except Exception as error:
            self._fails(error)
            self._hand_to_spool(batch)
            return
        if rows:
            self.counters.committed(time.monotonic() - started)
            self._patience = SILENCES * self._deadline  # a probe that succeeds does not say so much
        self._works()
        refused = [ticket for ticket in batch if ticket.row is not None and next(refusals) is not None]
        if refused:  # the drain sets them aside, where somebody can look at them, or tries again if locked
            self._hand_to_spool(refused)
        elsewhere = set(refused)
        self._settle([ticket for ticket in batch if ticket not in elsewhere], Outcome.STORED)

    def _try_again(self) -> None:
        try:
            self._writer.probe()
        except Exception as error:
            self._fails(error)
        else:
            self._works()

    def _drain_some(self) -> None:
        try:
            self._drain.step()
        except Exception as error:
            self._fails(error)

    def _fails(self, error: Exception) -> None:
        if not self._failing:
            if isinstance(error, Moved):
                reason = str(error)
            else:
                reason = reason_of(error) if isinstance(error, SQLAlchemyError) else type(error).__name__
            logger.critical("the database does not take callbacks, the spool does", reason=reason)
        self._failing = True

    def _works(self) -> None:
        if self._failing:
            if self._writer.reach.moved:  # the other thread noticed while this was being written
                return
            logger.warning("the database takes callbacks again")
        self._failing = False

    # The spooling thread.

    def _hand_to_spool(self, tickets: Sequence[Ticket]) -> None:
        with self._lock:
            self._for_spool.extend(ticket for ticket in tickets if ticket.outcome is None)
            self._to_spool.notify()

    def _spool_forever(self) -> None:
        tick = min(0.05, self._deadline / 4)
        while True:
            with self._lock:
                if not self._for_spool:
                    self._to_spool.wait(tick)
                late = self._take_late()
                batch = [ticket for ticket in self._for_spool if ticket.outcome is None] + late
                self._for_spool = []
                if self._stopping and not batch and not self._queue and not self._in_flight:
                    return
            if late and not self._failing:
                logger.critical(
                    "the database did not answer in time, the spool takes over", seconds=self._deadline
                )
                self._failing = True
            if batch:
                self._put(batch)
            self._look_after_writer()
            if self._drain.look():
                with self._lock:
                    self._to_write.notify()

    def _look_after_writer(self) -> None:
        """Notice what the writing thread cannot: that the database is silent, or that its file is gone."""
        now, since = time.monotonic(), self._at_work_since
        if now - self._looked_at_file >= LOOK_AT_FILE:
            self._looked_at_file = now
            self._writer.reach.watch_journal()
            if self._writer.reach.moved:
                self._writer.reach.save_journal()
                self._fails(Moved())
        if since is not None and now - since > self._patience:
            if self._writer.reach.hang_up():
                logger.critical("broke the connections to a silent database", seconds=round(now - since))
            self._patience = min(self._patience * 2, max(LONGEST_PATIENCE, self._patience))
            self._at_work_since = now

    def _take_late(self) -> list[Ticket]:
        oldest = time.monotonic() - self._deadline
        if not any(line and line[0].waiting_since < oldest for line in (self._in_flight, self._queue)):
            return []
        late = [t for t in (*self._in_flight, *self._queue) if t.outcome is None and t.waiting_since < oldest]
        self._queue = [ticket for ticket in self._queue if ticket.waiting_since >= oldest]
        return late

    def _put(self, batch: list[Ticket]) -> None:
        real = [ticket for ticket in batch if ticket.arrival is not None]
        self._settle([ticket for ticket in batch if ticket.arrival is None], Outcome.FAILED)
        if not real:
            return
        try:
            self._spool.put([ticket.arrival for ticket in real if ticket.arrival is not None])
        except Exception as error:  # whatever it is, the next callbacks need this thread
            if len(real) > 1 and not isinstance(error, SpoolError):  # one of them is to blame
                for ticket in real:
                    self._put([ticket])
                return
            self._settle(real, Outcome.FAILED)
            self._refused += len(real)
            if time.monotonic() - self._complained_at >= COMPLAIN_EVERY:
                logger.critical(
                    "neither database nor spool can hold callbacks, they are answered 503",
                    refused=self._refused,
                    reason=error if isinstance(error, SpoolError) else type(error).__name__,
                )
                self._refused, self._complained_at = 0, time.monotonic()
        else:
            self._drain.may_have_work = True
            self._settle(real, Outcome.SPOOLED)

    def _settle(self, tickets: Sequence[Ticket], outcome: Outcome) -> None:
        groups: dict[Callable[[list[Ticket]], None], list[Ticket]] = {}
        with self._lock:
            for ticket in tickets:
                if ticket.outcome is None:
                    ticket.outcome = outcome
                    if ticket.untrusted:
                        self._admission.settled(ticket.untrusted, held=ticket.held)
                    if ticket.held and ticket.doubt is not None:
                        self.counters.doubted[ticket.doubt] += 1
                    groups.setdefault(ticket.settled, []).append(ticket)
            for group in groups.values():
                self.counters.settled(
                    (ticket.arrival.kind for ticket in group if ticket.arrival), outcome.value
                )
        for settled, group in groups.items():
            settled(group)
