"""Do our numbers lead here, and are they paid for?"""

from __future__ import annotations

from receiver.doctor.check import Check, Patient, Say
from receiver.doctor.report import NotLooked
from receiver.numbers.findings import Finding
from receiver.setup.apply import StepOutcome, repoint
from receiver.setup.configuring import repointed
from receiver.vocabulary.mask import masked_number


def look(patient: Patient, found: list[Finding]) -> str:
    if not patient.provider.configured(patient.config):
        return NotLooked("there are no credentials")
    found += patient.inspection.numbers
    return f"{len(patient.known.numbers) or 'none'} held"


def mend(patient: Patient, say: Say) -> None:
    """Bring numbers that come here by another key to the current one."""
    patient.ring.refresh()
    urls = patient.watch.urls()
    if urls is None or patient.watch.client is None:
        return
    provider = patient.watch.client()
    stale = [number for number in provider.subscribed_numbers() if repointed(number, urls)]
    if not stale:
        return
    journal = patient.journal()
    with journal.lease(say=say):
        for progress in repoint(stale, urls, provider, journal):
            done = progress.outcome in (StepOutcome.DONE, StepOutcome.FOUND)
            number = masked_number(progress.step.number)
            say(f"{number}: {'moved to the current key' if done else progress.detail}")


CHECK = Check("numbers", look, mend)
