"""What the provider says in a callback: raw bytes in, a `Notification` out.

Pure: no I/O, no clock, and nothing in here raises on what came in. A field that is missing or cannot be
read is None and is named in `problems`; what the provider did not document is kept among the parameters.

Field lists: the provider's pages on IVR answer, receive SMS and receive fax, and the field tables of its
PHP, .NET and Java SDKs. What no page states is in docs/provider-assumptions.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from decimal import Decimal

from receiver.providers.forms import shown
from receiver.providers.hoiio.zone import ZONE
from receiver.vocabulary.kinds import EventType, Kind
from receiver.vocabulary.limits import LONGEST_FIELD
from receiver.vocabulary.notification import Notification, Parameters

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
                problems.append(f"{shown(name)}: not a documented parameter of {found}")
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
            when = when.replace(tzinfo=ZONE)
        when = when.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    # At the ends of the calendar it could be stored, and not be read again in another zone.
    return when if MINYEAR < when.year < MAXYEAR else None
