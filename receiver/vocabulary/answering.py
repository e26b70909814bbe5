"""What a call is told to do and what it reports, in words that every provider can translate.

A provider turns each instruction into a request or a document of its own, and what it hears of the call into
a happening. It decides nothing: that is for `receiver.answering`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Ability(StrEnum):
    """What a provider may be able to do, in the words of a rules file. Hanging up is expected of each."""

    SAY = "say"
    PLAY = "play"
    GATHER = "gather"
    DIAL = "dial"
    RING = "ring"
    """Setting how long a number that is dialled rings."""
    RECORD = "record"
    BEEP = "beep"
    """Choosing whether a beep comes before a recording."""
    REJECT = "reject"
    """Turning a call away without answering it."""
    REPLY = "reply"
    """Answering an SMS."""


# What is said and done. Times are in seconds.


@dataclass(frozen=True, slots=True)
class Speech:
    """A text to be spoken; `language` as in `en` or `zh-HK`."""

    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound to be played, by its URL."""

    url: str


Prompt = Speech | Sound


@dataclass(frozen=True, slots=True)
class Say:
    """Say or play something."""

    prompt: Prompt


@dataclass(frozen=True, slots=True)
class Gather:
    """Say or play something and wait for keys. `most` keys end the input, `#` and `wait` do so earlier."""

    prompt: Prompt
    most: int
    wait: int


@dataclass(frozen=True, slots=True)
class Dial:
    """Connect the caller with a number. If nobody answers there, the call goes on here.

    Without `ring` it rings for as long as is usual with the provider.
    """

    number: str
    ring: int | None = None
    prompt: Prompt | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """Record the caller for `longest` at most; `#` ends it.

    Without `beep` there is one or none, as is usual with the provider.
    """

    longest: int
    beep: bool | None = None
    prompt: Prompt | None = None


@dataclass(frozen=True, slots=True)
class Reject:
    """Do not answer the call. Only ever the first instruction."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call."""


Instruction = Say | Gather | Dial | Record | Reject | HangUp


# What happened. `step` is the number of the instruction that it is about.


class DialOutcome(StrEnum):
    """What became of a number that was dialled."""

    ANSWERED = "answered"
    """The conversation took place and is over."""
    BUSY = "busy"
    NO_ANSWER = "no answer"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Rang:
    """A call has come in. `caller` is None if the number is withheld; `switches` are those that are on."""

    number: str
    caller: str | None
    at: datetime
    switches: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Pressed:
    """Keys were pressed; without the `#` that ended them."""

    step: int
    digits: str


@dataclass(frozen=True, slots=True)
class NoInput:
    """No key was pressed in time."""

    step: int


@dataclass(frozen=True, slots=True)
class DialEnded:
    """A number that was dialled did not answer, or the conversation with it is over."""

    step: int
    outcome: DialOutcome


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording is made."""

    step: int


@dataclass(frozen=True, slots=True)
class StepDone:
    """Something was said or played to its end."""

    step: int


@dataclass(frozen=True, slots=True)
class StepFailed:
    """An instruction could not be carried out, or nothing was heard of it in time."""

    step: int


@dataclass(frozen=True, slots=True)
class CallerHungUp:
    """The call is over."""


Happening = Rang | Pressed | NoInput | DialEnded | Recorded | StepDone | StepFailed | CallerHungUp
