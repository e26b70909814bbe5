"""Is the SQLite file whole?"""

from __future__ import annotations

import sqlite3

from receiver.db.failure import Failure, failure_of
from receiver.db.integrity import damage
from receiver.doctor.check import Check, Patient
from receiver.numbers.findings import Finding, error, warning
from receiver.vocabulary.printable import sentence

RECOVER = (
    "Stop the service. Put a backup back with `receiver db restore FILE`; or save what can be read with "
    "`sqlite3 {path} .recover | sqlite3 new.db`, and restore that."
)


def look(patient: Patient, found: list[Finding]) -> str:
    if patient.engine.dialect.name != "sqlite":
        return "looked after by PostgreSQL"
    try:
        damaged = damage(patient.engine)
    except sqlite3.Error as problem:
        failure = failure_of(problem) or Failure(str(problem), "look at its disk and its mode")
        said = f"The database file could not be looked at: {failure.what}."
        found.append(warning("database-unread", said, sentence(failure.mend)))
        return ""
    if damaged is not None:
        said = sentence(f"The database file is damaged: {damaged}")
        found.append(error("database-damaged", said, RECOVER.format(path=patient.engine.url.database)))
        return ""
    return "the file is whole"


CHECK = Check("integrity", look, without_database=True)
