"""What a caller does in a call, and what Twilio's side of it has come to."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Leg:
    """What becomes of a call that the customer's document dials."""

    status: str = "answered"
    seconds: int = 10
    """How long the two talk, if it is answered."""


@dataclass
class Caller:
    """A caller. Everything is consumed in order; times are seconds of the call, not real ones."""

    digits: deque[str] = field(default_factory=deque)
    """What is pressed when asked, one text per gather; empty for nothing."""
    speech: deque[str] = field(default_factory=deque)
    """What is said when asked, one text per gather that listens."""
    legs: deque[Leg] = field(default_factory=deque)
    """What becomes of each party that is dialled; after the last, all answer."""
    record_seconds: int = 5
    """How long the caller speaks when recorded."""
    record_key: str = ""
    """What the caller presses after that; without it, silence ends a recording."""
    hangs_up_after: float = 600.0
    """When the caller has had enough."""


@dataclass
class Course:
    """How a call goes: what the caller hears, the way it takes, how long it has lasted."""

    heard: list[str] = field(default_factory=list)
    way: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    answered_at: float | None = None

    def step(self, verb: str, **about: object) -> None:
        """Note a step of the way."""
        self.way.append({"step": verb, "at": round(self.seconds, 1), **about})
