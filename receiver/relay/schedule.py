"""When a failed delivery is tried again, and when the breaker of its target lets something through. Pure."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from receiver.relay.target import FAILING_AFTER

DELAYS = tuple(
    timedelta(seconds=seconds)
    for seconds in (
        *(5, 5 * 60, 30 * 60),
        *(hours * 3600 for hours in (2, 5, 10, 14, 20, 24)),
    )
)
"""Before the second attempt, the third, and so on: ten in 75 hours, as the Standard Webhooks specification
has it. The first goes out at once."""
MOST_ATTEMPTS = len(DELAYS) + 1
LONGEST_RETRY_AFTER = timedelta(hours=24)
_JITTER = 0.1
_FIRST_BLOCK, _LONGEST_BLOCK = timedelta(seconds=10), timedelta(minutes=10)


def wait_after(attempts: int, retry_after: float | None = None) -> timedelta | None:
    """How long to wait after so many failed attempts; None if there were enough."""
    if attempts >= MOST_ATTEMPTS:
        return None
    delay = DELAYS[attempts - 1]
    # Not all at once that failed at once.
    delay += delay * random.uniform(0, _JITTER)  # no secret
    if retry_after is not None:
        delay = max(delay, min(timedelta(seconds=retry_after), LONGEST_RETRY_AFTER))
    return delay


def blocked_until(failures: int, now: datetime) -> datetime | None:
    """Until when a target gets nothing after so many failures in a row."""
    if failures < FAILING_AFTER:
        return None
    doublings = min(failures - FAILING_AFTER, 10)
    block: timedelta = min(_FIRST_BLOCK * 2**doublings, _LONGEST_BLOCK)
    return now + block * random.uniform(1 - _JITTER, 1)
