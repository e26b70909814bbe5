"""Can the rules file be used, and followed for our numbers, and do calls and replies do what it says?"""

from __future__ import annotations

from contextlib import suppress

from receiver.answering import findings
from receiver.answering.problems import RulesError
from receiver.doctor.check import Check, Patient
from receiver.numbers import findings as stored
from receiver.numbers.findings import Finding
from receiver.vocabulary.printable import count_of


def look(patient: Patient, found: list[Finding]) -> str:
    rules, path = patient.rules, patient.config.rules
    with suppress(RulesError):  # it is a finding
        rules.require()
    current = rules.current()
    found += findings.look(patient.engine, current, rules.fault)
    found += (one for one in stored.read(patient.engine) if one.code in (findings.STEPS, findings.REPLIES))
    return f"{path.name if path else ''}, {count_of(len(current.numbers) if current else 0, 'number')}"


CHECK = Check(
    "rules",
    look,
    concerns=lambda patient: patient.config.rules is not None,
    afresh=(findings.FILE, findings.NUMBERS),
)
