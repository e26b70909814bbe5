"""Callbacks that are kept and not trusted, told in the service's own log: the first at once, then once a
minute."""

from __future__ import annotations

import time

from receiver.intake.counters import Tally
from receiver.logs.log import get_logger
from receiver.vocabulary.job import Job

logger = get_logger(__name__)

TELL_EVERY = 60.0
"""Seconds between two times that the log tells of them."""


class Doubts:
    """Tells how many there were in this process, by the reason."""

    def __init__(self, counted: Tally[str]) -> None:
        self._counted = counted
        self._tell_at = 0.0

    def jobs(self) -> tuple[Job, ...]:
        """Telling, in every process."""
        return (Job("doubts", 1, self.tell, everywhere=True),)

    def tell(self) -> None:
        """Log what was counted since it was last told, a line for each reason, if it is time."""
        if time.monotonic() < self._tell_at:
            return
        doubted = self._counted.untold()
        if doubted:
            self._tell_at = time.monotonic() + TELL_EVERY
        for reason, count in doubted.items():
            logger.warning(
                "callbacks are not trusted, they are in quarantine",
                reason=reason,
                count=count,
                see="receiver events quarantine",
            )
