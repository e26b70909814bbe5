"""Finding events: one filter, one question, three faces (command line, HTTP API, page)."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Engine, and_, func, or_, select
from sqlalchemy.orm import Session

from receiver.hoiio.notifications import EventType, Kind, read_parameters
from receiver.models import Event

DEFAULT_PAGE = 50
LARGEST_PAGE = 500

_AGO = re.compile(r"([0-9]{1,6})(s|m|h|d|w)", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class FilterError(ValueError):
    """A filter that cannot be understood. The message names it and gives a form that can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which events; every part that is given must hold. Times are aware, `until` is exclusive."""

    kind: Kind | None = None
    type: EventType | None = None
    sender: str | None = None
    recipient: str | None = None
    number: str | None = None
    """Either end."""
    session: str | None = None
    txn_ref: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None
    """A part of the message text, in any case."""
    quarantined: bool | None = None
    problems: bool | None = None

    @classmethod
    def read(cls, given: dict[str, str | None], now: datetime | None = None) -> Filter:
        """From words, as a person or a program writes them; `FilterError` when one makes no sense."""
        known = {field.name for field in fields(cls)}
        values: dict[str, Any] = {}
        for name, word in given.items():
            if name not in known:
                raise FilterError(f"{name}: there is no such filter; there are {', '.join(sorted(known))}")
            if word is None or word == "":
                continue
            values[name] = _READERS.get(name, _plain)(name, word, now or datetime.now(UTC))
        return cls(**values)


def _plain(_: str, word: str, __: datetime) -> str:
    return word.replace("\x00", "\ufffd")  # as the log keeps it


def _phone(_: str, word: str, __: datetime) -> str:
    """A + that a shell or a URL turned into a space, and the spaces people write between digits."""
    digits = re.sub(r"[\s().-]", "", word)
    if digits.isascii() and digits.isdigit() and len(digits) > 6:
        return "+" + digits
    return digits or word


def _kind(name: str, word: str, _: datetime) -> Kind:
    try:
        return Kind(word.lower())
    except ValueError:
        raise FilterError(f"{name}: {word[:40]!r} is none of {', '.join(Kind)}") from None


def _type(name: str, word: str, _: datetime) -> EventType:
    try:
        return EventType(word.lower())
    except ValueError:
        raise FilterError(f"{name}: {word[:40]!r} is none of {', '.join(EventType)}") from None


def _flag(name: str, word: str, _: datetime) -> bool:
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if word.lower() not in known:
        raise FilterError(f"{name}: must be true or false")
    return known[word.lower()]


def _time(name: str, word: str, now: datetime) -> datetime:
    try:
        if ago := _AGO.fullmatch(word):
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        # In a query string the + of a zone arrives as a space.
        when = datetime.fromisoformat(re.sub(r" (\d\d:?\d\d)$", r"+\1", word))
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise FilterError(
            f"{name}: {word[:40]!r} is not a time; write 2026-01-31T10:00:00+08:00 or 90m, 2h, 7d for "
            "that long ago (UTC where no zone is given)"
        ) from None


_READERS = {
    "kind": _kind,
    "type": _type,
    "sender": _phone,
    "recipient": _phone,
    "number": _phone,
    "since": _time,
    "until": _time,
    "quarantined": _flag,
    "problems": _flag,
}


@dataclass(frozen=True, slots=True)
class Page:
    """Events, newest first, and where the next older page begins (None: there is none)."""

    events: Sequence[Event]
    next: int | None


class EventLog:
    """Reads the log. Pages go by event id, so they hold still while events come in."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, wanted: Filter, *, before: int | None = None, limit: int = DEFAULT_PAGE) -> Page:
        """One page of the newest events below id `before`."""
        # One row more than asked tells whether there is a next page, without counting the log.
        query = select(Event).where(*_conditions(wanted)).order_by(Event.id.desc()).limit(limit + 1)
        if before is not None:
            query = query.where(Event.id < before)
        with Session(self._engine, expire_on_commit=False) as session:
            events = session.scalars(query).all()
        more = len(events) > limit
        return Page(events[:limit], events[limit - 1].id if more else None)

    def every(self, wanted: Filter, limit: int | None = None) -> Iterator[Event]:
        """All of them, newest first, a page at a time."""
        before: int | None = None
        left = limit
        while left is None or left > 0:
            page = self.find(
                wanted, before=before, limit=LARGEST_PAGE if left is None else min(left, LARGEST_PAGE)
            )
            yield from page.events
            if page.next is None:
                return
            before = page.next
            left = None if left is None else left - len(page.events)

    def get(self, event_id: int) -> Event | None:
        """One event, whole."""
        with Session(self._engine, expire_on_commit=False) as session:
            return session.get(Event, event_id)

    def stats(self, wanted: Filter) -> list[dict[str, Any]]:
        """Events and repeats by kind and type, with the first and last time received."""
        query = (
            select(
                Event.kind,
                Event.type,
                func.count().label("events"),
                func.sum(Event.repeats).label("repeats"),
                func.min(Event.received_at).label("first"),
                func.max(Event.received_at).label("last"),
            )
            .where(*_conditions(wanted))
            .group_by(Event.kind, Event.type)
            .order_by(Event.kind, Event.type)
        )
        with self._engine.connect() as connection:
            return [
                {**row, "repeats": int(row["repeats"]), "first": iso(row["first"]), "last": iso(row["last"])}
                for row in connection.execute(query).mappings()
            ]


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    for name in ("kind", "type", "sender", "recipient", "session"):
        value = getattr(wanted, name)
        if value is not None:
            found.append(getattr(Event, name) == str(value))
    if wanted.number is not None:
        found.append(or_(Event.sender == wanted.number, Event.recipient == wanted.number))
    if wanted.txn_ref is not None:
        # The identity begins with it and is indexed.
        prefix = f"{wanted.txn_ref[:64]}/"
        found.append(
            and_(Event.txn_ref == wanted.txn_ref, Event.identity >= prefix, Event.identity < prefix + "~")
        )
    if wanted.since is not None:
        found.append(Event.received_at >= wanted.since)
    if wanted.until is not None:
        found.append(Event.received_at < wanted.until)
    if wanted.text is not None:
        found.append(func.lower(Event.text).contains(wanted.text.lower(), autoescape=True))
    if wanted.quarantined is not None:
        found.append(Event.quarantine.is_not(None) if wanted.quarantined else Event.quarantine.is_(None))
    if wanted.problems is not None:
        found.append(Event.problems.is_not(None) if wanted.problems else Event.problems.is_(None))
    return found


def iso(when: datetime | None) -> str | None:
    """UTC, ISO 8601, with Z."""
    if when is None:
        return None
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_PLAIN_FIELDS = (
    "id",
    "kind",
    "type",
    "txn_ref",
    "session",
    "sender",
    "recipient",
    "text",
    "occurred_at",
    "received_at",
    "signature",
)
_KIND_FIELDS = {
    "voice": (
        "ivr_block",
        "call_state",
        "digits",
        "dest",
        "dial_status",
        "transfer_status",
        "record_url",
        "monitor_url",
        "duration",
        "rate",
    ),
    "fax": ("fax_status", "fax_url", "fax_error_code", "duration", "rate"),
    "sms": (),
}


def event_json(event: Event, *, raw: bool = False) -> dict[str, Any]:
    """The form of an event in the API and on the command line. Money is text, since JSON has only floats."""
    shown: dict[str, Any] = {name: getattr(event, name) for name in _PLAIN_FIELDS}
    shown["occurred_at"], shown["received_at"] = iso(event.occurred_at), iso(event.received_at)
    shown |= {
        "quarantined": event.quarantine is not None,
        "quarantine_reason": event.quarantine,
        "repeats": event.repeats,
        "problems": event.problems or [],
    }
    for name in (*_KIND_FIELDS[event.kind], "currency", "debit", "tag"):
        value = getattr(event, name)
        shown[name] = str(value) if name in {"rate", "debit"} and value is not None else value
    # Derived from the raw bytes on reading: they are the one truth, and storing it twice could disagree.
    shown["params"] = read_parameters(event.query_string, event.body, _content_type(event)).params
    if raw:
        shown["raw"] = {
            "method": event.method,
            "query_string": event.query_string.decode("latin-1"),
            "headers": dict(_header_lines(event.headers)),
            "body_base64": base64.b64encode(event.body).decode(),
            "peer": event.peer,
        }
    return shown


def _header_lines(headers: bytes) -> Iterator[tuple[str, str]]:
    for line in headers.decode("latin-1").split("\r\n"):
        name, found, value = line.partition(": ")
        if found:
            yield name, value


def _content_type(event: Event) -> str:
    return next((value for name, value in _header_lines(event.headers) if name == "Content-Type"), "")
