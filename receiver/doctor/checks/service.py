"""Does a process serve, do its jobs run and keep up, and do they believe the clock?"""

from __future__ import annotations

from datetime import UTC

from sqlalchemy import select

from receiver.db import clock
from receiver.doctor.check import Check, Patient
from receiver.keys import presence
from receiver.models import JobState
from receiver.numbers.findings import Finding, error, warning
from receiver.retention.prune import doubted
from receiver.search import index_lag
from receiver.vocabulary.printable import count_of


def look(patient: Patient, found: list[Finding]) -> str:
    serving = presence.alive(patient.engine)
    if not serving:
        sentence = f"No process has said in the last {presence.ALIVE.seconds} seconds that it serves."
        found.append(error("not-serving", sentence, "receiver serve"))
    query = select(JobState.name, JobState.failure).where(JobState.failure.is_not(None))
    with patient.engine.connect() as connection:
        failing = connection.execute(query).all()
    found += [
        warning(f"job-{job.name}", f"The job {job.name} failed: {job.failure}.", "Look at the service's log.")
        for job in failing
    ]
    found += doubted(clock.doubt_of(patient.engine))
    found += index_lag.finding(patient.engine, UTC)
    return f"{count_of(len(serving), 'process', 'processes')} serving, jobs run"


CHECK = Check("service", look)
