"""The way that a call took through its flows, from what was noted of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from receiver.answering.decisions import Noted
from receiver.answering.why import Cause, Why

_TAKES: Mapping[Cause, str] = {
    Cause.WRONG_INPUT: "wrong input",
    Cause.NO_INPUT: "no input",
    Cause.BUSY: "busy",
    Cause.NO_ANSWER: "no answer",
    Cause.FAILURE: "failure",
    Cause.COUNTED: "then",
}
"""What it takes to go another way than to the next step, as `receiver.answering.paths` has it."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way through flows. Rules and steps count from 1."""

    steps: tuple[tuple[str, int], ...] = ()
    """Each step that the call came to, with its flow, in the order in which it did."""
    rule: int | None = None
    """The rule by which it began."""
    branches: frozenset[tuple[str, int, str]] = frozenset()
    """Where it left a step for another one than the next: flow, step, and what that took."""


def way_of(decided: Iterable[Noted]) -> Way:
    """The way of a call by what was decided about it."""
    steps: dict[tuple[str, int], None] = {}
    rule, branches = None, set()
    for one in decided:
        steps.update(dict.fromkeys((why.flow, why.step) for why in one.why if why.step))
        if one.state is not None:
            steps[one.state.flow, one.state.step + 1] = None
        for why in one.why:
            if why.cause is Cause.RULE:
                rule = why.tried[-1].rule
            elif not _stays(one, why):
                takes = why.detail if why.cause is Cause.PRESSED else _TAKES.get(why.cause, "")
                branches.add((why.flow, why.step, takes))
    return Way(tuple(steps), rule, frozenset(branches))


def _stays(one: Noted, why: Why) -> bool:
    """Whether the step was repeated, or went on to the next number."""
    if one.state is None or one.state.over or why is not one.why[-1]:
        return False
    return (one.state.flow, one.state.step + 1) == (why.flow, why.step)


def version_of(decided: Iterable[Noted]) -> str | None:
    """The version of the rules with which the call began; None if it never came under any."""
    return next((one.state.version for one in decided if one.state is not None), None)
