"""Does PUBLIC_URL lead here, PUBLIC_URL_FALLBACK to a second machine, and how long are certificates good?"""

from __future__ import annotations

from datetime import UTC, datetime

from receiver.doctor.check import Check, Patient
from receiver.doctor.report import NotLooked
from receiver.keys import proof
from receiver.keys.doors import PUBLIC_URL, Door, addresses, no_second
from receiver.numbers.findings import Finding, graded, warning
from receiver.vocabulary.printable import count_of, in_days

SOON, VERY_SOON = 21, 7
"""Days. Authorities renew 30 days before the end: with fewer left, somebody should have a look."""


def look(patient: Patient, found: list[Finding]) -> str:
    urls = next(iter(patient.watch.urls().values()), None)
    if urls is None:
        return NotLooked("PUBLIC_URL is not set")
    said = [_look_at(door, found) for door in addresses(urls)]
    if all(said) and (why := no_second(patient.engine, urls)):
        mend = "Run the service on another machine, too, with the same DATABASE_URL: docs/deploy.md says how."
        found.append(warning("fallback-same", why, mend))
    return "; the second machine ".join(said)


def _look_at(door: Door, found: list[Finding]) -> str:
    """How an address is, in few words; nothing if it does not lead here."""
    first = door.setting == PUBLIC_URL
    reached = proof.reach(door.url).about(door.setting)
    if not reached.holds:
        sentence = f"{door.setting} fails at {reached.failed}: {reached.sentence}"
        code = f"address-{reached.failed}" if first else f"fallback-{reached.failed}"
        # Without the second machine nothing is lost, as long as there is the first.
        found.append(graded(first, code, sentence, reached.mend))
        return ""
    if reached.certificate_until is None:
        return "answers"
    left = (reached.certificate_until - datetime.now(UTC)).days
    if left <= SOON:
        sentence = f"The TLS certificate of {door.setting} ends {in_days(left)}."
        mend = "Renew it, and let the proxy load the new one."
        found.append(
            graded(left <= VERY_SOON, "certificate" if first else "fallback-certificate", sentence, mend)
        )
    return f"answers, certificate good for {count_of(left, 'day')}"


CHECK = Check("address", look)
