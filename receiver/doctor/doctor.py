"""Runs the checks. A check that fails hides no other.

An examination changes nothing, except that it brings up to date what is known of the numbers and, as the
watch does, retires keys whose grace time is over. `mend` does what is safe to do without asking.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from receiver.db.failure import Failure, failure_of, words_of
from receiver.doctor import checks
from receiver.doctor.attention import attention, state_of
from receiver.doctor.check import Check, Patient, Say
from receiver.doctor.numbers import number_lines
from receiver.doctor.report import Area, NotLooked, NumberLine, Report
from receiver.numbers.findings import Finding, error
from receiver.vocabulary.errors import OperatorError
from receiver.vocabulary.printable import sentence

_KNOWN = (SQLAlchemyError, OSError, OperatorError)
"""Why a check may fail. Anything else is a mistake of ours."""
OTHERS = "others"
"""The area of what is known as found and no check looks at."""


def examine(patient: Patient) -> Report:
    """Run every check. Takes seconds: the provider is asked, and PUBLIC_URL is called."""
    areas: dict[str, Area] = {}
    usable = True
    for check in checks.ALL:
        if not check.concerns(patient):
            continue
        if usable or check.without_database:
            areas[check.name] = _looked_at(check, patient)
        else:
            areas[check.name] = Area(check.name, NotLooked("the database cannot be used"))
        if check is checks.database.CHECK:
            usable = not areas[check.name].findings
    numbers: tuple[NumberLine, ...] = ()
    if usable:
        others = _looked_at(Check(OTHERS, partial(_look_at_others, tuple(areas.values()))), patient)
        if others.findings:
            areas[OTHERS] = others
        with suppress(*_KNOWN):  # why it fails is a finding by now
            numbers = tuple(number_lines(patient))
    return Report(tuple(areas.values()), numbers)


def _look_at_others(areas: Iterable[Area], patient: Patient, found: list[Finding]) -> str:
    """What needs attention everywhere else, and no check looks at."""
    told = {_key(finding) for area in areas for finding in area.findings}
    afresh = {code for check in checks.ALL if check.concerns(patient) for code in check.afresh}
    for finding in attention(patient.engine, patient.config, state_of(patient.spool)):
        if finding.code not in afresh and _key(finding) not in told:
            found.append(finding)
    return ""


def _key(finding: Finding) -> tuple[str, str, str]:
    return finding.code, finding.subject, finding.provider


def mend(patient: Patient, say: Say) -> None:
    """Do what each check can do safely, in their order. One that fails says so, and stops no other."""
    for check in checks.ALL:
        if check.mend is None:
            continue
        try:
            check.mend(patient, say)
        except _KNOWN as failure:
            say(f"{check.name}: not fixed: {_failure(failure).what}")


def _looked_at(check: Check, patient: Patient) -> Area:
    found: list[Finding] = []
    try:
        summary = check.look(patient, found)
    except _KNOWN as problem:
        failure = _failure(problem)
        said = sentence(f"This could not be looked at: {failure.what}")
        found.append(error(f"{check.name}-unreadable", said, sentence(failure.mend)))
        summary = ""
    return Area(check.name, summary, tuple(found))


def _failure(problem: Exception) -> Failure:
    said = str(problem) if isinstance(problem, OperatorError) else getattr(problem, "strerror", None)
    return failure_of(problem) or Failure(said or words_of(problem), "run `receiver doctor` again")
