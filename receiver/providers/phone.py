"""How a provider is told what a call does next, and what it tells of one.

A provider is one of two sorts. Some read the answer to a callback: it is a document. Others ignore it, and
are asked by requests of ours. Neither decides anything.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from receiver.providers.answer import Answer
from receiver.vocabulary.answering import Happening, Instruction
from receiver.vocabulary.errors import OperatorError
from receiver.vocabulary.notification import Notification, Parameters


class CallOver(OperatorError):
    """There is no such call any more: nothing that is asked for it can succeed."""


class NotNow(OperatorError):
    """A request that may succeed if it is made again in a moment."""


class Occupied(OperatorError):
    """The call is still at what it was asked for before, such as a conversation."""


class Phone(Protocol):
    """What both sorts have. Made once in a process. What is read of a callback is read on the event loop, and
    never raises or waits."""

    @property
    def word(self) -> str:
        """The last word of the callback URL by which a call goes on: one of its `paths`."""
        ...

    def happening(self, said: Notification, parameters: Parameters, asked: int) -> Happening | None:
        """What a callback tells of a call that is under way; None if it is nothing that a call goes on by.

        `asked` is the number of the instruction that it answers, which the callback URL told us: it belongs
        in the happening. Of a call that comes in nobody asks here.
        """
        ...

    def answers_itself(self, parameters: Parameters) -> bool:
        """Whether an SMS is a word to the provider, such as one that wants no more of them: it has answered
        that, and nobody else should."""
        ...


@runtime_checkable
class ReadsAnswers(Phone, Protocol):
    """A provider whose callback is answered with what to do. What it tells next comes to `next_url`, which is
    relative to the URL that was answered."""

    @property
    def missed(self) -> str:
        """The parameter of a callback to the second machine that holds the URL which did not answer."""
        ...

    def render(self, instruction: Instruction, next_url: str) -> Answer:
        """The document for an instruction."""
        ...

    def reply(self, text: str) -> Answer:
        """The document that answers an SMS."""
        ...


@runtime_checkable
class TakesRequests(Phone, Protocol):
    """A provider that is asked by a request of ours. What it tells next comes to `next_url`."""

    def request(self, session: str, instruction: Instruction, next_url: str) -> None:
        """Ask for an instruction, and return once it is accepted. May wait; called in any thread.

        `CallOver` if the call has ended, `Occupied` while it is at something else, `NotNow` if it is worth
        another try, any other `OperatorError` if it is not.
        """
        ...

    def patience(self, instruction: Instruction) -> float:
        """Seconds within which something must be heard of an instruction that was accepted.

        Nothing is heard of a conversation until it is over: a call that is asked for something then is
        `Occupied`.
        """
        ...

    def reply(self, number: str, sender: str, text: str) -> None:
        """Answer an SMS that `sender` sent to `number`. May wait; called in any thread.

        `OutcomeUnknown` if nobody knows whether it was sent, `NotNow` if it was not, and is worth another
        try, any other `OperatorError` if it is not.
        """
        ...
