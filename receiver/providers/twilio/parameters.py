"""Every parameter that the provider documents, and what each holds."""

from __future__ import annotations

from collections.abc import Mapping

from receiver.vocabulary.fields import SAID, Sort

MOST_MEDIA = 10
"""Files that come with one message."""
_FIELDS = {
    # Of both, and of calls.
    **{"From": "sender", "To": "recipient", "Timestamp": "occurred_at"},
    **{"CallSid": "txn_ref", "CallStatus": "call_state", "Digits": "digits", "SpeechResult": "text"},
    **{"CallerName": "sender_name", "ForwardedFrom": "forwarded_from", "StirVerstat": "attestation"},
    **{"CallDuration": "seconds", "Duration": "duration", "ErrorCode": "error_code"},
    **{"DialCallStatus": "dial_status", "DialCallDuration": "seconds"},
    # Of recordings.
    **{"RecordingUrl": "record_url", "RecordingDuration": "seconds", "RecordingStartTime": "occurred_at"},
    "TranscriptionText": "text",
    # Of messages.
    **{"MessageSid": "txn_ref", "Body": "text", "ProfileName": "sender_name"},
}
_PLACES = ("City", "State", "Zip", "Country")
_KEPT = {
    Sort.WORD: (
        *("AccountSid", "ApiVersion", "Direction", "ParentCallSid", "CallbackSource", "DialCallSid"),
        "SipResponseCode",
        *("RecordingSid", "RecordingStatus", "RecordingSource", "RecordingTrack"),
        *("TranscriptionSid", "TranscriptionStatus"),
        *("SmsSid", "SmsMessageSid", "SmsStatus", "MessageStatus", "MessagingServiceSid", "OptOutType"),
        *("ChannelPrefix", "EventType", "ButtonType", "OriginalRepliedMessageSid"),
        *("ReferralSourceId", "ReferralSourceType", "ReferralMediaId"),
        *(f"MediaContentType{number}" for number in range(MOST_MEDIA)),
        "ReferralMediaContentType",
    ),
    Sort.COUNT: (
        *("SequenceNumber", "RecordingChannels"),
        *("NumSegments", "NumMedia", "ReferralNumMedia"),
    ),
    Sort.AMOUNT: ("Confidence",),
    Sort.PLACE: ("Latitude", "Longitude"),
    Sort.FLAG: ("DialBridged", "Forwarded", "FrequentlyForwarded"),
    Sort.TIME: ("RawDlrDoneDate",),
    Sort.LINK: (
        *("ErrorUrl", "TranscriptionUrl", "ReferralSourceUrl", "ReferralMediaUrl"),
        *(f"MediaUrl{number}" for number in range(MOST_MEDIA)),
    ),
    Sort.NUMBER: ("Caller", "Called", "WaId", "ChannelToAddress", "OriginalRepliedMessageSender"),
    Sort.KEYS: ("FinishedOnKey",),
    Sort.LABEL: (
        *(f"{end}{place}" for end in ("From", "To", "Caller", "Called") for place in _PLACES),
        *("Address", "Label", "ButtonText", "ReferralHeadline"),
    ),
    Sort.TEXT: (
        *("UnstableSpeechResult", "ButtonPayload", "InteractiveData", "FlowData", "ChannelMetadata"),
        *("ReferralBody", "ReferralCtwaClid", "CallToken", "StirPassportToken", "DialCallBridgedTo"),
    ),
}
SORTS: Mapping[str, Sort] = {name: sort for sort, names in _KEPT.items() for name in names}
"""What those hold that become no field of an event: they are kept as they came."""
PARAMETERS: Mapping[str, str] = _FIELDS | {name: name for name in SORTS}
"""Every parameter that is documented, and the field of an event that it becomes, or its own name. Of several
for one field the first that can be read counts."""

_SAY_NOTHING = ("ApiVersion", "CallToken", "StirPassportToken", "ReferralCtwaClid", "ErrorUrl")
_MEASURED = {Sort.COUNT, Sort.AMOUNT, Sort.PLACE, Sort.TIME}
MEASURES = frozenset(
    (
        *(name for name, field in _FIELDS.items() if SAID[field].sort in _MEASURED),
        *(name for name, sort in SORTS.items() if sort in _MEASURED),
        *_SAY_NOTHING,
    )
)
"""Those that hold a time, an amount, a token or an address of ours."""
