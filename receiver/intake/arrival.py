"""A callback that reached us, and the row it becomes. Pure: no I/O but the clock of `Arrival.now`."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import NamedTuple, Protocol, cast

from receiver.providers.forms import read_parameters
from receiver.providers.own import is_own, read_own
from receiver.providers.registry import PROVIDERS, identity_prefix
from receiver.vocabulary.distrust import NOT_OURS, UNREADABLE
from receiver.vocabulary.fields import SAID, Sort
from receiver.vocabulary.kinds import EventType, Kind
from receiver.vocabulary.notification import Notification, Parameters
from receiver.vocabulary.telephone import country_of, is_address, spelled
from receiver.vocabulary.verdict import Verdict

SAME_MOMENT = 10
"""Seconds within which equal content without a `txn_ref` counts as the same notification."""

KEPT_HEADERS = (
    "Host",
    "User-Agent",
    "Content-Type",
    "Content-Encoding",
    "Date",
    "X-Request-Id",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Real-Ip",
    "Forwarded",
    "Via",
)
"""What helps to explain a callback, with its provider's own headers. Never a cookie or an authorization."""

QUARANTINED = "/quarantined"
"""How the identity of a quarantined event ends."""
ROW_BYTES = 1024
"""What an event takes in the database beside its raw bytes and text: columns and indexes, about."""

Row = dict[str, object]
AGAIN = "again"
"""Of a row, beside its columns: true once it is found to repeat what the log had before."""


class _Marks:
    """Random once for a process, then counted: asking the system for randomness gives the interpreter away
    at every call."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        self.process = secrets.token_hex(8)
        self.numbers = itertools.count(1)


_marks = _Marks()
os.register_at_fork(after_in_child=_marks.renew)


@dataclass(frozen=True, slots=True)
class Arrived:
    """A raw callback as the spool keeps it: kind and signature are words that nobody has read."""

    id: str
    provider: str
    kind: str
    received_at: datetime
    method: str
    query: bytes
    headers: bytes
    body: bytes
    peer: str
    content_type: str
    signature: str
    distrust: str | None
    """Why it is not trusted, as far as that was known on the way in; None when it is."""


@dataclass(frozen=True, slots=True)
class Arrival(Arrived):
    """The raw callback, byte for byte, with what was decided about it on the way in."""

    kind: Kind
    signature: Verdict

    @staticmethod
    def new_id() -> str:
        """A mark no other arrival has."""
        return f"{_marks.process}-{next(_marks.numbers):x}"

    @staticmethod
    def now() -> datetime:
        return datetime.now(UTC)


class RawCallback(Protocol):
    """What a row of the log holds of a callback as it came."""

    @property
    def query_string(self) -> bytes: ...
    @property
    def headers(self) -> bytes: ...
    @property
    def body(self) -> bytes: ...


class Read(NamedTuple):
    """What a callback says."""

    notification: Notification
    parameters: Parameters


class Whose(NamedTuple):
    """What shows whose number an event is about; the numbers in their one spelling."""

    kind: str
    type: str
    recipient: str | None
    sender: str | None
    dest: str | None

    def another(self, ours: frozenset[str]) -> bool:
        """Whether it names a recipient, and neither that nor, of a call, another end is a number of ours.

        What we sent through the provider has our number as its sender, and reports come about it too.
        """
        ends = [self.recipient]
        if self.kind == Kind.VOICE or self.type == EventType.UNKNOWN:
            ends += [self.sender, self.dest]
        if ends[0] is None or is_address(ends[0]):
            return False
        return not any(end and digits_of(end) in ours for end in ends)


def read(arrival: Arrival) -> Read:
    """Read it as its provider says, or as a test of our own."""
    encoding = header_of(arrival.headers, b"Content-Encoding")
    parameters = read_parameters(arrival.query, arrival.body, arrival.content_type, encoding)
    if arrival.signature is Verdict.VALID and is_own(arrival.body):
        return Read(read_own(arrival.kind), parameters)
    return Read(PROVIDERS[arrival.provider].read(arrival.kind, parameters), parameters)


def event_row(arrival: Arrival, ours: frozenset[str] = frozenset(), said: Read | None = None) -> Row:
    """Everything the log keeps of it, by column of `events`.

    `ours` are the numbers known to be ours, as digits; while there are none, any number may be. `said` is
    what it says, if it was read before.
    """
    notification, parameters = said or read(arrival)
    quarantine, ends = arrival.distrust, _ends(notification)
    if quarantine is None and not notification.readable:
        quarantine = UNREADABLE
    if quarantine is None and ours and not _vouched(arrival):
        named = (cast("str | None", ends.get(name)) for name in ("recipient", "sender", "dest"))
        if Whose(notification.kind, notification.type, *named).another(ours):
            quarantine = NOT_OURS
    return {
        "identity": identity_of(arrival, notification, parameters, quarantine),
        "provider": arrival.provider,
        "arrival": arrival.id,
        "received_at": arrival.received_at,
        "signature": arrival.signature.value,
        "quarantine": quarantine,
        "repeats": 0,
        "problems": notification.problems,
        "method": arrival.method,
        "query_string": arrival.query,
        "headers": arrival.headers,
        "body": arrival.body,
        "peer": arrival.peer,
        "kind": notification.kind.value,
        "type": notification.type.value,
        **dict(zip(_SAID, _said(notification), strict=True)),
        **ends,
    }


def _ends(notification: Notification) -> Row:
    """The numbers it names in their one spelling, so that they are found; the raw bytes have them as they
    came. A national one is taken for one of the country that was called."""
    called = spelled(notification.recipient) if notification.recipient else None
    home = country_of(called)
    ends: Row = {name: spelled(end, home) for name in _ENDS if (end := getattr(notification, name))}
    if called:
        ends["recipient"] = called
    return ends


def digits_of(number: str) -> str:
    """A telephone number however it is spelled: with or without its + or 00, spaces and punctuation."""
    return _NO_DIGIT.sub("", number).removeprefix("00")


def header_of(headers: bytes, name: bytes) -> str:
    """One of the headers that were kept with a callback; empty if it had none."""
    if headers.startswith(name + b": "):
        return headers[len(name) + 2 :].partition(b"\r\n")[0].decode("latin-1")
    return headers.partition(b"\r\n" + name + b": ")[2].partition(b"\r\n")[0].decode("latin-1")


def parameters_of(kept: RawCallback) -> Parameters:
    """The parameters of a callback that is in the log, read again."""
    type_, encoding = (header_of(kept.headers, name) for name in (b"Content-Type", b"Content-Encoding"))
    return read_parameters(kept.query_string, kept.body, type_, encoding)


def size_of(row: Row) -> int:
    """About how many bytes it will take in the database."""
    raw = (row["body"], row["headers"], row["query_string"], row["text"] or "")
    return ROW_BYTES + sum(len(part) for part in cast(tuple[bytes | str, ...], raw))


def _vouched(arrival: Arrival) -> bool:
    """Whether the provider itself says that it is about our account."""
    return arrival.signature is Verdict.VALID and PROVIDERS[arrival.provider].vouches


def identity_of(
    arrival: Arrival, notification: Notification, parameters: Parameters, quarantine: str | None
) -> str:
    """What makes two notifications the same: kind, `txn_ref`, and all they report unless their provider says
    what else.

    What could not be read as it came is told apart by its raw bytes. A quarantined copy never takes the place
    of a trusted one. It begins with the `txn_ref`, which a provider may count up, so that a long log's index
    grows at its end instead of all over.
    """
    if parameters.exact:
        same = PROVIDERS[arrival.provider].same(
            notification, parameters, lambda name: header_of(arrival.headers, name.encode())
        )
        content = (_canonical(parameters.params) if same is None else same).encode()
    else:
        content = b"\0".join((_canonical(parameters.params).encode(), arrival.query, arrival.body))
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    trust = "" if quarantine is None else QUARANTINED
    prefix = identity_prefix(arrival.provider)
    if notification.txn_ref:
        return f"{prefix}{notification.txn_ref[:64]}/{notification.kind}/{digest}{trust}"
    moment = int(arrival.received_at.timestamp()) // SAME_MOMENT
    return f"{prefix}-/{notification.kind}/{digest}/{moment}{trust}"


_NO_DIGIT = re.compile(r"[^0-9]+")
_canonical = json.JSONEncoder(sort_keys=True, ensure_ascii=True).encode
_SAID = tuple(SAID)
_ENDS = tuple(name for name, field in SAID.items() if field.sort is Sort.NUMBER)
_said = attrgetter(*_SAID)
