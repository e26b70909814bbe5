"""The rules of a number as lines of text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from receiver.answering import words
from receiver.answering.conditions import InHours
from receiver.answering.paths import targets
from receiver.answering.rules import HANG_UP, Number, Rules

_HOLIDAYS = 3
_YEAR = timedelta(days=365)


def lines(rules: Rules, number: Number, now: datetime) -> Iterator[str]:
    """Its rules, opening hours and next holidays, and the flows that its calls may come to."""
    yield f"{number.number}  {number.name or ''}".rstrip()
    yield from _rules("calls", [(rule.conditions, _leads(rule.flow, rule.failure)) for rule in number.calls])
    yield from _rules("SMS", [(rule.conditions, words.of_reply(rule)) for rule in number.sms])
    yield from _hours(number, now)
    for name in flows_of(rules, number):
        yield f"  flow {name}"
        for at, step in enumerate(rules.flows[name], 1):
            yield f"    {at} {words.of_step(step)}"
            for _, what, target in words.of_branches(step):
                yield f"        {what} → {target}"


def flows_of(rules: Rules, number: Number) -> list[str]:
    """The flows that a call of this number may come to, in the order in which it may."""
    found: list[str] = []
    waiting = [target for rule in number.calls for target in (rule.flow, rule.failure)]
    while waiting:
        name = waiting.pop(0)
        if name == HANG_UP or name in found:
            continue
        found.append(name)
        waiting[:0] = [target for step in rules.flows[name] for _, target in targets(step)]
    return found


def _leads(flow: str, failure: str) -> str:
    return f"→ {flow}" + (f", failure → {failure}" if failure != HANG_UP else "")


def _rules(what: str, rules: list[tuple[tuple[object, ...], str]]) -> Iterator[str]:
    if rules:
        yield f"  {what}"
    for at, (conditions, outcome) in enumerate(rules, 1):
        yield f"    {at} {', '.join(map(str, conditions)) or 'always'} {outcome}"


def _hours(number: Number, now: datetime) -> Iterator[str]:
    of_rules = (*(rule.conditions for rule in number.calls), *(rule.conditions for rule in number.sms))
    hours = {one.name: one.hours for conditions in of_rules for one in conditions if isinstance(one, InHours)}
    local = number.local(now)
    if hours:
        yield f"  hours, by the clock of {number.zone.key}"
    for name, one in hours.items():
        state = "open" if one.open_at(local, number.calendar) else "closed"
        text = "" if name == one.text else f": {one.text}"
        yield f"    {name}{text} (now {state})"
    days = number.calendar.between(local.date(), local.date() + _YEAR)[:_HOLIDAYS]
    if days:
        yield f"  next holidays: {', '.join(f'{day} {name}' for day, name in days)}"
