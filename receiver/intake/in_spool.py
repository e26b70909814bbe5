"""What is in the spool, and what became of it, as it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from receiver.intake.arrival import Arrived


@dataclass(frozen=True, slots=True)
class Drained:
    """What became of the oldest few."""

    moved: int = 0
    set_aside: int = 0
    locked: int = 0
    """Stay and wait: somebody holds a lock in the database."""

    def __bool__(self) -> bool:
        """Whether anything is out of the way, so that there may be more to do."""
        return bool(self.moved or self.set_aside)


@dataclass(frozen=True, slots=True)
class SetAside(Arrived):
    """An arrival that was set aside, as it is kept: it may be what our reading trips over."""

    position: int
    set_aside: str
    """Why."""


@dataclass(frozen=True, slots=True)
class SetAsideLine:
    """The same as a line of a list, without what came."""

    position: int
    received_at: datetime
    provider: str
    kind: str
    size: int
    """Bytes of the body."""
    set_aside: str
    """Why."""


@dataclass(frozen=True, slots=True)
class SetAsidePage:
    """What was set aside, newest first, and where the next older page begins (None: there is none)."""

    lines: Sequence[SetAsideLine]
    next: int | None


@dataclass(frozen=True, slots=True)
class SpoolState:
    """How much is in the spool."""

    waiting: int
    set_aside: int
    oldest: datetime | None
