"""Which callback keys should retire by now, and what keeps one that should."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import Enum, auto

from receiver.keys.key import Key, KeyState
from receiver.keys.route import uses_key
from receiver.numbers.known import Known

STILL_USED = timedelta(days=1)
"""A key with which a callback came so lately that is believed is still needed, whether or not a number is
known to use it."""


class Kept(Enum):
    """What keeps a key."""

    BY_NUMBER = auto()
    BY_CALLBACKS = auto()
    BY_DOUBT = auto()
    """Nobody can tell whether it is needed: a provider is silent, or the clock may be wrong."""


def is_due(key: Key, now: datetime) -> bool:
    """Whether its grace time is over."""
    return key.state is KeyState.RETIRING and key.retires_at is not None and key.retires_at <= now


def what_keeps(key: Key, secret: str, known: Known, asked: Collection[str], now: datetime) -> Kept | None:
    """What keeps a key that is due. None if nothing needs it.

    `asked` are the providers that are asked where their numbers lead. What is known of those of another
    counts, but that it does not answer does not.
    """
    if any(uses_key(number, secret) for number in known.numbers):
        return Kept.BY_NUMBER
    if key.used_at is not None and key.used_at > now - STILL_USED:
        return Kept.BY_CALLBACKS
    accounts = [known.of(provider) for provider in asked]
    told = bool(accounts) and all(account.checked_at and not account.failures for account in accounts)
    return None if told else Kept.BY_DOUBT
