"""What is handed to whoever makes the requests that calls need (`receiver.answering.driver`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from receiver.answering.failures import Failures
from receiver.answering.state import State
from receiver.answering.texts import Given
from receiver.providers.phone import TakesRequests
from receiver.vocabulary.answering import Instruction


@dataclass(frozen=True, slots=True)
class Task:
    """An instruction that a provider has to be asked for."""

    provider: str
    session: str
    instruction: Instruction
    state: State
    """Where the call is once it is asked: `asked` is the number of the instruction."""
    next_url: str


@dataclass(frozen=True, slots=True)
class Reply:
    """An SMS that is to be answered."""

    provider: str
    given: Given


class Calls(Protocol):
    """Who is told how it went: `RuledCalls`. All may be called in any thread but the event loop's, and never
    raise."""

    @property
    def failures(self) -> Failures:
        """Where steps that fail are counted."""
        ...

    def failed(self, provider: str, session: str, state: State) -> None:
        """The instruction that a call waits for failed, or nothing was heard of it in time: the call goes to
        its failure step, for which there may be another task. Of a call that has gone on meanwhile it does
        nothing."""
        ...

    def gone_on(self, provider: str, session: str, state: State) -> bool:
        """Whether a call has gone on since it was there, here or in another process. May wait for the log."""
        ...

    def waits(self, provider: str, session: str, seconds: float) -> None:
        """A call was connected and talks: for so long nothing is missed."""
        ...

    def gone(self, provider: str, session: str, state: State) -> None:
        """The provider says that the call is over."""
        ...

    def not_answered(self, reply: Reply, reason: str) -> None:
        """An SMS could not be answered."""
        ...

    def perhaps_answered(self, reply: Reply) -> None:
        """Nobody knows whether an SMS was answered."""
        ...


class Driver(Protocol):
    """Makes the requests. No method waits or raises: `RuledCalls` calls them on the event loop."""

    def ask(self, task: Task) -> None:
        """Have an instruction carried out, once for each session and `state.asked`."""
        ...

    def reply(self, reply: Reply) -> None:
        """Answer an SMS."""
        ...

    def heard(self, provider: str, session: str, asked: int, *, over: bool) -> None:
        """Something was heard of an instruction, so its deadline is off; `over` if the call has ended."""
        ...

    def overdue(self, task: Task) -> None:
        """Take over a call of another process, of which nothing was heard in time."""
        ...

    def close(self, timeout: float) -> None:
        """Make the requests that are due, and no more."""
        ...


MakeDriver = Callable[[Mapping[str, TakesRequests], Calls], Driver]
