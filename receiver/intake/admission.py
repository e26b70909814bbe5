"""What the receive path asks about callbacks that are not trusted: answered from memory, never the database.

Numbers and sizes are looked up by a periodic job; between its looks this process adds what it took itself.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from receiver.intake import quarantined
from receiver.intake.arrival import digits_of
from receiver.intake.spool import Spool
from receiver.logs.log import get_logger
from receiver.numbers import known as numbers

logger = get_logger(__name__)

STALE = timedelta(days=3)
"""After so long without an answer of the provider, nobody knows whose number it is."""
COUNT_EVERY = 60.0
"""Seconds between looks at how much is quarantined; while there is no room, every look counts."""
COMPLAIN_EVERY = 60.0


class Trust:
    """Which numbers are ours, and how much room the quarantine has. Safe to ask from any thread."""

    def __init__(self, engine: Engine, spool: Spool, *, limit_mb: int) -> None:
        self._engine = engine
        self._spool = spool
        self.limit = limit_mb * 1024 * 1024
        """Bytes."""
        self.ours: frozenset[str] = frozenset()
        """Our numbers as digits; empty while they are not known for certain."""
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

        Each one admitted is reported to `settled` later.
        """
        with self._lock:
            if self.full:
                self._complain()
                return False
            self._on_the_way += size
            return True

    def settled(self, size: int, *, held: bool) -> None:
        """One that was admitted is on stable storage now, or could not be."""
        with self._lock:
            self._on_the_way -= size
            if held:
                self._held += size
                self._held_meanwhile += size

    def refresh(self) -> None:
        """Look up our numbers, and now and then the size of the quarantine."""
        self._know_numbers()
        if self.full or time.monotonic() >= self._count_at:
            # Set before it is tried: a spool that cannot be counted is complained of once a minute.
            self._count_at = time.monotonic() + COUNT_EVERY
            self.count()

    def count(self) -> None:
        """Look up how much is quarantined, in the log and in the spool of this process."""
        with self._lock:
            self._held_meanwhile = 0
        # The spool first: what moves from there into the log meanwhile is counted twice, not left out.
        held = self._spool.size_of_untrusted()
        with self._engine.connect() as connection:
            held += quarantined.size(connection)
        with self._lock:
            self._held = held + self._held_meanwhile

    def _know_numbers(self) -> None:
        oldest = datetime.now(UTC) - STALE
        known = numbers.read(self._engine)
        if not known.numbers or known.checked_at is None or known.checked_at < oldest:
            self.ours = frozenset()
            return
        # One listing without a number does not make a stranger of it.
        lately = [number for number in known.lost if number.lost_at is not None and number.lost_at > oldest]
        self.ours = frozenset(digits_of(number.number) for number in (*known.numbers, *lately))

    def _complain(self) -> None:
        now = time.monotonic()
        if self._complained_at is None or now - self._complained_at >= COMPLAIN_EVERY:
            self._complained_at = now
            logger.critical(
                "the quarantine is full, callbacks that are not trusted are answered 503",
                setting="QUARANTINE_LIMIT_MB",
                see="flask events quarantine",
            )
