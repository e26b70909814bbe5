"""Calls at this provider in the words of `vocabulary.answering`: instructions as IVR requests, and what the
notifications tell as happenings."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, assert_never

from receiver.providers.errors import OutcomeUnknown, ProviderError, TryLater
from receiver.providers.hoiio.spoken import spoken
from receiver.providers.phone import CallOver, NotNow, Occupied
from receiver.vocabulary.answering import (
    CallerHungUp,
    Dial,
    DialEnded,
    DialOutcome,
    Gather,
    HangUp,
    Happening,
    Instruction,
    NoInput,
    Pressed,
    Prompt,
    Record,
    Recorded,
    Reject,
    Say,
    Sound,
    StepDone,
)
from receiver.vocabulary.kinds import EventState, Kind
from receiver.vocabulary.notification import Notification, Parameters

if TYPE_CHECKING:
    from receiver.providers.hoiio.ivr import HoiioCalls

_OUTCOMES = {
    "answered": DialOutcome.ANSWERED,
    "busy": DialOutcome.BUSY,
    "unanswered": DialOutcome.NO_ANSWER,
    "failed": DialOutcome.FAILED,
}
_OVER = frozenset({"error_session_ended", "error_invalid_session", "error_session_access_denied"})
_OCCUPIED = "error_session_not_ready"
_SLACK = 15.0
"""Seconds for whatever lies between a step and the news of it."""
_RINGING = 90.0
"""Seconds that a number may ring. Nothing in the API says or limits it."""
_PROCESSING = 45.0
"""Seconds more until a recording is there."""
_SLOWEST_SPEECH = 3.0
"""Characters a second: of Chinese, which takes the fewest."""
_LONGEST_SOUND = 900.0
"""Seconds of the 10 MB that a sound may have."""


class HoiioPhone:
    """Asks for what a call does next by requests. Each thread has a connection of its own, which it keeps."""

    word = Kind.VOICE.value

    def __init__(self, calls: Callable[[], HoiioCalls]) -> None:
        self._make, self._own = calls, threading.local()

    def happening(self, said: Notification, parameters: Parameters, asked: int) -> Happening | None:
        """What a notification tells of a call that is under way.

        An end is told to the step in progress with what that has come to: only a conversation counts then,
        since nothing more can be done with a caller who is gone.
        """
        state, outcome = said.call_state, _OUTCOMES.get(said.transfer_status or "")
        if state == EventState.ENDED:
            if outcome is DialOutcome.ANSWERED:
                return DialEnded(asked, outcome)
            return CallerHungUp()
        if state == EventState.RINGING:
            return None
        return _of_step(said, asked, outcome)

    def answers_itself(self, parameters: Parameters) -> bool:
        return False

    def request(self, session: str, instruction: Instruction, next_url: str) -> None:
        """Ask for an instruction, once. What follows from it comes to `next_url`."""
        calls = self._calls()
        with _told_by_status():
            match instruction:
                case Say(prompt):
                    calls.play(session, msg=spoken(prompt), notify_url=next_url)
                case Gather(prompt, most, wait):
                    calls.gather(
                        session, next_url, msg=spoken(prompt), max_digits=most, timeout=wait, attempts=1
                    )
                case Dial(number=number, prompt=prompt):
                    calls.transfer(
                        session, number, msg=spoken(prompt), on_failure="continue", notify_url=next_url
                    )
                case Record(longest, _, prompt):
                    calls.record(session, next_url, msg=spoken(prompt), max_duration=longest)
                case HangUp() | Reject():
                    # As the first request of a call it turns the caller away without answering.
                    calls.hangup(session, notify_url=next_url)
                case _:
                    assert_never(instruction)

    def patience(self, instruction: Instruction) -> float:
        """Seconds within which something must be heard of an instruction that was accepted."""
        match instruction:
            case Say(prompt):
                return _SLACK + _length(prompt)
            case Gather(prompt, _, wait):
                return _SLACK + _length(prompt) + wait
            case Dial(prompt=prompt):
                return _SLACK + _length(prompt) + _RINGING
            case Record(longest, _, prompt):
                return _SLACK + _length(prompt) + longest + _PROCESSING
            case HangUp() | Reject():
                return _SLACK
            case _:
                assert_never(instruction)

    def reply(self, number: str, sender: str, text: str) -> None:
        """Answer an SMS. It comes from the account: nothing in the API says which number it is sent by.

        It costs money, so it is not sent again if nobody knows whether it was sent.
        """
        try:
            self._calls().send_sms(sender, text)
        except TryLater as error:
            raise NotNow(error.reason) from None

    def _calls(self) -> HoiioCalls:
        if not hasattr(self._own, "calls"):
            self._own.calls = self._make()
        calls: HoiioCalls = self._own.calls
        return calls


def _of_step(said: Notification, asked: int, outcome: DialOutcome | None) -> Happening | None:
    """What a step has come to. Older services do not name it: then what it says tells which it was."""
    if said.ivr_block == "transfer" or said.transfer_status is not None:
        # It is not known to tell when it connects two people; if it does, nothing is to be done.
        return None if outcome is None or outcome is DialOutcome.ANSWERED else DialEnded(asked, outcome)
    if said.ivr_block == "gather" or said.digits is not None:
        digits = (said.digits or "").partition("#")[0]
        return Pressed(asked, digits) if digits else NoInput(asked)
    if said.ivr_block == "record" or said.record_url is not None:
        return Recorded(asked)
    return StepDone(asked) if said.ivr_block in ("play", None) else None


def _length(prompt: Prompt | None) -> float:
    """Seconds that it may take to hear."""
    if prompt is None:
        return 0.0
    return _LONGEST_SOUND if isinstance(prompt, Sound) else len(prompt.text) / _SLOWEST_SPEECH


@contextmanager
def _told_by_status() -> Iterator[None]:
    """Errors as everybody who answers calls knows them."""
    try:
        yield
    except ProviderError as error:
        if error.status in _OVER:
            raise CallOver(str(error)) from None
        if error.status == _OCCUPIED:
            raise Occupied(str(error)) from None
        if isinstance(error, TryLater | OutcomeUnknown):
            raise NotNow(str(error)) from None
        raise
