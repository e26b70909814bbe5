"""Notifications of Twilio: half of them of calls, the rest SMS, with all that it says beside."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import quote_plus

from bench.notification import FIRST_REFERENCE, Notification, ends, words

ACCOUNT = "AC51000000000000000000000000000001"

_TYPES = ("ringing", "gather", "recording", "ended", "sms", "sms", "sms", "sms")
"""Of eight notifications four are those of one call."""
_FIRST_DATE = datetime(2026, 1, 1, tzinfo=UTC)
_PLACES = tuple(f"{end}{of}" for end in ("From", "To", "Caller", "Called") for of in ("City", "State", "Zip"))


def notification(number: int) -> Notification:
    """The notification of that number, the same each time."""
    type_, group = _TYPES[number % len(_TYPES)], number // len(_TYPES)
    if type_ == "sms":
        return _message(f"SM{FIRST_REFERENCE + number:032x}", *ends(number), words(number))
    call = f"CA{FIRST_REFERENCE + group:032x}"
    head = f"AccountSid={ACCOUNT}&ApiVersion=2010-04-01&CallSid={call}"
    if type_ == "recording":
        recording = f"RE{FIRST_REFERENCE + group:032x}"
        link = f"https%3A%2F%2Fapi.example%2F2010-04-01%2FAccounts%2F{ACCOUNT}%2FRecordings%2F{recording}"
        return _said(
            "recording",
            call,
            f"{head}&RecordingSid={recording}&RecordingUrl={link}&RecordingStatus=completed&RecordingDuration=9"
            "&RecordingChannels=1&RecordingSource=RecordVerb",
        )
    sender, recipient = ends(group)
    empty = "".join(f"&{name}=" for name in _PLACES)
    ends_ = f"&From={sender}&To={recipient}&Caller={sender}&Called={recipient}&Direction=inbound{empty}"
    if type_ == "ended":
        at = quote_plus(format_datetime(_FIRST_DATE + timedelta(seconds=number)))
        happened = (
            f"&CallStatus=completed&CallDuration=65&Duration=2&Timestamp={at}"
            "&CallbackSource=call-progress-events&SequenceNumber=0"
        )
        return _said("status", call, head + ends_ + happened)
    happened = (
        "&CallStatus=ringing" if type_ == "ringing" else "&CallStatus=in-progress&Digits=1&msg=Gather+End"
    )
    return _said("voice", call, head + ends_ + happened)


def text(ref: str, sender: str, recipient: str, words: str) -> Notification:
    """An SMS with that reference."""
    return _message(ref, sender, recipient, words)


def _message(sid: str, sender: str, recipient: str, words: str) -> Notification:
    body = (
        f"ToCountry=SG&ToState=&SmsMessageSid={sid}&NumMedia=0&ToCity=&FromZip=&SmsSid={sid}&FromState="
        f"&SmsStatus=received&FromCity=&Body={words}&FromCountry=SG&To={recipient}&ToZip=&NumSegments=1"
        f"&MessageSid={sid}&AccountSid={ACCOUNT}&From={sender}&ApiVersion=2010-04-01"
    )
    return _said("sms", sid, body)


def _said(path: str, ref: str, body: str) -> Notification:
    token = {"I-Twilio-Idempotency-Token": str(uuid.uuid5(uuid.NAMESPACE_OID, body))}
    return Notification(f"twilio/{path}", ref, body.encode(), token)
