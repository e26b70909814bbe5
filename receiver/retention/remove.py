"""Removing events from the log: batch by batch, with their repeats, and with a record that it was done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from sqlite3 import SQLITE_BUSY

from sqlalchemy import Connection, Engine, delete, exists, func, insert, select, update
from sqlalchemy.exc import OperationalError

from receiver.access.record import Action
from receiver.archive.documents import only_of
from receiver.db.engine import LONGEST_LOCK, connect, writing, writing_lazily
from receiver.db.space import SHARE
from receiver.logs.log import get_logger
from receiver.models import EVENTS, REPEATS, Intervention

logger = get_logger(__name__)

_NEWEST = select(func.max(EVENTS.c.id))
_SMALLEST, _LARGEST = 8, 500
_STEP = {  # seconds to aim at
    "sqlite": LONGEST_LOCK * 0.75,  # before the commit: a callback that waits tries again after 8 ms
    "postgresql": 0.04,  # no callback waits for it, and one of eight milliseconds is mostly round trips
}
_LONGEST_STEP = 0.1  # seconds that count for the pause; a checkpoint in between may take longer
_SHARE_ALONE = 0.6  # leaves gaps in which a waiting callback tries again: after 1, 3 and 8 ms
_QUIET = 1.0  # seconds without a new event, after which no callback is expected
_ASK_EVERY = 0.002  # seconds; SQLite tries twice in it
_PATIENCE = 30.0  # seconds to wait for the lock before giving up


@dataclass(frozen=True, slots=True)
class Removed:
    """How much, and when the first and the last of the events had been received."""

    events: int = 0
    repeats: int = 0
    first: datetime | None = None
    last: datetime | None = None
    documents: int = 0
    """Kept documents that no other event names."""

    def __add__(self, other: Removed) -> Removed:
        times = [time for time in (self.first, self.last, other.first, other.last) if time is not None]
        return Removed(
            self.events + other.events,
            self.repeats + other.repeats,
            min(times, default=None),
            max(times, default=None),
            self.documents + other.documents,
        )


class Act:
    """The record of one act, written along with what is done: true after a crash half-way too.

    A `with` block of it ends with a line in the service's own log.
    """

    def __init__(self, action: Action, who: str, why: str | None = None, subject: str | None = None) -> None:
        self._spooled = 0
        self._told = {"action": action.value, "who": who, "why": why, "subject": subject}
        self.id: int | None = None
        """The record's, once there is one."""
        self.done = Removed()

    def __enter__(self) -> Act:
        return self

    def __exit__(self, *_: object) -> None:
        """Tell the service's own log what was done, also of an act that was broken off."""
        if self.done.events or self._spooled:
            logger.info(
                "changed what is kept",
                action=self._told["action"],
                events=self.done.events,
                repeats=self.done.repeats,
                documents=self.done.documents,
                spooled=self._spooled,
                first=self.done.first,
                last=self.done.last,
            )

    def add(self, connection: Connection, done: Removed, *, spooled: int = 0) -> None:
        """Note that this was done in the caller's transaction."""
        self.done += done
        self._spooled += spooled
        table = Intervention
        counts: dict[str, object] = {
            "events": self.done.events,
            "repeats": self.done.repeats,
            "first_at": self.done.first,
            "last_at": self.done.last,
        }
        if self.id is None:
            row = self._told | counts | {"made_at": datetime.now(UTC), "spooled": spooled}
            self.id = connection.execute(insert(table).values(row).returning(table.id)).scalar_one()
            return
        counts["spooled"] = table.spooled + spooled
        connection.execute(update(table).where(table.id == self.id).values(counts))


def remove(connection: Connection, ids: Sequence[int]) -> Removed:
    """Delete these events with their repeats, inside the caller's transaction. The archive's own triggers let
    go of their documents, whose bytes are deleted by `receiver.archive.keep.sweep`."""
    if not ids:
        return Removed()
    documents = only_of(connection, ids)
    gone = delete(EVENTS).where(EVENTS.c.id.in_(ids))
    rows = connection.execute(gone.returning(EVENTS.c.identity, EVENTS.c.repeats, EVENTS.c.received_at)).all()
    repeats = 0
    if repeated := [row.identity for row in rows if row.repeats]:
        repeats = connection.execute(delete(REPEATS).where(REPEATS.c.identity.in_(repeated))).rowcount
    times = [row.received_at for row in rows]
    return Removed(len(rows), repeats, min(times, default=None), max(times, default=None), documents)


def remove_gently(
    engine: Engine,
    ids: Iterable[int],
    act: Act,
    *,
    told: Callable[[int], None] | None = None,
    until: float | None = None,
) -> None:
    """Delete many events, each once, while callbacks arrive.

    On SQLite, where callbacks wait for it, a step is as large as fits into `LONGEST_LOCK`. While callbacks
    come in, steps take `SHARE` of the time, and more when none do. `told` is called with the size of each
    step; `until` (of `time.monotonic`) ends it early.
    """
    size = _SMALLEST * 4
    left = iter(ids)
    newest, arrived = None, time.monotonic()
    with _insisting(engine) as insisting:
        while batch := list(islice(left, size)):
            with _turn(insisting) as connection:
                locked = time.monotonic()
                act.add(connection, remove(connection, batch))
                before, newest = newest, connection.scalar(_NEWEST)
                done = time.monotonic()
            ended = time.monotonic()
            if newest != before:
                arrived = ended
            if told is not None:
                told(len(batch))
            if until is not None and ended >= until:
                break
            # Without the commit: it waits for no disk, and what it may do beyond needs no lock.
            wanted = size * _STEP[engine.dialect.name] / max(done - locked, 1e-6)
            size = int(min(max(wanted, size * 0.75, _SMALLEST), size * 1.5, _LARGEST))
            share = SHARE if ended - arrived < _QUIET else _SHARE_ALONE
            # Time spent waiting for the lock was already left to others.
            time.sleep(min(ended - locked, _LONGEST_STEP) * (1 - share) / share)


@contextmanager
def _insisting(engine: Engine) -> Iterator[Engine]:
    """An engine that tries for SQLite's lock every millisecond.

    SQLite itself backs off to ten tries a second, and hardly ever finds the lock free while a service writes
    batch after batch. PostgreSQL has no such lock.
    """
    if engine.dialect.name != "sqlite":
        yield engine
        return
    own = connect(engine.url.render_as_string(hide_password=False), patience=_ASK_EVERY)
    try:
        yield own
    finally:
        own.dispose()


@contextmanager
def _turn(engine: Engine) -> Iterator[Connection]:
    """A transaction of `writing_lazily`, begun when the lock is free."""
    until = time.monotonic() + _PATIENCE
    with ExitStack() as stack:
        while True:
            try:
                connection = stack.enter_context(writing_lazily(engine))
                break
            except OperationalError as error:
                busy = getattr(error.orig, "sqlite_errorcode", None) == SQLITE_BUSY
                if not busy or time.monotonic() >= until:
                    raise
        yield connection


def remove_orphans(engine: Engine) -> None:
    """Delete repeats without an event: one can come in just while its event is being deleted."""
    with writing(engine) as connection:
        theirs = select(EVENTS.c.id).where(EVENTS.c.identity == REPEATS.c.identity)
        # OFFSET keeps PostgreSQL from reading the whole log once for what is asked of a few repeats.
        connection.execute(delete(REPEATS).where(~exists(theirs.limit(1).offset(0))))


def in_batches(ids: Iterable[int], size: int) -> Iterator[list[int]]:
    """The ids in batches of that size, each once, in order."""
    ordered = iter(sorted(set(ids)))
    while batch := list(islice(ordered, size)):
        yield batch
