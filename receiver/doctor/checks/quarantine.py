"""Has the quarantine room for the next callback that is not trusted?"""

from __future__ import annotations

from receiver.doctor.check import Check, Patient
from receiver.numbers.findings import Finding, graded
from receiver.retention import quarantine
from receiver.vocabulary.printable import count_of, size


def look(patient: Patient, found: list[Finding]) -> str:
    state = quarantine.state(patient.engine, patient.config.quarantine_limit_mb)
    if state.bytes * 10 >= state.limit * 8:
        found.append(
            graded(
                state.full,
                "quarantine-full",
                f"The quarantine holds {size(state.bytes)} of {size(state.limit)}:"
                " when it is full, callbacks that are not trusted are turned away.",
                "receiver events list --quarantined, then release or drop",
            )
        )
    return f"{count_of(state.events, 'event')}, {size(state.bytes)} of {size(state.limit)}"


CHECK = Check("quarantine", look)
