"""A call without a provider: what would happen, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from receiver.answering.machine import Move, begin, proceed
from receiver.answering.rules import Rules
from receiver.vocabulary.answering import (
    Dial,
    DialEnded,
    DialOutcome,
    Gather,
    Happening,
    Instruction,
    NoInput,
    Pressed,
    Rang,
    Record,
    Recorded,
    StepDone,
)


def walk(rules: Rules, rang: Rang, keys: Sequence[str], outcome: DialOutcome) -> Iterator[Move]:
    """Each move of a call to its end. Its menus get these keys in turn, then none; what it dials ends so."""
    left = list(keys)
    move = begin(rules, rang)
    yield move
    while move.state is not None and not move.state.over and move.instruction is not None:
        move = proceed(rules, move.state, _follows(move.instruction, move.state.asked, left, outcome))
        yield move


def _follows(instruction: Instruction, step: int, keys: list[str], outcome: DialOutcome) -> Happening:
    match instruction:
        case Gather():
            return Pressed(step, keys.pop(0)) if keys else NoInput(step)
        case Dial():
            return DialEnded(step, outcome)
        case Record():
            return Recorded(step)
    return StepDone(step)
