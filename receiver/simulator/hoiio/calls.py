"""A call in progress, as the provider knows it (protocol: the IVR notification family)."""

import math
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from receiver.simulator.outcome import Delivery

from .notify import Manner

Outcome = Literal["answered", "busy", "unanswered", "failed"]
"""What becomes of somebody who is dialled."""

Passage = Literal["sent", "lost", "doubled", "late"]
"""What becomes of a notification."""


@dataclass(frozen=True)
class Block:
    """A step of a call: what it is, where it reports, and which parameters it adds."""

    name: str
    notify_url: str
    tag: dict[str, str] = field(default_factory=dict)
    result: dict[str, str] = field(default_factory=dict)
    """Reported when the step is done."""
    at_end: dict[str, str] = field(default_factory=dict)
    """Reported if the call ends during the step."""
    silence: float = 0.0
    """Seconds that it waits for the caller, who does nothing."""


@dataclass(frozen=True)
class Plan:
    """What happens in a call, as it was ordered. Whatever is in order is used up."""

    digits: deque[str] = field(default_factory=deque)
    """What the caller will press, one text per gather."""
    dial: deque[Outcome] = field(default_factory=deque)
    """What becomes of those who are dialled; after the last, the number decides."""
    dial_seconds: float | None = None
    """After how long somebody who was dialled hangs up; None to leave that to the caller."""
    hangs_up_in: int = 0
    """The step, counted from 1, in which the caller hangs up; 0 for none."""
    notifications: deque[Passage] = field(default_factory=deque)
    """What becomes of each notification; after the last, all are sent."""
    late_seconds: float = 3.0


@dataclass
class Call:
    """One call, from ringing until after its end. Changed only under the provider's lock."""

    session: str
    txn_ref: str
    billed_to: str
    parties: dict[str, str]
    block: Block
    """The step in progress, or the last one."""
    manner: Manner = field(default_factory=Manner)
    plan: Plan = field(default_factory=Plan)
    way: list[dict[str, str]] = field(default_factory=list)
    """The steps that were requested, with the status of those that were refused."""
    steps: int = 0
    """How many of them were begun."""
    block_seconds: float = 0.0
    """How long each step takes."""
    minutes: int | None = None
    """Minutes to bill, if not those that passed."""
    state: Literal["ringing", "ongoing", "ended"] = "ringing"
    busy: bool = False
    on_hold: bool = False
    monitored: tuple[str, str] | None = None
    """Where to report the recording of the whole call, and the recording's own URL."""
    recordings: int = 0
    """How many were made; each has a link of its own."""
    started: float = field(default_factory=time.monotonic)
    deliveries: list[Delivery] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    """Set when the call has ended and its last notification was sent."""

    def report(self, specific: dict[str, str]) -> dict[str, str]:
        """The parameters of a notification about the step in progress."""
        always = {
            "ivr_block": self.block.name,
            "call_state": self.state,
            "session": self.session,
            "txn_ref": self.txn_ref,
        }
        return always | self.parties | self.block.tag | specific

    def minutes_to_bill(self) -> int:
        """Every minute begun since it rang; at least one."""
        if self.minutes is not None:
            return self.minutes
        return max(1, math.ceil(round(time.monotonic() - self.started) / 60))
