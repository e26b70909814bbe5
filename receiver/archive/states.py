"""What can become of a link, and when it is tried again. Pure."""

from __future__ import annotations

import random
from datetime import timedelta
from enum import StrEnum


class State(StrEnum):
    """What became of a link."""

    WAITING = "waiting"
    KEPT = "kept"
    LAPSED = "lapsed"
    """It led nowhere any more before we had what it led to."""
    REFUSED = "refused"
    """It leads where we do not go, or to what we do not take."""


class Preview(StrEnum):
    """What became of the picture of a document's first page."""

    WAITING = "waiting"
    YES = "yes"
    NO = "no"
    """It has no pages to be seen: a recording."""
    FAILED = "failed"


DELAYS = (2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0)
"""Seconds between the first tries: many links work for an hour only."""
LONGEST_DELAY = 3600.0
MOST_ATTEMPTS = len(DELAYS) + 48
"""About two days."""
_JITTER = 0.25


def delay(attempts: int, asked: float | None = None) -> timedelta:
    """How long to wait after so many tries, and at least as long as the server asked."""
    wait = DELAYS[attempts - 1] if attempts <= len(DELAYS) else LONGEST_DELAY
    wait *= random.uniform(1 - _JITTER, 1 + _JITTER)
    return timedelta(seconds=max(wait, min(asked or 0.0, LONGEST_DELAY)))
