"""What the receive path asks about callbacks that are not trusted. Answered from memory, not by the database.

A periodic job looks up numbers and sizes; between its runs this process adds what it took itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from receiver.intake import quarantined
from receiver.intake.arrival import digits_of
from receiver.intake.spool import Spool
from receiver.logs.log import get_logger
from receiver.numbers import known as numbers
from receiver.vocabulary.job import Job

logger = get_logger(__name__)

STALE = timedelta(days=3)
"""A list of numbers older than this is not used: any number may be ours then."""
COUNT_EVERY = 60.0
"""Seconds between counts of what is quarantined. While the quarantine is full, every run counts."""
COMPLAIN_EVERY = 60.0
"""Seconds between two log lines about a full quarantine."""


class Admission:
    """Which numbers are ours, and how much room the quarantine has. Safe to use from any thread."""

    def __init__(self, engine: Engine, spool: Spool, *, limit_mb: int) -> None:
        self._engine = engine
        self._spool = spool
        self.limit = limit_mb * 1024 * 1024
        """Bytes that the quarantine may hold."""
        self.ours: Mapping[str, frozenset[str]] = {}
        """Our numbers with each provider, as digits. Without one whose numbers we do not know for certain."""
        self._lock = threading.Lock()
        self._held = 0
        self._on_the_way = 0
        self._held_meanwhile = 0
        self._count_at = 0.0
        self._complained_at: float | None = None

    @property
    def held(self) -> int:
        """Bytes that the quarantine holds, as far as this process knows."""
        return self._held

    @property
    def full(self) -> bool:
        """Whether the next callback that is not trusted would be refused."""
        return self._held + self._on_the_way >= self.limit

    def admits(self, size: int) -> bool:
        """Whether a callback that is not trusted, of about `size` bytes, may be kept.

        Each callback admitted must be reported to `settled` later.
        """
        with self._lock:
            if self.full:
                self._complain()
                return False
            self._on_the_way += size
            return True

    def settled(self, size: int, *, held: bool) -> None:
        """A callback that was admitted is on stable storage, or could not be kept."""
        with self._lock:
            self._on_the_way -= size
            if held:
                self._held += size
                self._held_meanwhile += size

    def jobs(self) -> tuple[Job, ...]:
        """Refreshing, in every process."""
        return (Job("admission", 1, self.refresh, everywhere=True),)

    def refresh(self) -> None:
        """Look up our numbers and, less often, the size of the quarantine."""
        self._know_numbers()
        if self.full or time.monotonic() >= self._count_at:
            # Set before the attempt, so that a spool that cannot be read is logged once a minute.
            self._count_at = time.monotonic() + COUNT_EVERY
            self.count()

    def count(self) -> None:
        """Count what is quarantined, in the log and in the spool of this process."""
        with self._lock:
            self._held_meanwhile = 0
        # The spool first: what is drained meanwhile is counted twice, but not missed.
        held = self._spool.ask(Spool.size_of_untrusted)
        with self._engine.connect() as connection:
            held += quarantined.size(connection)
        with self._lock:
            self._held = held + self._held_meanwhile

    def _know_numbers(self) -> None:
        oldest = datetime.now(UTC) - STALE
        ours = {}
        for account in numbers.read(self._engine).accounts:
            if not account.numbers or account.checked_at is None or account.checked_at < oldest:
                continue
            # A number that is missing from one listing may still be ours.
            lately = [each for each in account.lost if each.lost_at is not None and each.lost_at > oldest]
            ours[account.provider] = frozenset(digits_of(each.number) for each in (*account.numbers, *lately))
        self.ours = ours

    def _complain(self) -> None:
        now = time.monotonic()
        if self._complained_at is None or now - self._complained_at >= COMPLAIN_EVERY:
            self._complained_at = now
            logger.critical(
                "the quarantine is full, callbacks that are not trusted are answered 503",
                setting="QUARANTINE_LIMIT_MB",
                see="receiver events quarantine",
            )
