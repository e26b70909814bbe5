"""Do our numbers lead here, and are they paid for?"""

from __future__ import annotations

from receiver.doctor.check import Check, Patient, Say
from receiver.doctor.report import NotLooked
from receiver.keys.urls import CallbackUrls
from receiver.numbers.findings import Finding
from receiver.providers.base import Provider
from receiver.providers.errors import ProviderError
from receiver.setup.apply import StepOutcome, repoint
from receiver.setup.configuring import repointed
from receiver.vocabulary.mask import masked_number


def look(patient: Patient, found: list[Finding]) -> str:
    if not patient.providers:
        return NotLooked("there are no credentials")
    found += patient.inspection.numbers
    accounts = [(of, patient.known.of(of.name)) for of in patient.providers]
    unasked = [of.title for of, account in accounts if account.failures or account.checked_at is None]
    if unasked:
        return NotLooked(f"{' and '.join(unasked)} could not be asked")
    return f"{len(patient.known.numbers) or 'none'} held"


def mend(patient: Patient, say: Say) -> None:
    """Bring numbers that come here by another key to the current one."""
    urls = patient.watch.urls()
    for provider in patient.providers:
        if provider.name in urls:
            try:
                _mend(patient, provider, urls[provider.name], say)
            except ProviderError as error:  # the report says so, too, and what the others have is mended
                say(f"the numbers at {provider.title} were not looked at: {error}")


def _mend(patient: Patient, provider: Provider, urls: CallbackUrls, say: Say) -> None:
    client = patient.watch.clients[provider.name]()
    if not any(repointed(number, urls) for number in client.subscribed_numbers()):
        return
    journal = patient.journal(provider)
    with journal.lease(say=say):
        # Who had the lease until now may have changed them.
        for progress in repoint(client.subscribed_numbers(), urls, client, journal):
            done = progress.outcome in (StepOutcome.DONE, StepOutcome.FOUND)
            number = masked_number(progress.step.number)
            say(f"{number}: {'moved to the current key' if done else progress.detail}")


CHECK = Check("numbers", look, mend)
