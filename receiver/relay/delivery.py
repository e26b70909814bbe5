"""A delivery as a value, and what an attempt at it gave."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from receiver.models import Event


class DeliveryState(StrEnum):
    """How far a delivery is."""

    WAITING = "waiting"
    """Not delivered yet; it is tried again."""
    DELIVERED = "delivered"
    DEAD = "dead"
    """All attempts failed. It stays until somebody asks for another try."""
    CANCELLED = "cancelled"
    """Somebody stopped it before it was delivered."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this worker has the lease of."""

    id: int
    event_id: int
    line: str
    attempts: int
    """How many there were before."""
    replay_id: int
    created_at: datetime
    probe: bool = False
    """Whether it is the one that the breaker let through, to see whether the target works again."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What a sender sends."""

    message_id: str
    """The same for each attempt, so that the other side can tell that it has it already."""
    event: Event
    attempt: int
    """1 for the first."""
    made_at: datetime | None = None
    """When the delivery was made; None for a test, which has none."""
    replayed: bool = False
    test: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one attempt gave."""

    delivered: bool
    request: str
    """What was sent where, in a line, for the delivery log: no secret, no text of a message."""
    status: int | None = None
    reason: str | None = None
    """Why it failed, in a sentence without secrets."""
    answer: str | None = None
    """The beginning of what the other side said."""
    retry_after: float | None = None
    """Seconds for which the other side wants to be left alone."""
    final: bool = False
    """Whether trying again is pointless."""
    pause: str | None = None
    """Why the target wants no more at all."""
    not_yet: float | None = None
    """Seconds to wait for something of ours, such as a document that is still being fetched. That is no
    attempt."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A delivery with the result of the attempt at it; None if it was not made."""

    claimed: Claimed
    result: Result | None
    began_at: datetime
    seconds: float
