"""Callbacks that were refused at the door: counted by cause, and told once a minute.

Under a valid key that is what did not arrive whole, or was not held in time. Under an unknown key anybody
can raise the count.
"""

from __future__ import annotations

from enum import StrEnum

from receiver.intake.counters import Tally
from receiver.logs.log import get_logger
from receiver.vocabulary.job import Job

logger = get_logger(__name__)

TELL_EVERY = 60.0
"""Seconds between two log lines."""


class Cause(StrEnum):
    """Why a callback is refused: its body is not whole, its key is unknown, or what should hold it hangs."""

    TOO_LARGE = "too large"
    CUT_SHORT = "cut short"
    """The caller left in its middle, or its encoding is broken."""
    TOO_SLOW = "too slow"
    NO_ROOM = "no room"
    """It made room for others: all that were under way held too much memory."""
    STOPPING = "stopping"
    NOT_HELD = "not held in time"
    """Neither database nor spool had it when its provider waited no longer. It may have been kept since."""
    UNKNOWN_KEY = "unknown key"
    """A number has a URL with a wrong or retired key, or a stranger knocks."""


class Refusals:
    """How many there were in this process. Nothing of the callbacks themselves is in it."""

    def __init__(self) -> None:
        self.counted: Tally[Cause] = Tally()

    def jobs(self) -> tuple[Job, ...]:
        """Telling, in every process."""
        return (Job("refusals", TELL_EVERY, self.tell, everywhere=True),)

    def tell(self) -> None:
        """Log what was counted since this was last called, a line for each cause."""
        for cause, count in self.counted.untold().items():
            if cause is Cause.UNKNOWN_KEY:
                logger.warning("requests with an unknown key were refused", count=count)
            else:
                logger.warning("callbacks under a valid key were refused", cause=str(cause), count=count)
