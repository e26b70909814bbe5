"""Erasing a person by telephone number: events, repeats, raw bytes, callbacks in the spool, the name
among the contacts, the number in the search of a replay, and the free space in which all that stood. What
stays is the record that it was done, which holds the number as a digest only.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, ColumnElement, Engine, and_, delete, func, literal, or_, select, text
from sqlalchemy.exc import SQLAlchemyError

from receiver.access.record import Action
from receiver.archive.documents import only_of
from receiver.archive.keep import sweep
from receiver.archive.store import Store, StoreError
from receiver.db.engine import writing
from receiver.db.failure import reason_of
from receiver.db.space import compact, give_back
from receiver.intake.arrival import Arrival, digits_of, event_row
from receiver.intake.spool import Spool
from receiver.models import CONTACTS, EVENTS, Intervention, UtcTime
from receiver.retention.remove import Act, Removed, remove_gently, remove_orphans
from receiver.retention.replays import forget_search, replays_naming
from receiver.search.home import at_home
from receiver.search.query import Search
from receiver.vocabulary.errors import OperatorError
from receiver.vocabulary.fields import SAID, Sort
from receiver.vocabulary.printable import count_of
from receiver.vocabulary.telephone import spelled

FEWEST_DIGITS = 5
_PAGE = 1000
_PASSES = 5
_NUMBERS = tuple(EVENTS.c[name] for name, field in SAID.items() if field.sort is Sort.NUMBER)
"""Every field in which somebody's number stands."""


class EraseError(OperatorError):
    """It cannot be erased, or not wholly. The message says what to do."""


class End(StrEnum):
    """Which end of an event the number is."""

    SENDER = "sender"
    RECIPIENT = "recipient"
    EITHER = "number"


@dataclass(frozen=True, slots=True)
class Found:
    """What an erasure would take: events by kind, and callbacks that are still in the spool."""

    kinds: dict[str, Removed]
    spooled: int
    documents: int
    """Kept documents that no other event names."""
    contacts: int
    """Whether the number has a name, as a count."""
    replays: int
    """Replays whose search names the number."""

    @property
    def nothing(self) -> bool:
        """Whether nothing is known of the number."""
        return not (self.kinds or self.spooled or self.contacts or self.replays)


@dataclass(frozen=True, slots=True)
class Erased:
    """What was taken."""

    events: int
    repeats: int
    spooled: int
    documents: int
    contacts: int = 0
    replays: int = 0


class Erasure:
    """All that is known of one number, in one log, its archive and one spool."""

    def __init__(self, engine: Engine, store: Store, spool: Spool, number: str, end: End) -> None:
        self._engine = engine
        self._store = store
        self._spool = spool
        self._end = end
        with engine.connect() as connection:
            asked = at_home(connection, Search(number=spelled(number))).number
        self._digits = digits_of(asked or "")
        if not FEWEST_DIGITS <= len(self._digits) <= 15:
            raise EraseError(
                f"{number[:40]!r} is not a telephone number: write it whole, such as +6591234567"
            )
        self._sessions: set[str] = set()

    def find(self) -> Found:
        """What there is; changes nothing."""
        kinds: dict[str, Removed] = {}
        ids = self._ids()
        for some in _pages(ids):
            query = (
                select(
                    EVENTS.c.kind,
                    func.count(),
                    func.sum(EVENTS.c.repeats),
                    func.min(EVENTS.c.received_at, type_=UtcTime),
                    func.max(EVENTS.c.received_at, type_=UtcTime),
                )
                .where(EVENTS.c.id.in_(some))
                .group_by(EVENTS.c.kind)
            )
            with self._engine.connect() as connection:
                for kind, events, repeats, first, last in connection.execute(query):
                    kinds[kind] = kinds.get(kind, Removed()) + Removed(events, int(repeats), first, last)
        with self._engine.connect() as connection:
            documents = only_of(connection, ids)
            contacts = connection.scalar(select(func.count()).where(self._is_contact)) or 0
            replays = len(replays_naming(connection, self._is))
        spooled = self._spool.discard(self._is_about_it, only_count=True)
        return Found(kinds, spooled, documents, contacts, replays)

    def run(self, who: str, secret: str = "", told: Callable[[int], None] | None = None) -> Erased:
        """Erase it. Callbacks that come in meanwhile are kept: at the end, on SQLite, by the spool, because
        the database file is rewritten.

        `secret` keys the digest that stays on record, so that trying all numbers does not reveal it. `told`
        is called with how many more events are gone.
        """
        spooled = contacts = replays = 0
        subject = _subject(self._digits, secret)
        with Act(Action.ERASE, who, why=f"by {self._end}", subject=subject) as act:
            # What a drain moves between the two looks stands in the log at the next pass.
            for _ in range(_PASSES):
                before = act.done.events
                taken = self._spool.discard(self._is_about_it)
                with writing(self._engine) as connection:
                    act.add(connection, Removed(), spooled=taken)
                    contacts += connection.execute(delete(CONTACTS).where(self._is_contact)).rowcount
                    if named := replays_naming(connection, self._is):
                        forget_search(connection, named, who)
                        replays += len(named)
                remove_gently(self._engine, self._ids(), act, told=told)
                spooled += taken
                if act.done.events == before and not taken:
                    break
        remove_orphans(self._engine)
        erased = f"{count_of(act.done.events, 'event was', 'events were')} erased"
        try:
            sweep(self._engine, self._store)
        except StoreError as error:
            raise EraseError(
                f"{erased}, but not all of their documents: {error}. Put that"
                " right; `receiver work` then deletes them. `receiver archive status` says how many are left"
            ) from None
        try:
            self._forget()
        except SQLAlchemyError as error:
            raise EraseError(
                f"{erased}, but what they leave behind on disk was not: "
                f"{reason_of(error)}. Put that right, then run `receiver db compact`"
            ) from None
        return Erased(act.done.events, act.done.repeats, spooled, act.done.documents, contacts, replays)

    def _forget(self) -> None:
        """Remove what deleting leaves behind in the files."""
        if self._engine.dialect.name != "sqlite":
            give_back(self._engine)
            return
        with writing(self._engine) as connection:
            # A deleted word stays in the search index until its parts are merged.
            connection.execute(text("INSERT INTO event_words (event_words) VALUES ('optimize')"))
        compact(self._engine)

    def _ids(self) -> list[int]:
        """The events about the number: those that name it, those that belong to its calls, and those that
        could not be read but hold its digits."""
        found: set[int] = set()
        for column in self._named_in:
            # One column at a time, and no other: an index holds it, so the log itself is not read.
            found.update(self._naming(column))
        for some in _pages(sorted(found)):
            # Of trusted events only: a forged one must not pull in somebody else's call.
            theirs = and_(EVENTS.c.id.in_(some), EVENTS.c.quarantine.is_(None), EVENTS.c.session.is_not(None))
            self._sessions.update(self._select(EVENTS.c.session, theirs))
        unnamed = or_(*(column.is_(None) for column in self._ends))
        for some in _pages(sorted(self._sessions)):
            found.update(self._select(EVENTS.c.id, and_(EVENTS.c.session.in_(some), unnamed)))
        unread = and_(
            EVENTS.c.quarantine.is_not(None), EVENTS.c.sender.is_(None), EVENTS.c.recipient.is_(None)
        )
        raw = or_(self._in_bytes(EVENTS.c.body), self._in_bytes(EVENTS.c.query_string))
        found.update(self._select(EVENTS.c.id, and_(unread, raw)))
        return sorted(found)

    def _select(self, column: Column[Any], condition: ColumnElement[bool]) -> Sequence[Any]:
        with self._engine.connect() as connection:
            return connection.scalars(select(column).where(condition)).all()

    @property
    def _is_contact(self) -> ColumnElement[bool]:
        return CONTACTS.c.number.in_([self._digits, f"+{self._digits}"])

    @property
    def _ends(self) -> tuple[Column[Any], ...]:
        names = ("sender", "recipient") if self._end is End.EITHER else (self._end.value,)
        return tuple(EVENTS.c[name] for name in names)

    @property
    def _named_in(self) -> tuple[Column[Any], ...]:
        return _NUMBERS if self._end is End.EITHER else self._ends

    def _naming(self, column: Column[Any]) -> Iterator[int]:
        """The events that have the number in this column."""
        # Whatever stands between its digits, they come in this order: that rules most numbers out quickly.
        likely = column.like("%".join(("", *self._digits, "")))
        with self._engine.connect() as connection:
            rows = connection.execute(select(EVENTS.c.id, column).where(column.is_not(None), likely))
            yield from (event_id for event_id, end in rows if self._is(end))

    def _is(self, end: str) -> bool:
        """Whether an end is the number, however it is spelled: also behind a channel (`whatsapp:`) and before
        the host of an address (`sip:`)."""
        return digits_of(end.partition("@")[0]) == self._digits

    def _in_bytes(self, column: Column[Any]) -> ColumnElement[bool]:
        if self._engine.dialect.name == "sqlite":
            return func.instr(column, self._digits.encode()) > 0
        return func.position(literal(self._digits.encode()).op("IN")(column)) > 0

    def _is_about_it(self, arrival: Arrival) -> bool:
        """The same question about a callback that is still in the spool."""
        in_raw = self._digits.encode() in arrival.body + b" " + arrival.query
        try:
            row = event_row(arrival)
        except Exception:  # set aside because reading it fails: its bytes have to do
            return in_raw
        ends = [row[column.name] for column in self._ends]
        named = [row[column.name] for column in self._named_in]
        if any(number is not None and self._is(str(number)) for number in named):
            return True
        if None in ends and row["session"] in self._sessions:
            return True
        return in_raw and row["sender"] is None and row["recipient"] is None


def is_about(intervention: Intervention, number: str, secret: str = "") -> bool:
    """Whether an erasure on record was of this number; takes a twentieth of a second."""
    salt = bytes.fromhex((intervention.subject or "").partition(":")[0])
    return hmac.compare_digest(intervention.subject or "", _subject(digits_of(spelled(number)), secret, salt))


def _subject(digits: str, secret: str, salt: bytes | None = None) -> str:
    """Slow to compute, since telephone numbers are few enough to be tried one after another."""
    salt = salt or secrets.token_bytes(16)
    digest = hashlib.scrypt(f"{secret}\0{digits}".encode(), salt=salt, n=2**14, r=8, p=1, dklen=32)
    return f"{salt.hex()}:{digest.hex()}"


def _pages(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _PAGE):
        yield values[start : start + _PAGE]
