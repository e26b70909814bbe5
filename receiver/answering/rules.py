"""Rules as values: what a rules file says, once it is known to be right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from receiver.answering.conditions import Condition
from receiver.answering.hours import Calendar
from receiver.answering.problems import Place
from receiver.vocabulary.answering import Dial, Gather, HangUp, Record, Reject, Say

HANG_UP, REJECT = "hang up", "reject"

Target = str
"""The name of a flow, or `HANG_UP`."""


@dataclass(frozen=True, slots=True)
class SayStep:
    """`say` or `play`."""

    place: Place
    instruction: Say
    failure: Target | None = None


@dataclass(frozen=True, slots=True)
class GatherStep:
    """`gather`: where each key leads, and what happens once the repeats are used up."""

    place: Place
    instruction: Gather
    keys: Mapping[str, Target]
    no_input: Target
    wrong_input: Target
    repeats: int
    failure: Target | None = None


@dataclass(frozen=True, slots=True)
class DialStep:
    """`dial`: one number after the other. Without a target for an outcome the flow goes on."""

    place: Place
    instructions: tuple[Dial, ...]
    busy: Target | None = None
    no_answer: Target | None = None
    failure: Target | None = None


@dataclass(frozen=True, slots=True)
class RecordStep:
    """`record`."""

    place: Place
    instruction: Record
    failure: Target | None = None


@dataclass(frozen=True, slots=True)
class GoStep:
    """`go`: to another flow. With `times` it is a loop that ends: after so many times it goes to `then`."""

    place: Place
    flow: Target
    times: int | None = None
    then: Target | None = None


@dataclass(frozen=True, slots=True)
class EndStep:
    """`hang up` or `reject`."""

    place: Place
    instruction: HangUp | Reject


Step = SayStep | GatherStep | DialStep | RecordStep | GoStep | EndStep


@dataclass(frozen=True, slots=True)
class CallRule:
    """Which flow answers a call for which all conditions hold."""

    place: Place
    conditions: tuple[Condition, ...]
    flow: Target
    failure: Target


@dataclass(frozen=True, slots=True)
class SmsRule:
    """What an SMS is answered with for which all conditions hold; None for nothing."""

    place: Place
    conditions: tuple[Condition, ...]
    reply: str | None
    every: timedelta
    """No sender is answered twice within this time."""


@dataclass(frozen=True, slots=True)
class Number:
    """The rules of one number, in their order, and the clock and calendar by which they hold."""

    place: Place
    number: str
    name: str | None
    zone: ZoneInfo
    calendar: Calendar
    calls: tuple[CallRule, ...]
    sms: tuple[SmsRule, ...]

    def local(self, at: datetime) -> datetime:
        """A moment by its clock."""
        return at.astimezone(self.zone)


@dataclass(frozen=True)
class Rules:
    """One version of a rules file."""

    version: str
    """A digest of its text."""
    text: str
    numbers: Mapping[str, Number]
    flows: Mapping[str, tuple[Step, ...]]
    switches: frozenset[str]
