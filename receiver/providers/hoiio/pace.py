"""How many requests an endpoint takes in a minute, learnt from the first that it refuses."""

from __future__ import annotations

from collections import deque

_RATE_SECONDS = 60.0
_FEWEST_TO_LEARN_FROM = 10


class Pace:
    """How many requests an endpoint takes in a minute, learnt from the first that it refuses."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()
        self._limit: int | None = None

    def wait(self, now: float) -> float:
        """Seconds until the endpoint takes one more."""
        self._forget(now)
        if self._limit is None or len(self._times) < self._limit:
            return 0.0
        return self._times[0] + _RATE_SECONDS - now

    def sent(self, now: float) -> None:
        self._times.append(now)

    def refused(self, now: float) -> None:
        """The request sent last was one too many."""
        self._forget(now)
        if self._times:
            self._times.pop()
        # After few of our own, others on the account have used it up, and that says nothing about us.
        if len(self._times) >= _FEWEST_TO_LEARN_FROM:
            self._limit = len(self._times)

    def _forget(self, now: float) -> None:
        while self._times and self._times[0] <= now - _RATE_SECONDS:
            self._times.popleft()
