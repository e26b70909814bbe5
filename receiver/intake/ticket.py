"""A callback on its way to stable storage, and how that ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from enum import Enum

from receiver.intake.arrival import Arrival, Read, Row, event_row, read, size_of
from receiver.logs.log import get_logger
from receiver.vocabulary.verdict import Verdict

logger = get_logger(__name__)


class Outcome(Enum):
    """How a ticket was settled."""

    STORED = "stored"
    SPOOLED = "spooled"
    FAILED = "failed"


class Ticket:
    """One callback on its way to stable storage. `outcome` is set once; then `settled` is called.

    A ticket without an arrival is a probe: it takes the same way and leaves nothing behind.
    """

    __slots__ = ("arrival", "outcome", "row", "said", "settled", "untrusted", "waiting_since")

    def __init__(
        self, arrival: Arrival | None, settled: Callable[[list[Ticket]], None], ours: frozenset[str]
    ) -> None:
        self.said: Read | None = None
        """What the callback says; None if it could not be read."""
        self.row = None if arrival is None else self._read(arrival, ours)
        self.untrusted = 0
        """Bytes that count against the limit of the quarantine; 0 if they do not count."""
        if arrival is not None and self.row is not None and self.row["quarantine"] is not None:
            if arrival.signature is not Verdict.VALID:  # the provider itself is never turned away
                self.untrusted = size_of(self.row)
            # The spool keeps the reason too, so that the event is still quarantined when it comes out of it.
            arrival = replace(arrival, distrust=str(self.row["quarantine"]))
        self.arrival = arrival
        self.settled = settled
        self.outcome: Outcome | None = None
        self.waiting_since = time.monotonic()

    @property
    def doubt(self) -> str | None:
        """Why the callback is quarantined; None if it is not."""
        return None if self.arrival is None else self.arrival.distrust

    @property
    def held(self) -> bool:
        """Whether the callback is on stable storage."""
        return self.outcome is Outcome.STORED or self.outcome is Outcome.SPOOLED

    def _read(self, arrival: Arrival, ours: frozenset[str]) -> Row | None:
        """Never raises: should reading fail, the raw callback goes to the spool and is set aside."""
        try:
            self.said = read(arrival)
            return event_row(arrival, ours, self.said)
        except Exception as error:
            logger.critical("cannot read an arrival", arrival=arrival.id, error=type(error).__name__)
            return None
