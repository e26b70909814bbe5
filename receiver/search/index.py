"""Keeps the words and counts of the log up with it, after the callbacks were answered.

A cursor goes over the events in the order of their ids. What an event adds, and the cursor, are written in
one transaction: a crash repeats nothing and leaves nothing out. Deleting an event, or changing its
quarantine, is followed by triggers (migration 0005).
"""

# ruff: noqa: S608  # SQL is put together from our own words; values are always bound

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, TextClause, bindparam, func, select, text, update

from receiver.db.engine import writing_lazily
from receiver.models import EVENTS, Event, IndexState, UtcTime
from receiver.providers.forms import read_parameters
from receiver.providers.registry import PROVIDERS
from receiver.search.settled import settled_id
from receiver.search.words import INDEX_VERSION, event_words, words

BATCH = 100
"""Events in one step at most."""
LONGEST_STEP = 0.004
"""Seconds that a step may hold SQLite's one lock for writers, and that its reading of words may take: a
callback may be waiting for the lock, or for the interpreter."""
SHARE, SHARE_UNDER_LOAD = 0.4, 0.04
"""Of the time, how much the steps may take: while little comes in, and while much does. What is left undone
is caught up with afterwards."""
LOAD = 500.0
"""Events a second that are much."""

_MERGE = "INSERT INTO event_words (event_words, rank) VALUES ('merge', ?)"  # pages of 4 kB

FINE, COARSE = 13, 18
"""Bits of an id that one block of each size spans; PostgreSQL looks through the words block by block."""

_COLUMNS = [
    EVENTS.c[name]
    for name in (
        *("id", "provider", "kind", "type", "sender", "recipient", "text", "received_at"),
        *("quarantine", "problems", "query_string", "body", "headers"),
    )
]


def mark(letter: str, end: str = "", type_: str = "") -> str:
    """A word that no text can hold, under which an event is found among others with the same words.

    `f` and `t` are for sender and recipient, `a` for any; after a `p`, only for those with problems. With and
    without the type (of `type_code`), so that both together need not be looked for as two. All in small
    letters: SQLite's index takes a capital for the same.
    """
    return f"§{letter}{''.join(words(end))}" + (f"§{type_}" if type_ else "")


def type_code(kind: str, type_: str) -> str:
    return kind[0] + type_.rpartition(".")[2]


def marks(event: Any) -> list[str]:
    """All marks of an event."""
    code = type_code(event.kind, event.type)
    found = [mark("a", type_=code)]
    ends = [(letter, end) for letter, end in (("f", event.sender), ("t", event.recipient)) if end]
    for letter, end in ends:
        found += (mark(letter, end), mark(letter, end, code))
    if not event.problems:
        return [*found, "§p0"]
    return [*found, "§p1", mark("pa", type_=code), *(mark(f"p{letter}", end, code) for letter, end in ends)]


def content_type(headers: bytes) -> str:
    """The content type a callback came with; empty where it named none."""
    start = headers.find(b"Content-Type: ")
    return headers[start + 14 :].partition(b"\r\n")[0].decode("latin-1") if start >= 0 else ""


def indexed_words(event: Any) -> list[str]:
    """All words under which an event (a row of `_COLUMNS`, or an `Event`) is found."""
    params = read_parameters(event.query_string, event.body, content_type(event.headers)).params
    return event_words(event.text, params, PROVIDERS[event.provider]) + marks(event)


def behind(connection: Connection) -> int:
    """How many events, about, are not in the words and counts yet."""
    newest = connection.scalar(select(func.max(Event.id))) or 0
    return max(0, newest - (connection.scalar(select(IndexState.event_id)) or 0))


class LogIndex:
    """Reads on from where it stopped. Several processes may try; they wait for each other."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._dialect = engine.dialect.name
        self._unmerged = True
        self._batch, self._pages = 16, 16
        self._seen: tuple[float, int] | None = None
        self._worked = 0.0

    def run(self, seconds: float = 0.8) -> None:
        """Go on for that long, or until nothing is left."""
        until = time.monotonic() + seconds
        share = SHARE_UNDER_LOAD if self._rate() > LOAD else SHARE
        while time.monotonic() < until:
            self._worked, asked = 0.0, self._batch
            taken = self.advance(asked)
            if not self._merge() and taken < asked:
                return
            # Whoever waits for the lock or the interpreter gets it now. A rest may be longer than this turn:
            # the next one begins later then.
            time.sleep(self._worked * (1 / share - 1))

    def catch_up(self) -> None:
        """Go on until nothing is left, without a pause."""
        while self.advance(1000):
            self._merge()

    def _rate(self) -> float:
        """Events a second that came in since this was last asked, in all processes."""
        with self._engine.connect() as connection:
            newest = connection.scalar(select(func.max(Event.id))) or 0
        now = time.monotonic()
        before, self._seen = self._seen, (now, newest)
        return 0.0 if before is None else (newest - before[1]) / max(now - before[0], 1e-3)

    @contextmanager
    def _step(self) -> Iterator[Connection]:
        """A transaction whose time with the lock counts as work. It waits for no disk: a power cut takes the
        step back as a whole, and it is done again."""
        with writing_lazily(self._engine) as connection:
            locked = time.monotonic()
            yield connection
            self._worked += time.monotonic() - locked

    def advance(self, most: int) -> int:
        """Take the next events in, at most so many; how many there were.

        While the index is of an older version, take its newest events out instead.
        """
        with self._engine.connect() as connection:
            state = connection.execute(_STATE).one()
            if state.version == INDEX_VERSION:
                horizon = settled_id(connection, state.event_id, most)
                if horizon == state.event_id:
                    return 0
                events = connection.execute(_EVENTS, {"after": state.event_id, "last": horizon}).all()
        if state.version != INDEX_VERSION:
            self._take_back(most)
            return most
        if not events:
            return 0
        # What can be done before the lock is taken is. Time spent waiting for the interpreter counts as well:
        # the more others need it, the longer the rest.
        began = time.monotonic()
        found, tally = self._words(events), Tally()
        for event in events:
            tally.add(event)
        prepared = time.monotonic() - began
        self._worked += prepared
        with self._step() as connection:
            locked = time.monotonic()
            if not self._unchanged(connection, state, state.event_id, events):
                return most  # look again
            self._add_words(connection, found)
            for statement, rows in zip(_ADD[self._dialect], tally.rows(), strict=True):
                if rows:
                    connection.execute(statement, rows)
            connection.execute(_ADVANCE, {"last": events[-1].id})
            held_for = time.monotonic() - locked
        self._unmerged = True
        if len(events) == self._batch:
            self._batch = fitting(self._batch, max(prepared, held_for), most=BATCH)
        return len(events)

    def _take_back(self, most: int) -> None:
        """Take the newest events out again, at most so many, until none is left of an older version.

        In steps as small as those forward, each of which leaves words and counts of exactly the events up to
        the place they name. The newest message of a conversation stays named, also beyond that place: to
        look for the one before it would take longer than all the rest.
        """
        with self._engine.connect() as connection:
            state = connection.execute(_STATE).one()
            events = connection.execute(_NEWEST, {"last": state.event_id, "most": most}).all()
        if state.version == INDEX_VERSION:
            return  # another process was faster
        low = events[-1].id - 1 if len(events) == most else 0
        tally = Tally()
        for event in events:
            tally.add(event)
        with self._step() as connection:
            locked = time.monotonic()
            if not self._unchanged(connection, state, low, events[::-1]):
                return
            connection.execute(_REMOVE_WORDS[self._dialect], {"low": low})
            _, *added = zip(_ADD[self._dialect], tally.rows(-1), strict=True)  # the hours stay as they were
            for statement, rows in added:
                if rows:
                    connection.execute(statement, rows)
            if pairs := tally.rows()[-1]:
                connection.execute(_END_CONVERSATIONS, pairs)
            version = state.version if low else INDEX_VERSION
            connection.execute(update(IndexState).values(event_id=low, version=version))
            held_for = time.monotonic() - locked
        self._unmerged = True
        if len(events) == self._batch:
            self._batch = fitting(self._batch, held_for, most=BATCH)

    def _unchanged(self, connection: Connection, state: Any, after: int, events: Sequence[Any]) -> bool:
        """Whether, now that we have the lock, the index and the events behind `after` are as they were read:
        another process may have been faster, one event may have been deleted or released meanwhile."""
        if connection.execute(_STATE_LOCKED).one() != state:
            return False
        last = max((event.id for event in events), default=after)
        held = connection.execute(_HELD, {"after": after, "last": last}).all()
        return [tuple(row) for row in held] == [(event.id, event.quarantine) for event in events]

    def _merge(self) -> bool:
        """Bring what was added a little more together, which keeps looking for words fast; whether anything
        may be left to do. PostgreSQL does so by itself."""
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

    def _words(self, events: Sequence[Any]) -> list[tuple[int, str]]:
        if self._dialect == "sqlite":
            return [(event.id, " ".join(indexed_words(event))) for event in events]
        return [(event.id, tsvector([*indexed_words(event), *block_marks(event.id)])) for event in events]

    def _add_words(self, connection: Connection, found: list[tuple[int, str]]) -> None:
        if self._dialect == "sqlite":
            connection.exec_driver_sql("INSERT INTO event_words (rowid, words) VALUES (?, ?)", found)
            return
        connection.exec_driver_sql(
            "INSERT INTO event_words (id, words) SELECT * FROM unnest(%s::bigint[], %s::text[]::tsvector[])",
            ([row[0] for row in found], [row[1] for row in found]),
        )


def fitting(size: int, took: float, *, most: int) -> int:
    """How large the next step should be, when one of this size took so many seconds."""
    wanted = size * LONGEST_STEP / max(took, 1e-6)
    # One that was held up by something else says little about the next.
    return int(min(max(wanted, size * 0.5, 4), size * 1.5 + 1, most))


def block_marks(event_id: int) -> tuple[str, str]:
    """Which fine and which coarse block of ids an event stands in."""
    return f"§x{event_id >> FINE}", f"§y{event_id >> COARSE}"


def tsvector(found: Iterable[str]) -> str:
    """Words with their places, as PostgreSQL writes them. No word holds a quote, a backslash or a space."""
    places: dict[str, list[str]] = {}
    for place, word in enumerate(found, start=1):
        places.setdefault(word, []).append(str(place))
    return " ".join(f"'{word}':{','.join(where[:255])}" for word, where in places.items())


def hour_of(when: datetime) -> datetime:
    """The beginning of its hour, in UTC."""
    return when.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


@dataclass(slots=True)
class Tally:
    """What a batch of events adds to the counts."""

    hours: dict[datetime, list[int]] = field(default_factory=dict)
    by_hour: Counter[tuple[datetime, str, str, str]] = field(default_factory=Counter)
    by_number: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    last: dict[str, int] = field(default_factory=dict)
    """The newest event's id, by number."""
    conversations: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def add(self, event: Any) -> None:
        hour = hour_of(event.received_at)
        span = self.hours.setdefault(hour, [event.id, event.id])
        span[0], span[1] = min(span[0], event.id), max(span[1], event.id)
        if event.quarantine is not None:
            return
        number = event.recipient or ""
        self.last[number] = max(self.last.get(number, 0), event.id)
        self.by_hour[hour, event.kind, event.type, number] += 1
        self.by_number[number, event.kind, event.type] += 1
        if event.type == "sms.received" and event.sender is not None and event.recipient is not None:
            held = self.conversations.setdefault((event.recipient, event.sender), [0, 0])
            held[0], held[1] = held[0] + 1, max(held[1], event.id)

    def rows(self, sign: int = 1) -> list[list[dict[str, Any]]]:
        """What to add to each table, in the order of `_ADD`; with sign -1, to take away."""
        return [
            [{"hour": hour, "low": low, "top": top} for hour, (low, top) in self.hours.items()],
            [
                {"hour": hour, "kind": kind, "type": type_, "number": number, "events": sign * events}
                for (hour, kind, type_, number), events in self.by_hour.items()
            ],
            [
                {"number": number, "kind": kind, "type": type_, "events": sign * events}
                for (number, kind, type_), events in self.by_number.items()
            ],
            [
                {"number": number, "sender": sender, "messages": sign * messages, "newest": newest}
                for (number, sender), (messages, newest) in self.conversations.items()
            ],
        ]


# Made once: to put a statement together takes as long as to run it, and the steps are small.
_STATE = select(IndexState.event_id, IndexState.version)
_STATE_LOCKED = _STATE.with_for_update()
_NEXT = (Event.id > bindparam("after"), Event.id <= bindparam("last"))
_EVENTS = select(*_COLUMNS).where(*_NEXT).order_by(Event.id)
_HELD = select(Event.id, Event.quarantine).where(*_NEXT).order_by(Event.id)
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


def _additions(least: str, most: str) -> list[TextClause]:
    hour = bindparam("hour", type_=UtcTime)
    return [
        text(
            "INSERT INTO hours (hour, first_id, last_id) VALUES (:hour, :low, :top)"
            f" ON CONFLICT (hour) DO UPDATE SET first_id = {least}(hours.first_id, excluded.first_id),"
            f" last_id = {most}(hours.last_id, excluded.last_id)"
        ).bindparams(hour),
        text(
            "INSERT INTO hour_counts (hour, kind, type, number, events)"
            " VALUES (:hour, :kind, :type, :number, :events)"
            " ON CONFLICT (hour, kind, type, number) DO UPDATE"
            " SET events = hour_counts.events + excluded.events"
        ).bindparams(hour),
        text(
            "INSERT INTO number_counts (number, kind, type, events) VALUES (:number, :kind, :type, :events)"
            " ON CONFLICT (number, kind, type) DO UPDATE SET events = number_counts.events + excluded.events"
        ),
        text(
            "INSERT INTO conversations (number, sender, messages, last_id)"
            " VALUES (:number, :sender, :messages, :newest) ON CONFLICT (number, sender) DO UPDATE"
            " SET messages = conversations.messages + excluded.messages,"
            f" last_id = {most}(conversations.last_id, excluded.last_id)"
        ),
    ]


# In the order of Tally.rows.
_ADD = {"sqlite": _additions("min", "max"), "postgresql": _additions("least", "greatest")}
