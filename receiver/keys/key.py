"""A callback key as it may be shown: by its fingerprint, never by its secret."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class KeyState(StrEnum):
    """Where a key is in its life."""

    NEW = "new"
    """Accepted, but no number was moved to it yet."""
    CURRENT = "current"
    OLDER = "older"
    """Accepted; no rotation has begun to retire it."""
    RETIRING = "retiring"
    """Accepted until its grace time is over and nothing needs it."""
    RETIRED = "retired"


@dataclass(frozen=True)
class Key:
    """A key of the ring. Its secret is not part of it, and cannot be shown by accident."""

    fingerprint: str
    state: KeyState
    in_settings: bool
    created_at: datetime | None = None
    current_since: datetime | None = None
    moved_at: datetime | None = None
    """When all numbers had been moved to it."""
    retires_at: datetime | None = None
    retired_at: datetime | None = None
    uses: int = 0
    """Callbacks that came with it while another key was current, and are believed."""
    used_at: datetime | None = None

    @property
    def name(self) -> str:
        """What it is called: enough of the fingerprint to tell it from the others."""
        return short(self.fingerprint)


def fingerprint_of(secret: str) -> str:
    """What a key is known by: its SHA-256 in hexadecimal."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def short(fingerprint: str) -> str:
    """A fingerprint as people see it."""
    return fingerprint[:8]
