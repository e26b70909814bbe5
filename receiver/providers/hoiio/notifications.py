"""What the provider says in a callback: raw bytes in, a `Notification` out.

Pure: no I/O, no clock, and nothing in here raises on what came in. A field that is missing or cannot be
read is None and is named in `problems`; what the provider did not document is kept among the parameters.

Field lists: the provider's pages on IVR answer, receive SMS and receive fax, and the field tables of its
PHP, .NET and Java SDKs. What no page states is in docs/providers/hoiio.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from decimal import Decimal

from receiver.providers.forms import shown
from receiver.providers.hoiio.zone import ZONE
from receiver.vocabulary.fields import SAID, Sort
from receiver.vocabulary.kinds import CallOutcome, CallStep, EventState, EventType, Kind
from receiver.vocabulary.limits import LONGEST_FIELD
from receiver.vocabulary.notification import Notification, Parameters

_CALL_TYPES = {
    "ringing": EventType.CALL_RINGING,
    "ongoing": EventType.CALL_ONGOING,
    "ended": EventType.CALL_ENDED,
}
STATES = {word: EventState(word) for word in _CALL_TYPES}
PARTIES = {
    "answered": CallOutcome.ANSWERED,
    "busy": CallOutcome.BUSY,
    "unanswered": CallOutcome.NO_ANSWER,
    "failed": CallOutcome.MISSED,
}
_FAX_TYPES = {"answered": EventType.FAX_RECEIVED, "failed": EventType.FAX_FAILED}
_PARTY_STATES = frozenset({*PARTIES, "ongoing"})
STEPS = {
    "answer": CallStep.ANSWERED,
    "dial": CallStep.DIALLED,
    "play": CallStep.PLAYED,
    "gather": CallStep.MENU,
    "record": CallStep.RECORDED,
    "monitor": CallStep.MONITORED,
    "hold": CallStep.HELD,
    "unhold": CallStep.RESUMED,
    "transfer": CallStep.TRANSFERRED,
    "hangup": CallStep.HUNG_UP,
}
"""The blocks of its IVR."""
_VALUES: dict[str, frozenset[str]] = {
    "ivr_block": frozenset(STEPS),
    "call_state": frozenset(_CALL_TYPES),
    "dial_status": _PARTY_STATES,
    "transfer_status": _PARTY_STATES,
    "fax_status": frozenset(_FAX_TYPES),
}
PARAMETERS = {
    **{"from": "sender", "to": "recipient", "date": "occurred_at", "msg": "text"},
    **{
        name: name
        for name in (
            *("txn_ref", "session", "tag", "currency", "debit", "rate", "duration"),
            *("ivr_block", "call_state", "digits", "dest", "dial_status", "transfer_status"),
            *("record_url", "monitor_url"),
            *("fax_status", "fax_url", "fax_error_code", "fax_pages"),
        )
    },
}
"""Every parameter that the provider's pages give, and the field of an event that it becomes."""
MEASURES = frozenset({"date", "duration", "currency", "rate", "debit"})
_ONLY = {"session": Kind.VOICE, "msg": Kind.SMS}
"""Parameters of one kind, though every event has the field."""
_DOCUMENTED = {
    kind: frozenset(
        name
        for name, field in PARAMETERS.items()
        if SAID[field].belongs_to(kind) and _ONLY.get(name, kind) is kind
    )
    for kind in Kind
}
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
_WHOLE = re.compile(r"[0-9]{1,6}", re.ASCII)
_TIMED = re.compile(r"[0-9][^0-9][0-9]{2}:?[0-9]{2}", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-?[0-9W]{2,3}-?[0-9]{0,2}", re.ASCII)
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


def _read_field(
    fields: dict[str, str | int | Decimal | datetime | None], name: str, value: str, problems: list[str]
) -> None:
    if "\x00" in value:
        # PostgreSQL refuses NUL in text; both databases get the same replacement.
        value = value.replace("\x00", "\ufffd")
        problems.append(f"{name}: held NUL")
    field, sort = _FIELDS[name]
    if sort == _LONG:
        fields[field] = value
        return
    if not value and sort != _KEYS:  # no key pressed is an answer; other empty fields say nothing
        return
    if len(value) > LONGEST_FIELD:
        value = value[:LONGEST_FIELD]
        problems.append(f"{name}: longer than {LONGEST_FIELD} characters, cut")
    if sort == _NUMBER:
        if _SPACED_NUMBER.fullmatch(value):
            value = "+" + value[1:]
            problems.append(f"{name}: its + was not percent-encoded")
        fields[field] = value
    elif reader := _READERS.get(name):
        fields[field] = said = reader(value)
        if said is None:
            day = reader is _instant and _DAY.fullmatch(value)
            problems.append(f"{name}: {'a day without a time' if day else 'unreadable'}")
    else:
        if name in _VALUES and value not in _VALUES[name]:
            if (plain := value.strip().lower()) in _VALUES[name]:
                value = plain  # `Answer` is the word that is documented
            else:
                problems.append(f"{name}: not a documented value")
        fields[field] = value


def _amount(value: str) -> Decimal | None:
    # Plus zero, since not every database knows a negative zero.
    return Decimal(value) + 0 if _AMOUNT.fullmatch(value) else None


def _whole_number(value: str) -> int | None:
    return int(value) if _WHOLE.fullmatch(value) else None


def _instant(value: str) -> datetime | None:
    """`YYYY-MM-DD HH:MM:SS`, sometimes with a fraction, in GMT+8; as UTC. A day alone is no moment."""
    if not _TIMED.search(value):
        return None
    try:
        when = datetime.fromisoformat(value)
        if when.tzinfo is None:
            when = when.replace(tzinfo=ZONE)
        when = when.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    # At the ends of the calendar it could be stored, and not be read again in another zone.
    return when if MINYEAR < when.year < MAXYEAR else None


# Looked up once here, not at every callback: members of an enum are slow to compare and to hash.
_LONG, _KEYS, _NUMBER, _OTHER = range(4)
_WAYS = {Sort.TEXT: _LONG, Sort.LINK: _LONG, Sort.KEYS: _KEYS, Sort.NUMBER: _NUMBER}
_FIELDS = {name: (field, _WAYS.get(SAID[field].sort, _OTHER)) for name, field in PARAMETERS.items()}
_READERS: dict[str, Callable[[str], Decimal | int | datetime | None]] = {
    name: reader
    for sort, reader in ((Sort.TIME, _instant), (Sort.AMOUNT, _amount), (Sort.COUNT, _whole_number))
    for name, field in PARAMETERS.items()
    if SAID[field].sort is sort
}
