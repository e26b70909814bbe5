"""A rate limit per endpoint, in requests per minute (protocol: limits)."""

from collections import defaultdict, deque

_WINDOW_SECONDS = 60.0


class RateLimit:
    """Counts accepted requests in a sliding minute. Not thread-safe by itself."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._accepted: defaultdict[str, deque[float]] = defaultdict(deque)

    def accepts(self, endpoint: str, now: float) -> bool:
        """Whether this request is within the limit. A refused one does not count. 0 means no limit."""
        if not self._limit:
            return True
        accepted = self._accepted[endpoint]
        while accepted and accepted[0] <= now - _WINDOW_SECONDS:
            accepted.popleft()
        if len(accepted) >= self._limit:
            return False
        accepted.append(now)
        return True
