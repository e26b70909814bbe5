"""What the provider says in a callback: parameters in, a `Notification` out.

Pure, and nothing in here raises on what came in. A documented field that cannot be read is None and is named
in `problems`. Parameters that are not documented are none: the provider adds some without notice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from receiver.providers.twilio.parameters import MOST_MEDIA, PARAMETERS
from receiver.providers.twilio.strict import unreadable
from receiver.providers.twilio.words import STATES, WITHHELD
from receiver.vocabulary.fields import SAID, Sort
from receiver.vocabulary.kinds import EventState, EventType, Kind
from receiver.vocabulary.limits import LONGEST_FIELD
from receiver.vocabulary.linked import Linked
from receiver.vocabulary.notification import Notification, Parameters

_TYPES = {
    EventState.RINGING: EventType.CALL_RINGING,
    EventState.ONGOING: EventType.CALL_ONGOING,
    EventState.ENDED: EventType.CALL_ENDED,
}
_RECEIVED = frozenset({"received", "receiving"})
UNKNOWN_TYPE = "application/octet-stream"
_HUNG_UP = "hangup"
"""What stands for the key when a caller hung up instead of ending a recording."""
_NOTHING = frozenset({"absent", "failed"})
_MESSAGE = "RecordVerb"
"""Where a recording comes from that is a message."""
_WHOLE = re.compile(r"[0-9]{1,6}", re.ASCII)


def read_notification(kind: Kind, parameters: Parameters) -> Notification:
    """What the parameters say. Each callback URL takes any callback, so the URL's `kind` counts only where
    nothing else tells."""
    params, first = parameters.params, parameters.first
    problems = list(parameters.problems)
    found = _kind_of(params, kind)
    fields: dict[str, Any] = {}
    for name, field, read in _READERS[found]:
        if not (came := params.get(name)):
            continue
        value = came if isinstance(came, str) else came[0]
        if value is not came:
            problems.append(f"{name}: came {len(came)} times, the first was taken")
        if value and (said := read(name, value, problems)) is not None:
            fields.setdefault(field, said)
    problems += unreadable(params)
    readable = not PARAMETERS.keys().isdisjoint(params)
    type_ = _message(first, fields, problems) if found is Kind.SMS else _call(first, fields, problems)
    for name in _REQUIRED.get(type_, ()):
        if not params.get(name) and not (name == "Body" and name in params):
            problems.append(f"{name}: missing")
    return Notification(kind=found, type=type_, problems=tuple(problems), readable=readable, **fields)


_First = Callable[[str], str | None]
_REQUIRED: dict[EventType, tuple[str, ...]] = {
    EventType.CALL_RINGING: ("CallSid", "From", "To"),
    EventType.CALL_ONGOING: ("CallSid",),
    EventType.CALL_ENDED: ("CallSid",),
    EventType.SMS_RECEIVED: ("MessageSid", "From", "To", "Body"),
}


def _kind_of(params: Any, url_kind: Kind) -> Kind:
    """All reports of a call have its SID, and none of a message."""
    if "CallSid" in params or "RecordingSid" in params:
        return Kind.VOICE
    if "MessageSid" in params or "SmsSid" in params:
        return Kind.SMS
    return url_kind


def _message(first: _First, fields: dict[str, Any], problems: list[str]) -> EventType:
    if "txn_ref" not in fields and (sid := first("SmsSid")):
        fields["txn_ref"] = _short("SmsSid", sid, problems)
    text = first("Body")
    if text == "":  # a picture may come without a word
        fields["text"] = ""
    if media := tuple(_media(first)):
        fields["media"] = media
    status = first("MessageStatus") or first("SmsStatus")
    received = text is not None if status is None else status in _RECEIVED
    return EventType.SMS_RECEIVED if received else EventType.UNKNOWN


def _media(first: _First) -> Iterator[Linked]:
    """The files of an MMS, which are numbered from 0 without a gap."""
    for number in range(MOST_MEDIA):
        if not (link := first(f"MediaUrl{number}")):
            return
        media_type = "".join((first(f"MediaContentType{number}") or "").split())[:LONGEST_FIELD]
        yield Linked(_stored(media_type) or UNKNOWN_TYPE, _stored("%20".join(link.split())))


def _call(first: _First, fields: dict[str, Any], problems: list[str]) -> EventType:
    """What sort of report it is shows in what it has: they all may come to one URL."""
    if "txn_ref" in fields:
        fields["session"] = fields["txn_ref"]
    if withheld := WITHHELD.get(fields.get("sender", "")):
        fields["sender"] = withheld
    state = fields.get("call_state")
    if parent := first("ParentCallSid"):
        return _leg(_short("ParentCallSid", parent, problems), state, fields)
    if first("RecordingStatus") or first("TranscriptionStatus"):
        return _recording(first, fields)
    if first("CallbackSource"):
        _of_conversation(fields)
    elif verb := _verb(first, state, fields):
        fields["ivr_block"] = verb
        return EventType.CALL_ONGOING
    if state not in STATES:
        problems.append(f"CallStatus: {'missing' if state is None else 'not a documented value'}")
        return EventType.UNKNOWN
    return _TYPES[STATES[state]]


def _verb(first: _First, state: str | None, fields: dict[str, Any]) -> str | None:
    """The verb of ours that has ended, if it is that which is reported."""
    if fields.get("dial_status"):
        _of_conversation(fields)
        return "dial"
    keys = first("Digits")
    if keys == _HUNG_UP or fields.get("record_url"):
        fields.pop("digits", None)  # those that ended it are no answer to a menu
        if first("RecordingDuration") == "0":
            fields.pop("record_url", None)  # nothing was said: there will be no file
        return "record"
    if keys == "":  # no key pressed is an answer
        fields["digits"] = ""
    if keys is not None or first("SpeechResult") is not None:
        return "gather"
    # What else is asked in the midst of a call: what comes after a prompt.
    return "redirect" if STATES.get(state or "") is EventState.ONGOING else None


def _of_conversation(fields: dict[str, Any]) -> None:
    """A recording that comes with a conversation is one of it, and no message."""
    if link := fields.pop("record_url", None):
        fields["monitor_url"] = link


def _leg(parent: str, state: str | None, fields: dict[str, Any]) -> EventType:
    """Of somebody who was dialled: a step of the caller's call, with a SID of its own."""
    fields["session"] = parent
    fields["ivr_block"] = "leg"
    fields["dest"] = fields.pop("recipient", None)
    fields.pop("sender", None)
    fields.pop("call_state", None)
    fields.pop("duration", None)
    _of_conversation(fields)
    if state is not None and STATES.get(state) is not EventState.RINGING:
        fields["dial_status"] = state
    return EventType.CALL_ONGOING


def _recording(first: _First, fields: dict[str, Any]) -> EventType:
    """Of a recording, which can be fetched once it is completed, or of what was heard in one."""
    fields.pop("call_state", None)
    link = fields.pop("record_url", None)
    status, source = first("RecordingStatus"), first("RecordingSource")
    if first("TranscriptionStatus"):
        fields["ivr_block"] = "transcription"
    elif status == "completed":
        fields["ivr_block"] = "recording"
        if link is not None:
            fields["record_url" if source == _MESSAGE else "monitor_url"] = link
    else:
        nothing = status in _NOTHING and source in (None, _MESSAGE)
        fields["ivr_block"] = "absent" if nothing else "recording-state"
    return EventType.CALL_ONGOING


# One reader for each sort of field. Each gets the name, a value that is not empty, and the problems.

_Reader = Callable[[str, str, list[str]], Any]


def _stored(text: str) -> str:
    """PostgreSQL refuses NUL in text; both databases get the same replacement."""
    return text.replace("\x00", "\ufffd")


def _text(name: str, value: str, problems: list[str]) -> str:
    if "\x00" in value:
        value = _stored(value)
        problems.append(f"{name}: held NUL")
    return value


def _short(name: str, value: str, problems: list[str]) -> str:
    if len(value) > LONGEST_FIELD:
        value = value[:LONGEST_FIELD]
        problems.append(f"{name}: longer than {LONGEST_FIELD} characters, cut")
    return _text(name, value, problems) if "\x00" in value else value


def _count(name: str, value: str, problems: list[str]) -> int | None:
    if _WHOLE.fullmatch(value):
        return int(value)
    problems.append(f"{name}: unreadable")
    return None


def _instant(name: str, value: str, problems: list[str]) -> datetime | None:
    """RFC 2822; one without a zone is UTC."""
    try:
        when = parsedate_to_datetime(value)
        when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        problems.append(f"{name}: unreadable")
        return None
    # At the ends of the calendar it could be stored, and not be read again in another zone.
    if 1 < when.year < 9999:
        return when
    problems.append(f"{name}: unreadable")
    return None


_BY_SORT: dict[Sort, _Reader] = {
    **dict.fromkeys((Sort.TEXT, Sort.LINK), _text),
    **dict.fromkeys((Sort.WORD, Sort.LABEL, Sort.NUMBER, Sort.KEYS), _short),
    Sort.COUNT: _count,
    Sort.TIME: _instant,
}
_READERS = {
    kind: [
        (name, field, _BY_SORT[SAID[field].sort])
        for name, field in PARAMETERS.items()
        if field in SAID and SAID[field].belongs_to(kind)
    ]
    for kind in Kind
}
