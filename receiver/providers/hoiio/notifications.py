"""What the provider says in a callback: raw bytes in, a `Notification` out.

Pure: no I/O, no clock, and nothing in here raises on what came in. A field that is missing or cannot be
read is None and is named in `problems`; what the provider did not document is kept among the parameters.

Field lists: the provider's pages on IVR answer, receive SMS and receive fax, and the field tables of its
PHP, .NET and Java SDKs. What no page states is in docs/provider-assumptions.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from io import BytesIO
from urllib.parse import unquote_to_bytes

from werkzeug.formparser import parse_form_data

PROVIDER_ZONE = timezone(timedelta(hours=8))
"""Every date of the provider is GMT+8, whatever the account's own zone is."""

LONGEST_FIELD = 255
"""Characters kept of a field that is indexed; B-tree entries are limited. The raw bytes stay whole."""
MOST_PARAMETERS = 1000

Params = dict[str, str | list[str]]


class Kind(StrEnum):
    """What arrived, and the last part of the callback URL it arrives at."""

    VOICE = "voice"
    FAX = "fax"
    SMS = "sms"


class EventType(StrEnum):
    """What happened, in our words."""

    CALL_RINGING = "call.ringing"
    CALL_ONGOING = "call.ongoing"
    CALL_ENDED = "call.ended"
    FAX_RECEIVED = "fax.received"
    FAX_FAILED = "fax.failed"
    SMS_RECEIVED = "sms.received"
    TEST = "test"
    """No call at all: we sent it ourselves, to see whether a callback would arrive."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Notification:
    """One notification, typed. `duration` is in minutes, money in `currency`, times are aware UTC."""

    kind: Kind
    type: EventType
    problems: tuple[str, ...]
    readable: bool
    """Whether anything the provider documents was found in it."""

    txn_ref: str | None = None
    session: str | None = None
    sender: str | None = None
    recipient: str | None = None
    text: str | None = None
    occurred_at: datetime | None = None
    tag: str | None = None

    ivr_block: str | None = None
    call_state: str | None = None
    digits: str | None = None
    dest: str | None = None
    dial_status: str | None = None
    transfer_status: str | None = None
    record_url: str | None = None
    monitor_url: str | None = None

    fax_status: str | None = None
    fax_url: str | None = None
    fax_error_code: str | None = None

    duration: int | None = None
    currency: str | None = None
    rate: Decimal | None = None
    debit: Decimal | None = None


_CALL_TYPES = {
    "ringing": EventType.CALL_RINGING,
    "ongoing": EventType.CALL_ONGOING,
    "ended": EventType.CALL_ENDED,
}
_FAX_TYPES = {"answered": EventType.FAX_RECEIVED, "failed": EventType.FAX_FAILED}
_PARTY_STATES = frozenset({"answered", "unanswered", "failed", "busy", "ongoing"})
_BLOCKS = frozenset(
    {"answer", "dial", "play", "gather", "record", "monitor", "hold", "unhold", "transfer", "hangup"}
)
_VALUES: dict[str, frozenset[str]] = {
    "ivr_block": _BLOCKS,
    "call_state": frozenset(_CALL_TYPES),
    "dial_status": _PARTY_STATES,
    "transfer_status": _PARTY_STATES,
    "fax_status": frozenset(_FAX_TYPES),
}

# The provider's name for a field, and ours.
_PLAIN = {
    "txn_ref": "txn_ref",
    "session": "session",
    "tag": "tag",
    "ivr_block": "ivr_block",
    "call_state": "call_state",
    "digits": "digits",
    "dial_status": "dial_status",
    "transfer_status": "transfer_status",
    "fax_status": "fax_status",
    "fax_error_code": "fax_error_code",
    "currency": "currency",
}
_LONG = {"msg": "text", "record_url": "record_url", "monitor_url": "monitor_url", "fax_url": "fax_url"}
_NUMBERS = {"from": "sender", "to": "recipient", "dest": "dest"}
_MONEY = ("rate", "debit")

_COMMON = frozenset({"txn_ref", "from", "to", "date", "currency", "debit", "tag"})
_DOCUMENTED: dict[Kind, frozenset[str]] = {
    Kind.VOICE: _COMMON
    | {"session", "ivr_block", "call_state", "dest", "dial_status", "digits", "record_url", "monitor_url"}
    | {"transfer_status", "duration", "rate"},
    Kind.FAX: _COMMON | {"fax_status", "fax_url", "fax_error_code", "duration", "rate", "fax_pages"},
    Kind.SMS: _COMMON | {"msg"},
}
DOCUMENTED = frozenset().union(*_DOCUMENTED.values())
"""Every parameter name that the provider's pages give."""
MEASURES = frozenset({"date", "duration", "currency", "rate", "debit"})
"""Those among them that hold a time or an amount."""
_REQUIRED: dict[EventType, tuple[str, ...]] = {
    EventType.CALL_RINGING: ("txn_ref", "session", "from", "to"),
    EventType.CALL_ONGOING: ("txn_ref", "session"),
    EventType.CALL_ENDED: ("txn_ref", "session"),
    EventType.FAX_RECEIVED: ("txn_ref", "from", "to", "fax_url", "date"),
    EventType.FAX_FAILED: ("txn_ref", "from", "to", "date"),
    EventType.SMS_RECEIVED: ("txn_ref", "from", "to", "msg", "date"),
}
_STATE_OF = {Kind.VOICE: "call_state", Kind.FAX: "fax_status", Kind.SMS: "msg"}

_AMOUNT = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,9})?", re.ASCII)
_MINUTES = re.compile(r"[0-9]{1,6}", re.ASCII)
_SPACED_NUMBER = re.compile(r" [0-9]{5,15}", re.ASCII)


_TEST = b"receiver_test="


def own_notification(nonce: str) -> bytes:
    """A body of our own. It holds nothing that the provider documents, so unsigned it is never taken for a
    call, and what a proxy likes to re-encode."""
    return _TEST + nonce.encode() + b"&sample=%2B6591234567+%C3%BC%20%E4%BD%A0&empty="


def is_own(body: bytes) -> bool:
    """Whether a body is one of ours, if its signature is valid: then nobody but us and the provider wrote it,
    and the provider never begins like this."""
    return body.startswith(_TEST)


def read_own(kind: Kind) -> Notification:
    """What a test notification says."""
    return Notification(kind=kind, type=EventType.TEST, problems=(), readable=True)


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of one callback as they came, body before query, and what was odd about them."""

    params: Params
    problems: tuple[str, ...] = ()
    in_query: frozenset[str] = frozenset()

    def first(self, name: str) -> str | None:
        """The value of a name; the first one where it came several times."""
        value = self.params.get(name)
        return value[0] if isinstance(value, list) else value


def read_parameters(query: bytes, body: bytes, content_type: str = "") -> Parameters:
    """Decode body and query. A name found in both has the body's values: only the body is signed."""
    problems: list[str] = []
    from_body = _body_pairs(body, content_type, problems) if body else []
    from_query = _form_pairs(query, "query", problems) if query else []
    params: Params = {}
    _gather(params, from_body)
    if not from_query:
        return Parameters(params, tuple(problems))
    extra: Params = {}
    _gather(extra, from_query)
    for name, value in extra.items():
        if name not in params:
            params[name] = value
        elif params[name] != value:
            problems.append(f"{_shown(name)}: differs between body and query, the body's was taken")
    return Parameters(params, tuple(problems), frozenset(extra))


def read_notification(kind: Kind, parameters: Parameters) -> Notification:
    """What the parameters say. `kind` is the callback URL's; plain evidence of another kind overrules it."""
    problems = list(parameters.problems)
    found = _kind_of(parameters.params, kind)
    if found is not kind:
        problems.append(f"came to the {kind} URL but reads as {found}")
    documented = _DOCUMENTED[found]
    fields: dict[str, str | int | Decimal | datetime | None] = {}
    readable = False
    for name, value in parameters.params.items():
        if name not in documented:
            if name not in parameters.in_query:  # in the URL it is a pass-through parameter of the owner's
                problems.append(f"{_shown(name)}: not a documented parameter of {found}")
            continue
        readable = True
        if isinstance(value, list):
            problems.append(f"{name}: came {len(value)} times, the first was taken")
        _read_field(fields, name, value[0] if isinstance(value, list) else value, problems)
    type_ = _type_of(found, fields)
    for name in _REQUIRED.get(type_, ()):
        if not parameters.params.get(name):
            # An empty text is a text: only its absence is a problem.
            if name == "msg" and name in parameters.params:
                continue
            problems.append(f"{name}: missing")
    if type_ is EventType.UNKNOWN and _STATE_OF[found] not in parameters.params:
        problems.append(f"{_STATE_OF[found]}: missing")
    return Notification(
        kind=found,
        type=type_,
        problems=tuple(problems),
        readable=readable,
        **fields,  # type: ignore[arg-type]  # each reader below writes the type its field declares
    )


def _kind_of(params: Mapping[str, object], url_kind: Kind) -> Kind:
    """Fax and voice share one setting at the provider, so a number's mode can change under its URL."""
    if "fax_status" in params:
        return Kind.FAX
    if "call_state" in params or "session" in params:
        return Kind.VOICE
    if "msg" in params:
        return Kind.SMS
    return url_kind


def _type_of(kind: Kind, fields: Mapping[str, object]) -> EventType:
    if kind is Kind.VOICE:
        return _CALL_TYPES.get(str(fields.get("call_state")), EventType.UNKNOWN)
    if kind is Kind.FAX:
        return _FAX_TYPES.get(str(fields.get("fax_status")), EventType.UNKNOWN)
    return EventType.SMS_RECEIVED if "text" in fields else EventType.UNKNOWN


def _read_field(  # noqa: PLR0912  # one branch a sort of field, in the order they are told apart
    fields: dict[str, str | int | Decimal | datetime | None], name: str, value: str, problems: list[str]
) -> None:
    if "\x00" in value:
        # PostgreSQL refuses NUL in text; both databases get the same replacement.
        value = value.replace("\x00", "\ufffd")
        problems.append(f"{name}: held NUL")
    if name in _LONG:
        fields[_LONG[name]] = value
        return
    if not value and name != "digits":  # no key pressed is an answer; other empty fields say nothing
        return
    if len(value) > LONGEST_FIELD:
        value = value[:LONGEST_FIELD]
        problems.append(f"{name}: longer than {LONGEST_FIELD} characters, cut")
    if name in _NUMBERS:
        if _SPACED_NUMBER.fullmatch(value):
            value = "+" + value[1:]
            problems.append(f"{name}: its + was not percent-encoded")
        fields[_NUMBERS[name]] = value
    elif name in _PLAIN:
        if name in _VALUES and value not in _VALUES[name]:
            problems.append(f"{name}: not a documented value")
        fields[_PLAIN[name]] = value
    elif name == "date":
        fields["occurred_at"] = when = _instant(value)
        if when is None:
            problems.append("date: unreadable")
    elif name in _MONEY:
        if _AMOUNT.fullmatch(value):
            fields[name] = Decimal(value) + 0  # not every database knows a negative zero
        else:
            problems.append(f"{name}: unreadable")
    elif name == "duration":
        if _MINUTES.fullmatch(value):
            fields[name] = int(value)
        else:
            problems.append("duration: unreadable")


def _instant(value: str) -> datetime | None:
    """`YYYY-MM-DD HH:MM:SS`, sometimes with a fraction, in GMT+8; as UTC."""
    try:
        when = datetime.fromisoformat(value)
        if when.tzinfo is None:
            when = when.replace(tzinfo=PROVIDER_ZONE)
        when = when.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    # At the ends of the calendar it could be stored, and not be read again in another zone.
    return when if MINYEAR < when.year < MAXYEAR else None


def _body_pairs(body: bytes, content_type: str, problems: list[str]) -> list[tuple[str, str]]:
    # Form-encoded is what every source but one shows; that one (the Java SDK) reads JSON. Multipart is
    # what PHP, the language of the provider's samples, would accept in the same place.
    declared = content_type.partition(";")[0].strip().lower()
    if declared == "multipart/form-data":
        return _multipart_pairs(body, content_type, problems)
    if declared == "application/json" or body.lstrip()[:1] == b"{":
        pairs = _json_pairs(body)
        if pairs is not None:
            return pairs
        problems.append("body: not readable as JSON, read as a form")
    return _form_pairs(body, "body", problems)


_USUAL = ((b"+", b" "), (b"%20", b" "), (b"%2B", b"+"), (b"%2F", b"/"), (b"%3A", b":"))
"""How a form spells what most callbacks hold. None of these stands in another escape, or separates anything,
so that they can be read in the whole form at once."""


def _form_pairs(data: bytes, where: str, problems: list[str]) -> list[tuple[str, str]]:
    for spelled, char in _USUAL:
        data = data.replace(spelled, char)
    parts = data.split(b"&")
    if len(parts) > MOST_PARAMETERS:
        problems.append(f"{where}: more than {MOST_PARAMETERS} parameters, the rest stands in the raw bytes")
        del parts[MOST_PARAMETERS:]
    halves = [part.partition(b"=")[::2] for part in parts if part]
    if b"%" not in data and data.isascii():
        return [(name.decode(), value.decode()) for name, value in halves]
    pairs: list[tuple[str, str]] = []
    latin = False
    for name, value in ((_unquoted(name), _unquoted(value)) for name, value in halves):
        try:
            pairs.append((name.decode(), value.decode()))
        except UnicodeDecodeError:
            latin = True
            pairs.append((name.decode("latin-1"), value.decode("latin-1")))
    if latin:
        problems.append(f"{where}: not UTF-8, read as Latin-1")
    return pairs


def _unquoted(value: bytes) -> bytes:
    return unquote_to_bytes(value) if b"%" in value else value


def _json_pairs(body: bytes) -> list[tuple[str, str]] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    pairs = []
    for name, item in list(value.items())[:MOST_PARAMETERS]:
        text = item if isinstance(item, str) else json.dumps(item)
        pairs.append((_whole(name), _whole(text)))
    return pairs


def _whole(text: str) -> str:
    """JSON can spell half a surrogate pair, which no database stores."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def _multipart_pairs(body: bytes, content_type: str, problems: list[str]) -> list[tuple[str, str]]:
    environ = {
        "wsgi.input": BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": content_type,
        "REQUEST_METHOD": "POST",
    }
    _, form, files = parse_form_data(environ, silent=True)
    if files or not form:
        problems.append("body: multipart with something other than fields")
    # A part without a name comes with None for one.
    return [(_whole(name or ""), _whole(value)) for name, value in form.items(multi=True)][:MOST_PARAMETERS]


def _gather(params: Params, pairs: Sequence[tuple[str, str]]) -> None:
    params.update(pairs)
    if len(params) == len(pairs):
        return  # no name came twice, as in nearly every callback
    params.clear()
    for name, value in pairs:
        if name not in params:
            params[name] = value
            continue
        held = params[name]
        params[name] = [*held, value] if isinstance(held, list) else [held, value]


def _shown(name: str) -> str:
    """A parameter name that came from outside, short and printable enough for a list of problems."""
    text = "".join(char if char.isprintable() else "\ufffd" for char in name[:60])
    return text or "(no name)"
