"""Do the credentials work, and does the balance pay for the coming renewals?"""

from __future__ import annotations

from receiver.doctor.check import Check, Patient
from receiver.numbers.findings import Finding, warning


def look(patient: Patient, found: list[Finding]) -> str:
    if not patient.provider.configured(patient.config):
        return "not asked: there are no credentials"
    found += patient.inspection.account
    known = patient.known
    if known.failures and not found:
        # The watch waits for more failures before it reports them; the doctor says so at once.
        sentence = f"The provider could not be asked. {known.failure}"
        found.append(warning("provider-silent", sentence, "receiver doctor"))
    balance = "balance not told"
    if known.balance is not None:
        balance = f"balance {known.currency} {known.balance:f}"
    return f"credentials work, {balance}"


CHECK = Check("provider", look)
