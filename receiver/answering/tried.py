"""Which of several rules holds, and what was seen on the way to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from receiver.answering.conditions import Check, Circumstances
from receiver.answering.rules import CallRule, SmsRule
from receiver.answering.why import RuleTried

_Rule = TypeVar("_Rule", CallRule, SmsRule)


def first_that_holds(
    rules: Sequence[_Rule], now: Circumstances
) -> tuple[_Rule | None, tuple[RuleTried, ...]]:
    """The first rule all of whose conditions hold, and all that were looked at."""
    tried: list[RuleTried] = []
    for index, rule in enumerate(rules, 1):
        checks: list[Check] = []
        for condition in rule.conditions:
            checks.append(condition.check(now))
            if not checks[-1].held:
                break
        tried.append(RuleTried(index, tuple(checks)))
        if tried[-1].held:
            return rule, tuple(tried)
    return None, tuple(tried)
