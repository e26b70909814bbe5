"""Does the spool take callbacks, and does the database take them from there?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from receiver.doctor.check import Check, Patient, Say
from receiver.doctor.report import in_words
from receiver.intake.spool import SpoolError
from receiver.intake.writer import EventWriter
from receiver.numbers.findings import Finding, error, warning
from receiver.vocabulary.printable import sentence

WAITS = timedelta(minutes=1)
"""The service drains the spool within seconds of the database's return."""


def look(patient: Patient, found: list[Finding]) -> str:
    try:
        patient.spool.prove()
        state = patient.spool.state()
    except SpoolError as problem:
        found.append(error("spool", sentence(str(problem)), "Make SPOOL_DIR writable for this user."))
        return ""
    now = datetime.now(UTC)
    if state.oldest and state.waiting and now - state.oldest > WAITS:
        since = in_words(now - state.oldest)
        said = f"{state.waiting} callbacks wait for the database, the oldest for {since}."
        found.append(warning("spool-waits", said, "receiver spool drain"))
    if state.set_aside:
        said = f"{state.set_aside} callbacks were set aside: the database refuses them."
        found.append(warning("set-aside", said, "receiver spool status"))
    return f"takes callbacks, {state.waiting or 'none'} waiting"


def mend(patient: Patient, say: Say) -> None:
    """Move what waits into the database."""
    moved, writer = 0, EventWriter(patient.engine)
    while drained := patient.spool.drain(writer):
        moved += drained
    if moved:
        say(f"moved {moved} callbacks from the spool into the database")


CHECK = Check("spool", look, mend, without_database=True)
