"""Do the credentials work, and does the balance pay for the coming renewals?"""

from __future__ import annotations

from dataclasses import replace

from receiver.background.inspect_account import REFUSES, SILENT, WAIT
from receiver.doctor.check import Check, Patient
from receiver.doctor.report import NotLooked
from receiver.numbers.findings import Finding, warning
from receiver.vocabulary.printable import sentence


def look(patient: Patient, found: list[Finding]) -> str:
    if not patient.providers:
        return NotLooked("there are no credentials")
    found += patient.inspection.account
    reported = {finding.provider for finding in found if finding.code in (REFUSES, SILENT)}
    several, balances = len(patient.providers) > 1, []
    for provider in patient.providers:
        account = patient.known.of(provider.name)
        if account.failures and provider.name not in reported:
            # The watch waits for more failures before it reports them; the doctor says so at once.
            said = f"The provider could not be asked. {sentence(account.failure or '')}"
            silent = warning(SILENT, said, WAIT)
            found.append(replace(silent, provider=provider.name))
        balance = "not told" if account.balance is None else f"{account.currency} {account.balance:f}"
        balances.append(f"{provider.title} {balance}" if several else balance)
    return f"credentials work{';' if several else ', balance'} {', '.join(balances)}"


CHECK = Check("provider", look)
