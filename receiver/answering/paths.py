"""The ways through flows: each ends, none goes round without a count, and nothing comes too late."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from receiver.answering.notes import Notes
from receiver.answering.problems import Place
from receiver.answering.rules import (
    HANG_UP,
    REJECT,
    DialStep,
    EndStep,
    GatherStep,
    GoStep,
    Rules,
    Step,
    Target,
)
from receiver.vocabulary.answering import Reject
from receiver.vocabulary.printable import count_of


def targets(step: Step) -> Iterator[tuple[str, Target]]:
    """Where a step can lead to other than to the next one, with what it takes to get there."""
    match step:
        case GatherStep():
            yield from step.keys.items()
            yield "no input", step.no_input
            yield "wrong input", step.wrong_input
        case DialStep():
            for what, target in (("busy", step.busy), ("no answer", step.no_answer)):
                if target is not None:
                    yield what, target
        case GoStep():
            yield count_of(step.times, "time") if step.times else "", step.flow
            if step.then is not None:
                yield "then", step.then
    failure = getattr(step, "failure", None)
    if failure is not None:
        yield "failure", failure


def ends(step: Step) -> bool:
    """Whether nothing comes after it in its flow."""
    if isinstance(step, DialStep):
        return None not in (step.busy, step.no_answer, step.failure)
    return isinstance(step, EndStep | GoStep | GatherStep)


def check_end(notes: Notes, place: Place, name: str, steps: tuple[Step, ...]) -> None:
    """Note a flow that does not end, or goes on after its end."""
    if not steps:
        notes.note(place, f'the flow {name!r} has no steps: end it with "{HANG_UP}"')
        return
    for step, after in pairwise(steps):
        if ends(step):
            notes.note(after.place, "this step is never reached: the one before it ends the flow")
            return
    if not ends(steps[-1]):
        notes.note(
            steps[-1].place,
            f"the flow {name!r} does not end after this step:"
            f' add "{HANG_UP}", or {{ go = … }} to another flow',
        )


def check(rules: Rules, notes: Notes) -> None:
    """Note loops without a count, and calls that would be rejected after they were answered."""
    _check_loops(rules, notes)
    rejecting = {name for name, steps in rules.flows.items() if _rejects(steps[:1])}
    for steps in rules.flows.values():
        for at, step in enumerate(steps):
            if at and _rejects((step,)):
                notes.note(step.place, f'"{REJECT}" must be the first step: later the call is answered')
            for _, target in targets(step):
                if target in rejecting:
                    notes.note(
                        step.place,
                        f"{target!r} begins with {REJECT!r}, so only a rule may lead there:"
                        " here the call is answered",
                    )
    for number in rules.numbers.values():
        for rule in number.calls:
            if rule.failure in rejecting:
                notes.note(rule.place, f"failure leads to {REJECT!r}, and the call may be answered by then")


def _rejects(steps: tuple[Step, ...]) -> bool:
    return any(isinstance(step, EndStep) and isinstance(step.instruction, Reject) for step in steps)


def _check_loops(rules: Rules, notes: Notes) -> None:
    done: set[str] = set()
    for start in rules.flows:
        # Each entry is a flow on the way, and what is left of the edges out of it.
        way = [(start, iter(_uncounted(rules, start)))] if start not in done else []
        while way:
            name, edges = way[-1]
            edge = next(edges, None)
            if edge is None:
                done.add(name)
                way.pop()
                continue
            step, target = edge
            on_the_way = [passed for passed, _ in way]
            if target in on_the_way:
                round_trip = " → ".join((*on_the_way[on_the_way.index(target) :], target))
                notes.note(
                    step.place,
                    f"this goes round for ever ({round_trip}): lead back by"
                    f' {{ go = "{target}", times = 3, then = "{HANG_UP}" }}',
                )
            elif target in rules.flows and target not in done:
                way.append((target, iter(_uncounted(rules, target))))


def _uncounted(rules: Rules, flow: str) -> list[tuple[Step, Target]]:
    return [
        (step, target)
        for step in rules.flows[flow]
        for what, target in targets(step)
        if not (isinstance(step, GoStep) and step.times and what != "then")
    ]
