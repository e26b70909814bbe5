"""What is said of an event to people, in chat and by mail. All wording is here.

Numbers and texts are somebody else's: what would steer a terminal or turn a line around is made visible, and
each format escapes them in its own way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from config import Config
from receiver.models import Event
from receiver.providers.registry import PROVIDERS
from receiver.relay.delivery import Parcel
from receiver.relay.sender import Surroundings
from receiver.search.call import Call
from receiver.search.calls import CallLog
from receiver.search.voicemail import brings_voicemail
from receiver.vocabulary.kinds import CallOutcome, CallStep, EventType, Kind
from receiver.vocabulary.printable import printable, printable_lines

_LONGEST_NUMBER = 40
_LONGEST_NAME = 60
_OUTCOMES = {
    CallOutcome.ANSWERED: ("Call", "answered"),
    CallOutcome.MISSED: ("Missed call", ""),
    CallOutcome.BUSY: ("Missed call", "the line was busy"),
    CallOutcome.NO_ANSWER: ("Missed call", "nobody answered"),
    CallOutcome.VOICEMAIL: ("Voicemail", ""),
    CallOutcome.ABANDONED: ("Missed call", "the caller hung up in the menu"),
    CallOutcome.CANCELED: ("Missed call", "the caller hung up"),
    CallOutcome.UNKNOWN: ("Call", "ended"),
}
_KINDS = {Kind.VOICE: ("Call", "a call"), Kind.FAX: ("Fax", "a fax"), Kind.SMS: ("SMS", "an SMS")}


@dataclass(frozen=True, slots=True)
class Said:
    """An event in words."""

    subject: str
    """`Missed call from +65…`: the same for all messages of a conversation."""
    headline: str
    """`Missed call from +65… to +65…, nobody answered, 10:12`."""
    text: str | None = None
    """What the sender wrote, or was heard to say."""


def said_of(parcel: Parcel, around: Surroundings) -> Said:
    """What is said of an event. The end of a call tells what became of the whole call, and what brings a
    voicemail may not say whose it is. A test is of no call."""
    event = parcel.event
    call = None
    of_call = event.type == EventType.CALL_ENDED or brings_voicemail(event)
    if of_call and not parcel.test and event.session and event.quarantine is None:
        call = CallLog(around.engine).get(event.session)
    return say(parcel, call, zone_of(around.config), datetime.now(UTC))


def say(parcel: Parcel, call: Call | None, zone: tzinfo, now: datetime) -> Said:
    """The same, from what was read."""
    event = parcel.event
    what, detail = _what(event, call)
    started = event.received_at if call is None else call.started_at
    sender, recipient = _ends(event, call)
    contact = event.contact if call is None else event.contact or call.contact
    subject = _mark(parcel) + what + f" from {_caller(sender, contact)}"
    headline = subject + (f" to {to}" if (to := _number(recipient)) else "")
    headline += f", {detail}" if detail else ""
    return Said(subject, f"{headline}, {clock(started, zone, now)}", _text(event))


def _text(event: Event) -> str | None:
    if event.type == EventType.TEST or event.kind == Kind.FAX:
        return None
    text = printable_lines((event.text or "").replace("\r\n", "\n")).strip("\n")
    empty = event.type == EventType.SMS_RECEIVED and not event.media
    return text or ("(no text)" if empty else None)


def clock(when: datetime, zone: tzinfo, now: datetime) -> str:
    """`10:12`, with the day if that is not today. UTC is named, since it is nobody's own time."""
    here, today = when.astimezone(zone), now.astimezone(zone)
    shown = f"{here:%H:%M}"
    if here.date() != today.date():
        shown = f"{here.day} {here:%b}{f' {here.year}' if here.year != today.year else ''}, {shown}"
    return f"{shown} UTC" if here.tzname() == "UTC" else shown


def zone_of(config: Config) -> tzinfo:
    """The zone in which times are told to people."""
    return UTC if config.time_zone is None else ZoneInfo(config.time_zone)


def pages(number: int) -> str:
    return "1 page" if number == 1 else f"{number} pages"


def files(number: int) -> str:
    return "with an attachment" if number == 1 else f"with {number} attachments"


def _mark(parcel: Parcel) -> str:
    """What must be known before the rest is read."""
    mark = "Test: " if parcel.test else "Sent again: " if parcel.replayed else ""
    return mark + ("Not verified: " if parcel.event.quarantine is not None else "")


def _what(event: Event, call: Call | None) -> tuple[str, str]:
    match event.type:
        case EventType.SMS_RECEIVED:
            return "SMS", files(len(event.media)) if event.media else ""
        case EventType.FAX_RECEIVED:
            return "Fax", pages(event.fax_pages) if event.fax_pages else ""
        case EventType.FAX_FAILED:
            return "Failed fax", f"error {printable(code)[:20]}" if (code := event.fax_error_code) else ""
        case EventType.CALL_RINGING:
            return "Call", "ringing"
        case EventType.CALL_ONGOING if brings_voicemail(event):
            return "Voicemail", ""
        case EventType.CALL_ONGOING:
            step = PROVIDERS[event.provider].steps.get(event.ivr_block or "")
            if step is CallStep.TRANSCRIBED and event.text:
                return "Voicemail", "transcribed"
            return "Call", step.value.lower() if step else "going on"
        case EventType.CALL_ENDED:
            return _ended(call)
        case EventType.TEST:
            return "Test of the callback address", ""
    if event.problems or event.quarantine is not None:
        return f"{_KINDS[Kind(event.kind)][0]} that could not be read", ""
    return f"Report about {_KINDS[Kind(event.kind)][1]}", ""


def _ended(call: Call | None) -> tuple[str, str]:
    what, detail = _OUTCOMES[(call and call.outcome) or CallOutcome.UNKNOWN]
    if call is not None and call.outcome is CallOutcome.ANSWERED and call.duration:
        detail += f", {call.duration} min"
    return what, detail


def _ends(event: Event, call: Call | None) -> tuple[str | None, str | None]:
    if call is None:
        return event.sender, event.recipient
    return event.sender or call.sender, event.recipient or call.recipient


def _caller(number: str | None, contact: str | None) -> str:
    """`Anna Tan (+65…)`."""
    shown = _number(number) or "an unknown number"
    return f"{printable(contact)[:_LONGEST_NAME]} ({shown})" if contact else shown


def _number(number: str | None) -> str:
    return printable(number or "")[:_LONGEST_NUMBER]
