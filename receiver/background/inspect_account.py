"""What is not as it should be with the provider's account."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from receiver.numbers.findings import Finding, error, graded, warning
from receiver.numbers.known import KnownAccount, KnownNumber
from receiver.vocabulary.printable import sentence

REFUSES, SILENT = "provider-refuses", "provider-silent"
WAIT = "Wait, or look at the provider's status."
RENEWALS_AHEAD = 30
"""Days of renewals that the balance should cover."""
_ALMOST_DUE = 3
"""Days of renewals that are about to fail if the balance does not cover them."""
_SILENT_AFTER = 3
"""Failures in a row before the provider's silence becomes a finding."""


def inspect_account(known: KnownAccount, now: datetime) -> Iterator[Finding]:
    """Findings about the credentials and the balance."""
    for finding in _found(known, now):
        yield replace(finding, provider=known.provider)


def _found(known: KnownAccount, now: datetime) -> Iterator[Finding]:
    if known.failures and known.refused:
        yield error(REFUSES, sentence(known.failure or ""), "Edit the settings.")
    elif known.failures >= _SILENT_AFTER:
        yield warning(
            SILENT,
            f"The provider could not be asked {known.failures} times in a row."
            f" {sentence(known.failure or '')}",
            WAIT,
        )
    due = _renewals(known, now, RENEWALS_AHEAD)
    if known.balance is None or known.balance >= due:
        return
    yield graded(
        known.balance < _renewals(known, now, _ALMOST_DUE),
        "balance-low",
        f"The balance is {known.currency} {known.balance:f}, and the renewals of the next"
        f" {RENEWALS_AHEAD} days cost {due:f}: what cannot be paid is not renewed.",
        "Top up the account in the provider's portal.",
    )


def _renewals(known: KnownAccount, now: datetime, days: int) -> Decimal:
    """What the renewals of the next so many days cost, as far as their prices are known."""
    return sum(
        (
            number.renewal_price
            for number in known.numbers
            if number.auto_extend and number.renewal_price is not None
            if _renews_within(number, now, days)
        ),
        Decimal(0),
    )


def _renews_within(number: KnownNumber, now: datetime, days: int) -> bool:
    """Whether it is paid for once more in so many days. Without a known end it is once a month."""
    left = number.days_left(now)
    return days >= RENEWALS_AHEAD if left is None else left <= days
