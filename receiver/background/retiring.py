"""Which callback keys should retire by now, and what keeps one that should."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import Enum, auto

from receiver.keys.key import Key, KeyState
from receiver.keys.route import uses_key
from receiver.numbers.known import Known
from receiver.providers.numbers import untold

STILL_USED = timedelta(days=1)
"""A key with which a callback came so lately that is believed is still needed, whether or not a number is
known to use it."""


class Kept(Enum):
    """What keeps a key."""

    BY_NUMBER = auto()
    BY_CALLBACKS = auto()
    BY_UNASKED = auto()
    """A number used it when there were still credentials to ask its provider with."""
    BY_UNTOLD = auto()
    """A provider does not tell all URLs by which a number comes here."""
    BY_DOUBT = auto()
    """Nobody can tell for now: a provider is silent, or the clock may be wrong."""


def is_due(key: Key, now: datetime) -> bool:
    """Whether its grace time is over."""
    return key.state is KeyState.RETIRING and key.retires_at is not None and key.retires_at <= now


def what_keeps(
    key: Key, secret: str, known: Known, asked: Collection[str], now: datetime, *, doubted: bool
) -> Kept | None:
    """What keeps a key that is due. None if nothing needs it.

    `asked` are the providers that are asked where their numbers lead, and `doubted` is whether the clock is:
    one that jumped ahead would end every grace time at once.
    """
    if doubted:
        return Kept.BY_DOUBT
    users = {number.provider for number in known.numbers if uses_key(number, secret)}
    if not users.isdisjoint(asked):
        return Kept.BY_NUMBER
    if key.used_at is not None and key.used_at > now - STILL_USED:
        return Kept.BY_CALLBACKS
    if users:
        return Kept.BY_UNASKED
    accounts = [known.of(provider) for provider in asked]
    if not accounts or any(not account.checked_at or account.failures for account in accounts):
        return Kept.BY_DOUBT
    return Kept.BY_UNTOLD if any(untold(number) for each in accounts for number in each.numbers) else None
