"""Are the documents there that the log names, and do links not wait for too long?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from receiver.archive import checking, documents
from receiver.archive.opened import open_store
from receiver.archive.states import State
from receiver.archive.store import StoreError
from receiver.doctor.check import Check, Patient
from receiver.models import EVENTS
from receiver.numbers.findings import Finding, error, warning
from receiver.vocabulary.printable import count_of, sentence, size

SAMPLE = 20
"""Documents that are read: enough to notice that a directory is gone, and quick."""
WAITS = timedelta(hours=1)
"""After this long many links have lapsed."""


def look(patient: Patient, found: list[Finding]) -> str:
    counts = documents.counts(patient.engine)
    try:
        checked = checking.check(patient.engine, open_store(patient.config), sample=SAMPLE)
    except StoreError as problem:
        found.append(error("archive", sentence(str(problem)), "receiver archive check"))
        return ""
    if checked.wrong:
        read, are = count_of(checked.documents, "document"), count_of(len(checked.wrong), "is", "are")
        said = f"Of {read} looked at, {are} missing, damaged or unreadable."
        found.append(error("archive-damaged", said, "receiver archive check --mend"))
    if counts.oldest_waiting is not None:
        received = select(EVENTS.c.received_at).where(EVENTS.c.id == counts.oldest_waiting)
        with patient.engine.connect() as connection:
            since = connection.scalar(received)
        if since is not None and datetime.now(UTC) - since > WAITS:
            wait = count_of(counts.states[State.WAITING], "document waits", "documents wait")
            said = f"{wait} to be fetched, the oldest for more than an hour."
            found.append(warning("archive-waits", said, "receiver archive list --state waiting"))
    return f"{count_of(counts.documents, 'document')}, {size(counts.bytes)}"


CHECK = Check("archive", look)
