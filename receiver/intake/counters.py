"""What a process has counted since it started: callbacks by kind and outcome, and how long commits took.

They are counted per batch, not per callback. The caller makes sure that only one thread counts at a time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from typing import TypeVar

_What = TypeVar("_What")

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds in seconds; slower commits are counted beyond the last."""


class Tally(Counter[_What]):
    """Counts, and which of them were told."""

    def __init__(self) -> None:
        super().__init__()
        self._told: Counter[_What] = Counter()

    def untold(self) -> Counter[_What]:
        """What was counted since this was last called."""
        counted = Counter(self)
        new, self._told = counted - self._told, counted
        return new


class Counters:
    """The counters of one process."""

    def __init__(self) -> None:
        self.callbacks: Counter[tuple[str, str]] = Counter()
        """By kind and outcome."""
        self.doubted: Tally[str] = Tally()
        """Those in quarantine, by the reason."""
        self.commits = [0] * (len(BUCKETS) + 1)
        """How many took how long, per bucket."""
        self.commit_seconds = 0.0

    def settled(self, kinds: Iterable[str], outcome: str) -> None:
        """Callbacks of these kinds were settled with this outcome."""
        for kind, count in Counter(kinds).items():
            self.callbacks[str(kind), outcome] += count

    def committed(self, seconds: float) -> None:
        """A transaction with callbacks was committed."""
        self.commits[bisect_left(BUCKETS, seconds)] += 1
        self.commit_seconds += seconds
