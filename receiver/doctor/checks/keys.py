"""Which callback keys are accepted, and is one left over that should be gone?"""

from __future__ import annotations

from receiver.doctor.check import Check, Patient
from receiver.keys.key import KeyState
from receiver.numbers.findings import Finding


def look(patient: Patient, found: list[Finding]) -> str:
    found += patient.inspection.keys
    keys = patient.ring.list()
    current = next(key for key in keys if key.state is KeyState.CURRENT)
    accepted = sum(key.state is not KeyState.RETIRED for key in keys)
    return f"{current.name} is current, {accepted} accepted"


CHECK = Check("keys", look)
