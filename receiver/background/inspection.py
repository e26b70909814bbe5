"""What is not as it should be with account, keys, numbers and clock. Pure: from what is known to findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from receiver.background.inspect_account import inspect_account
from receiver.background.inspect_keys import inspect_keys
from receiver.background.inspect_numbers import inspect_numbers
from receiver.db.clock import Doubt
from receiver.keys.key import Key
from receiver.keys.urls import CallbackUrls
from receiver.numbers.findings import Finding
from receiver.numbers.known import KnownAccount
from receiver.retention.prune import doubted


@dataclass(frozen=True)
class Inspection:
    """What was found, by what it is about."""

    account: tuple[Finding, ...]
    keys: tuple[Finding, ...]
    numbers: tuple[Finding, ...]
    clock: tuple[Finding, ...] = ()
    file: tuple[Finding, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        return (*self.account, *self.keys, *self.numbers, *self.clock, *self.file)


def inspect(
    known: KnownAccount,
    urls: CallbackUrls | None,
    keys: Sequence[Key],
    doubt: Doubt | None = None,
    damaged: tuple[Finding, ...] = (),
    *,
    now: datetime,
) -> Inspection:
    """Inspect all of it. Without `urls`, because PUBLIC_URL is not set, where numbers lead is left out.

    `damaged` is what the last look at the database file found.
    """
    return Inspection(
        account=tuple(inspect_account(known, now)),
        keys=tuple(inspect_keys(keys, now)),
        numbers=tuple(inspect_numbers(known, urls, now)),
        clock=doubted(doubt),
        file=damaged,
    )
