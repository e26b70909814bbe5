"""Does the database take events, and is its schema the newest?"""

from __future__ import annotations

from sqlalchemy.exc import SQLAlchemyError

from receiver.db import schema
from receiver.db.engine import SchemaError, reason_of
from receiver.doctor.check import Check, Patient, Say
from receiver.intake.writer import EventWriter
from receiver.numbers.findings import Finding, error
from receiver.vocabulary.printable import sentence


def look(patient: Patient, found: list[Finding]) -> str:
    kind = "SQLite" if patient.engine.dialect.name == "sqlite" else "PostgreSQL"
    try:
        schema.require_schema(patient.engine)
        EventWriter(patient.engine).probe()
    except SchemaError as problem:
        said = sentence(str(problem))
        if "cannot reach" in said:
            found.append(error("database-away", said, "Start the database, or correct DATABASE_URL."))
        else:
            found.append(error("schema", said, "receiver db upgrade"))
        return ""
    except SQLAlchemyError as problem:
        said = f"The database takes no events: {reason_of(problem)}."
        found.append(error("database-writes", said, "Look at its disk and its log."))
        return ""
    return f"{kind}, takes events, schema {schema.newest_revision()}"


def mend(patient: Patient, say: Say) -> None:
    """Upgrade the schema."""
    before = schema.current_revision(patient.engine)
    schema.upgrade(patient.engine)
    if before != schema.current_revision(patient.engine):
        say(f"upgraded the database to {schema.newest_revision()}")


CHECK = Check("database", look, mend, without_database=True)
