"""What an earlier process kept and did not live to decide: a new one looks for it once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from receiver.providers.base import Kept

BACK = timedelta(minutes=5)
"""How far it looks back."""
Undecided = Callable[[datetime, datetime], Iterable[tuple[str, Kept]]]
"""What came of calls under way between two moments, and nobody decided about; with its provider."""


class CatchingUp:
    """Only at its second look: at the first, a process beside this one may just be noting what it decided."""

    def __init__(self, undecided: Undecided) -> None:
        self._undecided = undecided
        self._began: datetime | None = None
        self._done = False

    def look(self, now: datetime) -> Iterable[tuple[str, Kept]]:
        """What is to be decided now; nothing but once."""
        if self._done:
            return ()
        if self._began is None:
            self._began = now
            return ()
        found = list(self._undecided(self._began - BACK, self._began))
        self._done = True
        return found
