"""What is not as it should be with the callback keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from receiver.background.retiring import STILL_USED, Kept, is_due
from receiver.keys.key import Key, KeyState
from receiver.numbers.findings import Finding, warning

_IN_FLIGHT = timedelta(hours=1)
"""For so long after a rotation, callbacks that were under way may still come with an older key."""
_LONGEST_ROTATION = timedelta(minutes=10)

_WHY = {
    Kept.BY_NUMBER: "a number still uses it",
    Kept.BY_UNASKED: "a number of a provider without credentials used it when it was last asked",
    Kept.BY_UNTOLD: (
        "what uses it cannot be looked at: a provider does not tell all that is used in place of the URLs of"
        " your numbers"
    ),
}


def inspect_keys(keys: Sequence[Key], kept: Mapping[str, Kept], now: datetime) -> Iterator[Finding]:
    """Findings about rotations that stopped, and keys that should be gone; `kept` tells what keeps them."""
    current = next(key for key in keys if key.state is KeyState.CURRENT)
    rotated = current.moved_at or now
    for key in keys:
        if _half_way(key) and (key.created_at or now) < now - _LONGEST_ROTATION:
            yield warning(
                "rotation-unfinished",
                f"The rotation to the key {key.name} stopped half-way.",
                "receiver keys rotate",
                key.fingerprint,
            )
        if key.state is KeyState.RETIRING:
            yield from _retiring(key, kept.get(key.fingerprint), rotated, now)


def _half_way(key: Key) -> bool:
    begun = key.state is KeyState.NEW or (key.state is KeyState.CURRENT and key.current_since is not None)
    return begun and key.moved_at is None


def _retiring(key: Key, kept: Kept | None, rotated: datetime, now: datetime) -> Iterator[Finding]:
    keeps = kept is Kept.BY_CALLBACKS and not key.in_settings
    if key.used_at and (keeps or key.used_at > max(now - STILL_USED, rotated + _IN_FLIGHT)):
        until = (
            " It is accepted until none has come for a day. If none should come:"
            f" receiver keys retire {key.name}."
        )
        yield warning(
            "older-key-used",
            f"Callbacks still come with the older key {key.name}, the last on"
            f" {key.used_at:%Y-%m-%d at %H:%M} UTC: a number uses it, what the provider uses in place of a"
            f" number's URL, or a notify URL of your own.{until if keeps else ''}",
            "receiver numbers list",
            key.fingerprint,
        )
    if kept in _WHY:
        by_rotating = kept is Kept.BY_NUMBER
        yield warning(
            "key-overdue",
            f"The key {key.name} should be retired, but {_WHY[kept]}.",
            "receiver keys rotate" if by_rotating else f"receiver keys retire {key.name}",
            key.fingerprint,
        )
    elif kept is None and key.in_settings and is_due(key, now):
        yield warning(
            "key-in-settings",
            f"The key {key.name} in CALLBACK_KEYS is no longer needed, but still accepted.",
            "Put a fresh one in its place in CALLBACK_KEYS, and restart the service.",
            key.fingerprint,
        )
