"""What can arrive, and what it says has happened."""

from __future__ import annotations

from enum import StrEnum


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
    """Not a call: we sent it ourselves, to see whether a callback would arrive."""
    UNKNOWN = "unknown"


class CallStep(StrEnum):
    """Which step of a call a notification is about, in the words people see."""

    ANSWERED = "Answered"
    DIALLED = "Dial"
    DIALLING = "Dialling"
    """Of the call to somebody who is dialled: it rings there, or is over."""
    PLAYED = "Message played"
    WENT_ON = "Went on"
    """What was said or played is over, and it is asked what comes next."""
    MENU = "Menu"
    RECORDED = "Recorded"
    MONITORED = "Recording of the call"
    HELD = "On hold"
    RESUMED = "Back from hold"
    TRANSFERRED = "Transfer"
    HUNG_UP = "Hung up by us"
    RECORDING_READY = "Recording ready"
    RECORDING_STATE = "State of a recording"
    NOTHING_RECORDED = "Nothing recorded"
    """There is no message, whatever the end of the recording said."""
    TRANSCRIBED = "Transcription"


REPORTS = frozenset(
    {
        CallStep.RECORDING_READY,
        CallStep.RECORDING_STATE,
        CallStep.NOTHING_RECORDED,
        CallStep.TRANSCRIBED,
    }
)
"""No steps that a call takes: reported once there is something to report."""


class CallOutcome(StrEnum):
    """What became of a call."""

    ANSWERED = "answered"
    MISSED = "missed"
    BUSY = "busy"
    NO_ANSWER = "no answer"
    VOICEMAIL = "voicemail"
    ABANDONED = "abandoned"
    """The caller hung up in a menu."""
    CANCELED = "canceled"
    """The caller hung up before anything answered."""
    UNKNOWN = "unknown"
    """Its end was never reported."""


class EventState(StrEnum):
    """How it went. Those of `OF_WHOLE_CALLS` describe a whole call, found at the event that ended it."""

    RINGING = "ringing"
    ONGOING = "ongoing"
    ENDED = "ended"
    ANSWERED = "answered"
    VOICEMAIL = "voicemail"
    MISSED = "missed"
    RECEIVED = "received"
    FAILED = "failed"


OF_WHOLE_CALLS = frozenset({EventState.ANSWERED, EventState.VOICEMAIL, EventState.MISSED})
