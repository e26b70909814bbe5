"""Runs the checks. A check that fails hides no other.

An examination changes nothing, except that it brings up to date what is known of the numbers. `mend` does
what is safe to do without asking.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy.exc import SQLAlchemyError

from receiver.db.failure import Failure, failure_of, words_of
from receiver.doctor import checks
from receiver.doctor.attention import attention, state_of
from receiver.doctor.check import Check, Patient, Say
from receiver.doctor.numbers import number_lines
from receiver.doctor.report import Area, NotLooked, Report
from receiver.numbers.findings import Finding, error
from receiver.vocabulary.printable import sentence

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
    if usable and (rest := tuple(_unreported(patient, areas.values()))):
        areas[OTHERS] = Area(OTHERS, "", rest)
    return Report(tuple(areas.values()), tuple(number_lines(patient)) if usable else ())


def _unreported(patient: Patient, areas: Iterable[Area]) -> Iterator[Finding]:
    """What needs attention everywhere else, and no check looks at."""
    told = {_key(finding) for area in areas for finding in area.findings}
    afresh = {code for check in checks.ALL if check.concerns(patient) for code in check.afresh}
    for finding in attention(patient.engine, patient.config, state_of(patient.spool)):
        if finding.code not in afresh and _key(finding) not in told:
            yield finding


def _key(finding: Finding) -> tuple[str, str, str]:
    return finding.code, finding.subject, finding.provider


def mend(patient: Patient, say: Say) -> None:
    """Do what each check can do safely, in the order of the checks."""
    for check in checks.ALL:
        if check.mend is not None:
            check.mend(patient, say)


def _looked_at(check: Check, patient: Patient) -> Area:
    found: list[Finding] = []
    try:
        summary = check.look(patient, found)
    except (SQLAlchemyError, OSError) as failure:
        known = failure_of(failure) or Failure(
            getattr(failure, "strerror", None) or words_of(failure), "run `receiver doctor` again"
        )
        said = f"This could not be looked at: {known.what}."
        found.append(error(f"{check.name}-unreadable", said, sentence(known.mend)))
        summary = ""
    return Area(check.name, summary, tuple(found))
