"""How Twilio is told what a call does next, and what its callbacks tell of one."""

from __future__ import annotations

from receiver.providers.answer import Answer
from receiver.providers.twilio.words import STATES
from receiver.vocabulary.answering import (
    CallerHungUp,
    DialEnded,
    DialOutcome,
    Happening,
    Instruction,
    NoInput,
    Pressed,
    Recorded,
    StepDone,
)
from receiver.vocabulary.kinds import EventState
from receiver.vocabulary.notification import Notification, Parameters

_OUTCOMES = {
    **dict.fromkeys(("completed", "answered"), DialOutcome.ANSWERED),
    "busy": DialOutcome.BUSY,
    "no-answer": DialOutcome.NO_ANSWER,
}
_HUNG_UP = "hangup"


class TwilioPhone:
    """It reads the answer to each callback, and calls the URL in there next."""

    word = "voice"
    missed = "ErrorUrl"

    def happening(self, said: Notification, parameters: Parameters, asked: int) -> Happening | None:
        """The result of a verb, in what its action is called with."""
        first = parameters.first
        if first("RecordingStatus") or first("TranscriptionStatus"):
            return None  # the file exists; the call has long gone on
        gone = STATES.get(first("CallStatus") or "") is EventState.ENDED or first("Digits") == _HUNG_UP
        if status := first("DialCallStatus"):
            outcome = _OUTCOMES.get(status, DialOutcome.FAILED)
            gone = status == "canceled" or (gone and outcome is not DialOutcome.ANSWERED)
            return CallerHungUp() if gone else DialEnded(asked, outcome)
        if gone:
            return CallerHungUp()
        if first("RecordingUrl"):
            return Recorded(asked)
        digits = first("Digits")
        if digits is None:
            return StepDone(asked)
        return Pressed(asked, digits) if digits else NoInput(asked)

    def answers_itself(self, parameters: Parameters) -> bool:
        """STOP, START and HELP, where the account has it look after them."""
        return bool(parameters.first("OptOutType"))

    def render(self, instruction: Instruction, next_url: str) -> Answer:
        from receiver.providers.twilio import twiml  # noqa: PLC0415  # most commands answer nothing

        return twiml.document(instruction, next_url)

    def reply(self, text: str) -> Answer:
        from receiver.providers.twilio import twiml  # noqa: PLC0415

        return twiml.message(text)
