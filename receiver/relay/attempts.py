"""What is written down of attempts. Pure: on SQLite it is worked out before the lock is taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from receiver.relay.delivery import DeliveryState, Result, Settled
from receiver.relay.schedule import wait_after

LONGEST_ANSWER = 2000
"""Characters of an answer that the delivery log keeps."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt left its delivery."""

    state: DeliveryState
    attempts: int
    wait: timedelta
    """Until the next one, if there is to be one."""
    status: int | None
    reason: str | None


def endings(tried: Sequence[Settled]) -> dict[Ending, list[int]]:
    """Deliveries by how they were left: nearly all alike, so that one statement says it of them."""
    found: dict[Ending, list[int]] = {}
    for one in tried:
        found.setdefault(_ending(one), []).append(one.claimed.id)
    return found


def attempt_row(one: Settled) -> dict[str, Any]:
    """The row of an attempt."""
    result = result_of(one)
    return {
        "delivery_id": one.claimed.id,
        "began_at": one.began_at,
        "milliseconds": round(one.seconds * 1000),
        "delivered": result.delivered,
        "status": result.status,
        "reason": storable(result.reason),
        "request": storable(result.request),
        "answer": storable(result.answer),
    }


def result_of(one: Settled) -> Result:
    """What the attempt gave. There has to have been one."""
    if one.result is None:
        raise ValueError("it was not attempted")
    return one.result


def storable(said: str | None) -> str | None:
    """Without what a database refuses: one text must not hold up all others."""
    return said and said.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")[:LONGEST_ANSWER]


def _ending(one: Settled) -> Ending:
    result, attempts = result_of(one), one.claimed.attempts + 1
    wait = None if result.delivered or result.final else wait_after(attempts, result.retry_after)
    state = DeliveryState.DELIVERED if result.delivered else DeliveryState.DEAD
    return Ending(
        state=state if wait is None else DeliveryState.WAITING,
        attempts=attempts,
        wait=wait or timedelta(),
        status=result.status,
        reason=storable(result.reason),
    )
