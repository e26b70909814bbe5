"""What makes two callbacks the same: the provider tries again, and may then add parameters of its own."""

from __future__ import annotations

from collections.abc import Callable

from receiver.vocabulary.kinds import EventType, Kind
from receiver.vocabulary.notification import Notification, Parameters

TOKEN = "I-Twilio-Idempotency-Token"  # noqa: S105  # the name of a header
"""Equal for all tries at one request."""


def same(said: Notification, parameters: Parameters, header: Callable[[str], str]) -> str | None:
    """What is the same besides the reference; None if that is all that they say."""
    if said.txn_ref is None or said.type is EventType.TEST:
        return None
    first = parameters.first
    if said.kind is Kind.SMS:
        return f"message {first('MessageStatus') or first('SmsStatus') or 'received'}"
    if said.ivr_block in _STEPS:
        # The same digits pressed twice are two steps, and nothing but the token tells.
        token = header(TOKEN)
        told = (first("Digits"), first("DialCallSid"), said.dial_status, first("RecordingSid"))
        return f"{said.ivr_block} {token} {told}" if token else None
    if said.ivr_block in _RECORDINGS:
        return f"recording {first('RecordingSid')} {first('RecordingStatus')}"
    if said.ivr_block == "transcription":
        return f"transcription {first('TranscriptionSid')} {first('TranscriptionStatus')}"
    if said.ivr_block == "redirect":
        token = header(TOKEN)  # a call may be redirected here any number of times
        return f"ongoing {token}" if token else None
    if said.type is EventType.UNKNOWN:
        return None
    source = "status" if first("CallbackSource") else "call"
    return f"{source} {first('CallStatus')} {first('SequenceNumber') or ''}"


_STEPS = frozenset({"gather", "dial", "record"})
_RECORDINGS = frozenset({"recording", "recording-state", "absent"})
