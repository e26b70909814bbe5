"""The provider's parameters and words, and what each is in the log."""

from __future__ import annotations

from collections.abc import Mapping

from receiver.vocabulary.kinds import CallOutcome, CallStep, EventState, Kind

PATHS: Mapping[str, Kind] = {
    "voice": Kind.VOICE,
    "sms": Kind.SMS,
    "status": Kind.VOICE,
    "recording": Kind.VOICE,
}
"""The last words of its callback URLs: calls and what they go on to, messages, ends of calls, recordings."""

STEPS = {
    "gather": CallStep.MENU,
    "dial": CallStep.DIALLED,
    "leg": CallStep.DIALLING,
    "record": CallStep.RECORDED,
    "redirect": CallStep.WENT_ON,
    "recording": CallStep.RECORDING_READY,
    "recording-state": CallStep.RECORDING_STATE,
    "absent": CallStep.NOTHING_RECORDED,
    "transcription": CallStep.TRANSCRIBED,
}
"""Its verbs, and what else reports: somebody who was dialled, a recording, what was heard in one."""
STATES = {
    **dict.fromkeys(("queued", "initiated", "ringing"), EventState.RINGING),
    "in-progress": EventState.ONGOING,
    **dict.fromkeys(("completed", "busy", "failed", "no-answer", "canceled"), EventState.ENDED),
}
ENDINGS = {
    "busy": CallOutcome.BUSY,
    "no-answer": CallOutcome.NO_ANSWER,
    "failed": CallOutcome.MISSED,
    "canceled": CallOutcome.CANCELED,
}
"""Not `completed`: a call that only heard a sentence is completed too, and nobody was reached."""
PARTIES = {
    **dict.fromkeys(("completed", "answered", "in-progress"), CallOutcome.ANSWERED),
    "busy": CallOutcome.BUSY,
    "no-answer": CallOutcome.NO_ANSWER,
    "failed": CallOutcome.MISSED,
    "canceled": CallOutcome.CANCELED,
}

MOST_MEDIA = 10
"""Files that come with one message."""
_PLACES = ("City", "State", "Zip", "Country")
PARAMETERS: Mapping[str, str] = {
    # Of both, and of calls.
    **{"From": "sender", "To": "recipient", "Timestamp": "occurred_at"},
    **{"CallSid": "txn_ref", "CallStatus": "call_state", "Digits": "digits", "SpeechResult": "text"},
    **{"CallerName": "sender_name", "ForwardedFrom": "forwarded_from"},
    **{"CallDuration": "seconds", "Duration": "duration"},
    **{"DialCallStatus": "dial_status", "DialCallDuration": "seconds"},
    # Of recordings.
    **{"RecordingUrl": "record_url", "RecordingDuration": "seconds", "RecordingStartTime": "occurred_at"},
    "TranscriptionText": "text",
    # Of messages.
    **{"MessageSid": "txn_ref", "Body": "text", "ProfileName": "sender_name"},
    # Kept among the parameters.
    **{
        name: name
        for name in (
            *("AccountSid", "ApiVersion", "Caller", "Called", "Direction", "ParentCallSid", "CallToken"),
            *(f"{end}{place}" for end in ("From", "To", "Caller", "Called") for place in _PLACES),
            *("StirVerstat", "StirPassportToken", "SipResponseCode", "CallbackSource", "SequenceNumber"),
            *("ErrorCode", "ErrorUrl", "FinishedOnKey", "Confidence", "UnstableSpeechResult"),
            *("DialCallSid", "DialBridged", "DialCallBridgedTo"),
            *("RecordingSid", "RecordingStatus", "RecordingChannels", "RecordingSource", "RecordingTrack"),
            *("TranscriptionSid", "TranscriptionStatus", "TranscriptionUrl"),
            *("SmsSid", "SmsMessageSid", "SmsStatus", "MessageStatus", "MessagingServiceSid"),
            *(f"{name}{number}" for name in ("MediaUrl", "MediaContentType") for number in range(MOST_MEDIA)),
            *("NumSegments", "NumMedia", "OptOutType", "RawDlrDoneDate"),
            *("ChannelPrefix", "ChannelToAddress", "EventType"),
            *("WaId", "Forwarded", "FrequentlyForwarded", "Latitude", "Longitude", "Address", "Label"),
            *("ButtonText", "ButtonPayload", "ButtonType", "InteractiveData", "FlowData", "ChannelMetadata"),
        )
    },
}
"""Every parameter that is documented, and the field of an event that it becomes, or its own name. Of several
for one field the first that can be read counts."""

MEASURES = frozenset(
    {
        *("ApiVersion", "CallDuration", "Duration", "DialCallDuration", "Timestamp", "SequenceNumber"),
        *("RecordingDuration", "RecordingChannels", "RecordingStartTime", "Confidence"),
        *("NumSegments", "NumMedia", "RawDlrDoneDate", "Latitude", "Longitude"),
        *("CallToken", "StirPassportToken", "ErrorUrl"),
    }
)
"""Those that hold a time, an amount, a token or an address of ours."""
