"""Does the database take events, and is its schema the newest?"""

from __future__ import annotations

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from receiver.db import schema
from receiver.db.engine import SchemaError, Unfit, Unreachable
from receiver.db.failure import Failure, failure_of, words_of
from receiver.doctor.check import Check, Patient, Say
from receiver.intake.writer import EventWriter
from receiver.numbers.findings import Finding, error
from receiver.vocabulary.printable import sentence


def look(patient: Patient, found: list[Finding]) -> str:
    kind = "SQLite" if patient.engine.dialect.name == "sqlite" else "PostgreSQL"
    try:
        schema.require_schema(patient.engine)
        EventWriter(patient.engine).probe()
    except Unfit as problem:
        said, _, advice = str(problem).partition(": ")
        found.append(error("database-unfit", sentence(said), sentence(advice)))
        return ""
    except Unreachable as problem:
        found.append(error("database-away", sentence(problem.failure.what), sentence(problem.failure.mend)))
        return ""
    except SchemaError as problem:
        found.append(error("schema", sentence(str(problem)), "receiver db upgrade"))
        return ""
    except SQLAlchemyError as problem:
        failure = failure_of(problem) or Failure(
            f"the database takes no events: {words_of(problem)}", "look at its disk and its log"
        )
        found.append(error("database-writes", sentence(failure.what), sentence(failure.mend)))
        return ""
    if kind == "PostgreSQL" and not _syncs(patient.engine):
        said = "The server has fsync off: a power cut may take callbacks that were answered 200."
        found.append(error("fsync", said, "Set fsync to on in the configuration of the server."))
    return f"{kind}, takes events, schema {schema.newest_revision()}"


def _syncs(engine: Engine) -> bool:
    with engine.connect() as connection:
        return bool(connection.scalar(text("SHOW fsync")) == "on")


def mend(patient: Patient, say: Say) -> None:
    """Upgrade the schema."""
    before = schema.current_revision(patient.engine)
    schema.upgrade(patient.engine)
    if before != schema.current_revision(patient.engine):
        say(f"upgraded the database to {schema.newest_revision()}")


CHECK = Check("database", look, mend, without_database=True)
