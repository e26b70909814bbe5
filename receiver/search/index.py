"""Keeps the index of words and the counts up to date with the log, after the callbacks were answered.

A cursor moves over the events in the order of their ids. What an event adds and the new position of the
cursor are written in one transaction, so a crash repeats nothing and leaves nothing out. When an event is
deleted or its quarantine changes, triggers follow (migration 0005).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, func, select, text, update

from receiver.db.engine import writing_lazily
from receiver.db.settled import settled_id
from receiver.models import EVENTS, Event, IndexState
from receiver.search.additions import ADD, Additions
from receiver.search.ends import complete
from receiver.search.without_end import keep_up
from receiver.search.words import INDEX_VERSION
from receiver.search.written_words import add_words, words_of
from receiver.vocabulary.job import Job

BATCH = 100
"""Events in one step at most."""
LONGEST_STEP = 0.004
"""Seconds that a step may hold SQLite's only write lock, and that cutting texts into words may take: a
callback may be waiting for the lock or for the GIL."""
SHARE, SHARE_UNDER_LOAD = 0.4, 0.04
"""The share of time that the steps may take, normally and under load. The index catches up afterwards."""
LOAD = 500.0
"""Events a second from which on the service counts as under load."""

_MERGE = "INSERT INTO event_words (event_words, rank) VALUES ('merge', ?)"  # pages of 4 kB

_COLUMNS = [
    EVENTS.c[name]
    for name in (
        *("id", "provider", "kind", "type", "sender", "recipient", "session", "text", "received_at"),
        *("quarantine", "problems", "query_string", "body", "headers"),
    )
]


def behind(connection: Connection) -> int:
    """About how many events are not indexed and counted yet."""
    newest = connection.scalar(select(func.max(Event.id))) or 0
    return max(0, newest - (connection.scalar(select(IndexState.event_id)) or 0))


class LogIndex:
    """Moves the cursor on from where it stands. Several processes may try; they wait for each other."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._dialect = engine.dialect.name
        self._unmerged = True
        self._batch, self._pages = 16, 16
        self._seen: tuple[float, int] | None = None
        self._worked = 0.0

    def jobs(self) -> tuple[Job, ...]:
        """Keeping up with the log, in every process."""
        return (Job("index", 1, self.run, everywhere=True),)

    def run(self, seconds: float = 0.8) -> None:
        """Go on for that long, or until nothing is left."""
        until = time.monotonic() + seconds
        share = SHARE_UNDER_LOAD if self._rate() > LOAD else SHARE
        while time.monotonic() < until:
            self._worked, asked = 0.0, self._batch
            taken = self.advance(asked)
            if not self._merge() and taken < asked:
                return
            # Whoever waits for the lock or the GIL gets it now. The pause may outlast this turn; the next
            # turn then begins later.
            time.sleep(self._worked * (1 / share - 1))

    def catch_up(self) -> None:
        """Go on until nothing is left, without a pause."""
        while self.advance(1000):
            self._merge()

    def _rate(self) -> float:
        """Events a second that arrived in all processes since the last call."""
        with self._engine.connect() as connection:
            newest = connection.scalar(select(func.max(Event.id))) or 0
        now = time.monotonic()
        before, self._seen = self._seen, (now, newest)
        return 0.0 if before is None else (newest - before[1]) / max(now - before[0], 1e-3)

    @contextmanager
    def _step(self) -> Iterator[Connection]:
        """A transaction whose time with the lock counts as work. It does not wait for the disk: a power cut
        undoes the whole step, and it is done again."""
        with writing_lazily(self._engine) as connection:
            locked = time.monotonic()
            yield connection
            self._worked += time.monotonic() - locked

    def advance(self, most: int) -> int:
        """Index the next events, at most `most`, and return how many there were.

        While the index is of an older version, remove its newest events instead.
        """
        with self._engine.connect() as connection:
            state = connection.execute(_STATE).one()
            outdated = state.version != INDEX_VERSION
            settled = 0 if outdated else settled_id(connection, state.event_id, most)
        if outdated:
            self._take_back(most)
            return most
        began = time.monotonic()
        complete(self._engine, state.event_id, settled)
        self._worked += time.monotonic() - began
        if settled == state.event_id:
            return 0
        with self._engine.connect() as connection:
            events = connection.execute(_EVENTS, {"after": state.event_id, "last": settled}).all()
        if not events:
            return 0
        # As much as possible is done before the lock is taken. Time spent waiting for the GIL counts too: the
        # more others need it, the longer the pause.
        began = time.monotonic()
        found, additions = words_of(self._dialect, events), Additions()
        for event in events:
            additions.add(event)
        prepared = time.monotonic() - began
        self._worked += prepared
        with self._step() as connection:
            locked = time.monotonic()
            if not self._unchanged(connection, state, state.event_id, events):
                return most  # look again
            add_words(connection, found)
            for statement, rows in zip(ADD[self._dialect], additions.rows(), strict=True):
                if rows:
                    connection.execute(statement, rows)
            keep_up(connection, events)
            connection.execute(_ADVANCE, {"last": events[-1].id})
            held_for = time.monotonic() - locked
        self._unmerged = True
        if len(events) == self._batch:
            self._batch = fitting(self._batch, max(prepared, held_for), most=BATCH)
        return len(events)

    def _take_back(self, most: int) -> None:
        """Remove the newest events from the index, at most `most`, until none of an older version is left.

        The steps are as small as those forward. After each, words and counts cover exactly the events up to
        the cursor. Only the newest message of a conversation may lie beyond it: to look for the one before
        would take longer than all the rest.
        """
        with self._engine.connect() as connection:
            state = connection.execute(_STATE).one()
            events = connection.execute(_NEWEST, {"last": state.event_id, "most": most}).all()
        if state.version == INDEX_VERSION:
            return  # another process was faster
        low = events[-1].id - 1 if len(events) == most else 0
        additions = Additions()
        for event in events:
            additions.add(event)
        with self._step() as connection:
            locked = time.monotonic()
            if not self._unchanged(connection, state, low, events[::-1]):
                return
            connection.execute(_REMOVE_WORDS[self._dialect], {"low": low})
            _, *added = zip(
                ADD[self._dialect], additions.rows(-1), strict=True
            )  # the hours stay as they were
            for statement, rows in added:
                if rows:
                    connection.execute(statement, rows)
            if pairs := additions.rows()[-1]:
                connection.execute(_END_CONVERSATIONS, pairs)
            version = state.version if low else INDEX_VERSION
            connection.execute(update(IndexState).values(event_id=low, version=version))
            held_for = time.monotonic() - locked
        self._unmerged = True
        if len(events) == self._batch:
            self._batch = fitting(self._batch, held_for, most=BATCH)

    def _unchanged(self, connection: Connection, state: Any, after: int, events: Sequence[Any]) -> bool:
        """Whether the index and the events above `after` are still as they were read before we had the lock:
        another process may have been faster, or an event was deleted, released or completed in the
        meantime."""
        if connection.execute(_STATE_LOCKED).one() != state:
            return False
        last = max((event.id for event in events), default=after)
        held = connection.execute(_HELD, {"after": after, "last": last}).all()
        return [tuple(row) for row in held] == [
            (event.id, event.quarantine, event.sender, event.recipient) for event in events
        ]

    def _merge(self) -> bool:
        """Merge some of what was added, which keeps searching for words fast, and return whether more may be
        left to merge. PostgreSQL does this by itself."""
        if self._dialect != "sqlite" or not self._unmerged:
            return False
        with self._step() as connection:
            began = time.monotonic()
            before = connection.scalar(_CHANGES) or 0
            connection.exec_driver_sql(_MERGE, (self._pages,))
            # One change is the command itself.
            self._unmerged = (connection.scalar(_CHANGES) or 0) - before > 1
            if self._unmerged:
                self._pages = fitting(self._pages, time.monotonic() - began, most=64)
        return self._unmerged


def fitting(size: int, took: float, *, most: int) -> int:
    """How large the next step should be after one of this size took `took` seconds."""
    wanted = size * LONGEST_STEP / max(took, 1e-6)
    # A step that was held up by something else says little about the next one.
    return int(min(max(wanted, size * 0.5, 4), size * 1.5 + 1, most))


# Built once: building a statement takes as long as running it, and the steps are small.
_STATE = select(IndexState.event_id, IndexState.version)
_STATE_LOCKED = _STATE.with_for_update()
_NEXT = (Event.id > bindparam("after"), Event.id <= bindparam("last"))
_EVENTS = select(*_COLUMNS).where(*_NEXT).order_by(Event.id)
_HELD = (
    select(*(EVENTS.c[name] for name in ("id", "quarantine", "sender", "recipient")))
    .where(*_NEXT)
    .order_by(Event.id)
)
_NEWEST = (
    select(
        *(
            EVENTS.c[name]
            for name in ("id", "kind", "type", "sender", "recipient", "received_at", "quarantine")
        )
    )
    .where(Event.id <= bindparam("last"))
    .order_by(Event.id.desc())
    .limit(bindparam("most"))
)
_REMOVE_WORDS = {
    "sqlite": text("DELETE FROM event_words WHERE rowid > :low"),
    "postgresql": text("DELETE FROM event_words WHERE id > :low"),
}
_END_CONVERSATIONS = text(
    "DELETE FROM conversations WHERE number = :number AND sender = :sender AND messages <= 0"
)
_ADVANCE = text("UPDATE index_state SET event_id = :last")
_CHANGES = text("SELECT total_changes()")
