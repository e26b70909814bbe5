"""Is the SQLite file whole?"""

from __future__ import annotations

import sqlite3

from receiver.background.integrity import finding, keep
from receiver.db.failure import Failure, failure_of
from receiver.db.integrity import Unfinished, damage
from receiver.doctor.check import Check, Patient
from receiver.numbers.findings import Finding, warning
from receiver.vocabulary.printable import sentence


def look(patient: Patient, found: list[Finding]) -> str:
    if patient.engine.dialect.name != "sqlite":
        return "looked after by PostgreSQL"
    try:
        damaged = damage(patient.engine)
    except Unfinished:
        said = "The database file was not looked at to the end: too much was written meanwhile."
        found.append(warning("database-unread", said, "Run the doctor again when less arrives."))
        return ""
    except sqlite3.Error as problem:
        failure = failure_of(problem) or Failure(str(problem), "look at its disk and its mode")
        said = f"The database file could not be looked at: {failure.what}."
        found.append(warning("database-unread", said, sentence(failure.mend)))
        return ""
    keep(patient.engine, damaged)
    if damaged is not None:
        found.append(finding(patient.engine, damaged))
        return ""
    return "the file is whole"


CHECK = Check("integrity", look, without_database=True)
