"""Runs the checks. A check that fails hides no other.

An examination changes nothing, except that it brings up to date what is known of the numbers. `mend` does
what is safe to do without asking.
"""

from __future__ import annotations

from sqlalchemy.exc import SQLAlchemyError

from receiver.db.failure import Failure, failure_of, words_of
from receiver.doctor import checks
from receiver.doctor.check import Check, Patient, Say
from receiver.doctor.numbers import number_lines
from receiver.doctor.report import Area, NotLooked, Report
from receiver.numbers.findings import Finding, error
from receiver.vocabulary.printable import sentence


def examine(patient: Patient) -> Report:
    """Run every check. Takes seconds: the provider is asked, and PUBLIC_URL is called."""
    areas: dict[str, Area] = {}
    usable = True
    for check in checks.ALL:
        if usable or check.without_database:
            areas[check.name] = _looked_at(check, patient)
        else:
            areas[check.name] = Area(check.name, NotLooked("the database cannot be used"))
        if check is checks.database.CHECK:
            usable = not areas[check.name].findings
    return Report(tuple(areas.values()), tuple(number_lines(patient)) if usable else ())


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
