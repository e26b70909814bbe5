"""What is not as it should be with account, keys, numbers and clock. Pure: from what is known to findings."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from receiver.background.inspect_account import inspect_account
from receiver.background.inspect_keys import inspect_keys
from receiver.background.inspect_numbers import inspect_numbers
from receiver.background.retiring import Kept
from receiver.db.clock import Doubt
from receiver.keys.key import Key
from receiver.keys.urls import CallbackUrls
from receiver.numbers.findings import Finding
from receiver.numbers.known import Known
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
    known: Known,
    urls: Mapping[str, CallbackUrls],
    keys: Sequence[Key],
    *,
    kept: Mapping[str, Kept],
    doubt: Doubt | None,
    damaged: tuple[Finding, ...],
    asked: Collection[str],
    now: datetime,
) -> Inspection:
    """Inspect all of it. Without the `urls` of a provider, because PUBLIC_URL is not set, where its numbers
    lead is left out.

    What became of the requests to a provider, and of its account, is told of those that are `asked`: of
    another it is what was so while there were credentials. `kept` are the keys that should be gone, with what
    keeps each; `damaged` is what the last look at the database file found.
    """
    return Inspection(
        account=_each(
            inspect_account(account, now) for account in known.accounts if account.provider in asked
        ),
        keys=tuple(inspect_keys(keys, kept, now)),
        numbers=_each(
            inspect_numbers(account, urls.get(account.provider), now) for account in known.accounts
        ),
        clock=doubted(doubt),
        file=damaged,
    )


def _each(found: Iterable[Iterable[Finding]]) -> tuple[Finding, ...]:
    return tuple(finding for findings in found for finding in findings)
