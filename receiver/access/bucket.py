"""A rate limit: so many a second, and more of them in a burst."""

from __future__ import annotations

import threading
import time


class Bucket:
    """Full at first, with `most` in it; fills at `rate` a second."""

    def __init__(self, rate: float, most: float) -> None:
        self.rate = rate
        self.most = most
        self._lock = threading.Lock()
        self._held = most
        self._at = time.monotonic()

    @property
    def left(self) -> float:
        """What is in it by now."""
        return min(self.most, self._held + (time.monotonic() - self._at) * self.rate)

    def take(self) -> float:
        """Take one out; how many seconds to wait if there is none."""
        with self._lock:
            left, now = self.left, time.monotonic()
            if left < 1:
                return (1 - left) / self.rate
            self._held, self._at = left - 1, now
            return 0.0
