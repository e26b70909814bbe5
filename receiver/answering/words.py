"""Steps, rules and instructions in a few words, for tables, time lines and pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from receiver.answering.conditions import Condition
from receiver.answering.paths import targets
from receiver.answering.rules import DialStep, EndStep, GatherStep, GoStep, RecordStep, SayStep, SmsRule, Step
from receiver.vocabulary.answering import Dial, Gather, Instruction, Prompt, Record, Reject, Say, Sound
from receiver.vocabulary.printable import count_of


def of_prompt(prompt: Prompt) -> str:
    """`say "Good day"`."""
    return f"play {prompt.url}" if isinstance(prompt, Sound) else f'say "{prompt.text}"'


def of_instruction(instruction: Instruction) -> str:
    """What a call is told to do."""
    match instruction:
        case Say(prompt=prompt):
            return of_prompt(prompt)
        case Gather(prompt=prompt):
            return f"gather: {of_prompt(prompt)}"
        case Dial(number=number, ring=ring):
            return f"dial {number}" + (f" for {ring} s" if ring else "")
        case Record(longest=longest, prompt=prompt):
            return f"record up to {longest} s" + (f": {of_prompt(prompt)}" if prompt else "")
        case Reject():
            return "reject"
    return "hang up"


def of_step(step: Step) -> str:
    """What a step does, without where it leads."""
    match step:
        case DialStep(instructions=dials):
            return ", then ".join((of_instruction(dials[0]), *(dial.number for dial in dials[1:])))
        case GoStep(flow=flow, times=times):
            return f"go → {flow}" + (f", {count_of(times, 'time')} at most" if times else "")
        case SayStep() | GatherStep() | RecordStep() | EndStep():
            return of_instruction(step.instruction)


def of_branches(step: Step) -> Iterator[tuple[str, str, str]]:
    """Where a step leads beside the next one: what it takes, the same in words, and the target."""
    for what, target in targets(step):
        if not (isinstance(step, GoStep) and what != "then"):
            repeats = step.repeats if isinstance(step, GatherStep) and what.endswith(" input") else 0
            yield what, f"{what}, after {count_of(repeats, 'repeat')}" if repeats else what, target


def of_conditions(conditions: Sequence[Condition]) -> str:
    """When a rule holds."""
    return ", ".join(map(str, conditions)) or "always"


def of_reply(rule: SmsRule) -> str:
    """What an SMS is answered with."""
    return "nothing" if rule.reply is None else f'"{rule.reply}", once in {_period(rule.every)}'


def _period(period: timedelta) -> str:
    minutes = int(period.total_seconds()) // 60
    for size, letter in ((1440, "d"), (60, "h")):
        if minutes % size == 0:
            return f"{minutes // size}{letter}"
    return f"{minutes}m"
