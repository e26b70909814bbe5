"""What somebody should know about the rules, as findings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from receiver.answering import ours
from receiver.answering.problems import WHOLE, RulesError
from receiver.answering.rules import Rules
from receiver.numbers import findings
from receiver.numbers.findings import Finding, error, warning
from receiver.vocabulary.mask import masked_number

FILE, NUMBERS, STEPS, REPLIES = "rules-file", "rules-numbers", "rules-steps", "rules-replies"
CODES = (FILE, NUMBERS, STEPS, REPLIES)
_CHECK = "receiver rules check"


def refresh(engine: Engine, rules: Rules | None, fault: RulesError | None) -> None:
    """Store what is wrong with the rules. Writes only if something changed."""
    found = tuple(look(engine, rules, fault))
    now = datetime.now(UTC)
    try:
        for code in (FILE, NUMBERS):
            findings.replace(engine, code, (one for one in found if one.code == code), now=now)
    except IntegrityError:
        return  # another process has just stored the same


def look(engine: Engine, rules: Rules | None, fault: RulesError | None) -> Iterator[Finding]:
    """What is wrong with the rules in force, and with a file that could not take their place."""
    if fault is not None:
        first, more = fault.problems[0], len(fault.problems) - 1
        others = f", and {more} more" if more else ""
        place = "it cannot be read" if first.place == WHOLE else str(first.place)
        left = "The previous rules stay in force." if rules else "No call is answered by rules."
        yield error(FILE, f"The rules file {fault.name} cannot be used: {place}{others}. {left}", _CHECK)
    if rules is None:
        return
    by_number = ours.known(engine)
    for number in sorted(rules.numbers) if by_number is not None else ():
        told = ours.of_number(rules, rules.numbers[number], by_number or {})
        wrong = [problem for problem in told if not problem.warning]
        if wrong:
            sentence = (
                f"The rules for {masked_number(number)} cannot be followed: line {wrong[0].place.line}."
            )
            yield warning(NUMBERS, sentence, _CHECK, number)
