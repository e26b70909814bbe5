"""Does PUBLIC_URL lead here, and how long is its certificate good?"""

from __future__ import annotations

from datetime import UTC, datetime

from receiver.doctor.check import Check, Patient
from receiver.doctor.report import NotLooked
from receiver.keys import proof
from receiver.numbers.findings import Finding, error, graded

SOON, VERY_SOON = 21, 7
"""Days. Authorities renew 30 days before the end: with fewer left, somebody should have a look."""


def look(patient: Patient, found: list[Finding]) -> str:
    urls = next(iter(patient.watch.urls().values()), None)
    if urls is None:
        return NotLooked("PUBLIC_URL is not set")
    reached = proof.reach(urls.of(urls.kinds[0]))
    if not reached.holds:
        sentence = f"PUBLIC_URL fails at {reached.failed}: {reached.sentence}"
        found.append(error(f"address-{reached.failed}", sentence, reached.mend))
        return ""
    if reached.certificate_until is None:
        return "answers"
    left = (reached.certificate_until - datetime.now(UTC)).days
    if left <= SOON:
        sentence = f"The TLS certificate of PUBLIC_URL ends in {left} days."
        mend = "Renew it, and let the proxy load the new one."
        found.append(graded(left <= VERY_SOON, "certificate", sentence, mend))
    return f"answers, certificate good for {left} days"


CHECK = Check("address", look)
