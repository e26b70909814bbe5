"""Does the spool take callbacks, and does the database take them from there?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from receiver.doctor.check import Check, Patient, Say
from receiver.doctor.report import in_words
from receiver.intake import set_aside
from receiver.intake.spool import Spool, SpoolError
from receiver.intake.writer import EventWriter
from receiver.numbers.findings import Finding, error, warning
from receiver.vocabulary.printable import count_of, sentence

WAITS = timedelta(minutes=1)
"""The service drains the spool within seconds of the database's return."""

RECOVER = (
    "mkdir {folder} && sqlite3 {path} .recover | sqlite3 {folder}/spool.db && SPOOL_DIR={folder} receiver "
    "spool drain; then delete both"
)


def look(patient: Patient, found: list[Finding]) -> str:
    try:
        patient.spool.ask(Spool.prove)
        state = patient.spool.ask(Spool.state)
    except SpoolError as problem:
        found.append(error("spool", sentence(str(problem)), _advice(str(problem))))
        return ""
    for path in patient.spool.moved_aside():
        said = f"A damaged spool was moved aside to {path.name}; callbacks may be in it."
        found.append(warning("spool-damaged", said, RECOVER.format(path=path, folder=f"{path}-recovered")))
    now = datetime.now(UTC)
    if state.oldest and state.waiting and now - state.oldest > WAITS:
        since = in_words(now - state.oldest)
        wait = count_of(state.waiting, "callback waits", "callbacks wait")
        said = f"{wait} for the database, the oldest for {since}."
        found.append(warning("spool-waits", said, "receiver spool drain"))
    found += set_aside.finding(state)
    return f"takes callbacks, {state.waiting or 'none'} waiting"


def _advice(problem: str) -> str:
    if "hangs" in problem:
        return "Look at that disk or mount; callbacks go to the database meanwhile."
    if "full" in problem:
        return "Make room on that file system, or raise SPOOL_LIMIT_MB; the service drains what is in there."
    if "locked" in problem:
        return "Another program holds spool.db: end it."
    return "Make SPOOL_DIR writable for this user."


def mend(patient: Patient, say: Say) -> None:
    """Move what waits into the database."""
    moved, writer = 0, EventWriter(patient.engine)
    while drained := patient.spool.drain(writer):
        moved += drained.moved
    if moved:
        say(f"moved {count_of(moved, 'callback')} from the spool into the database")


CHECK = Check("spool", look, mend, without_database=True)
