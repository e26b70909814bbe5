"""What the provider is answered: TwiML, which says what happens next."""

from __future__ import annotations

from receiver.providers.answer import Answer
from receiver.providers.base import Kept
from receiver.settings.by_number import Documents
from receiver.vocabulary.kinds import EventType, Kind

_TYPE = "text/xml"
_HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n'
NOTHING_MORE = Answer(_TYPE, _HEAD + b"<Response/>\n")
"""No reply to a message; a call that is under way ends."""
SENTENCE = Answer(
    _TYPE,
    _HEAD + b"<Response><Say>Thank you for calling. Nobody can take your call at the moment. Please try again"
    b" later. Goodbye.</Say><Hangup/></Response>\n",
)


class TwilioAnswers:
    """The document of its number for a call that begins; for all else, nothing more."""

    def __init__(self, voice: Documents | None) -> None:
        voice = voice or Documents()
        self._by_number = {number: Answer(_TYPE, text) for number, text in voice.by_number.items()}
        self._others = SENTENCE if voice.others is None else Answer(_TYPE, voice.others)

    def to(self, kept: Kept) -> Answer:
        """Only the first request of a call gets the document: what that goes on to must not begin again."""
        said = kept.said
        if said.type is not EventType.CALL_RINGING:
            return NOTHING_MORE
        if not kept.trusted:
            return SENTENCE
        return self._by_number.get(kept.recipient or "", self._others)

    def usual(self, kind: Kind) -> Answer:
        return SENTENCE if kind is Kind.VOICE else NOTHING_MORE
