"""Threads that do one sort of work, so many at most."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from receiver.logs.log import get_logger

logger = get_logger(__name__)


class Crew:
    """One thread gives out the work, and only while somebody is `idle`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._working: set[threading.Thread] = set()

    @property
    def idle(self) -> int:
        """How many could begin something now."""
        return self._most - len(self._working)

    @property
    def busy(self) -> bool:
        return bool(self._working)

    def begin(self, work: Callable[[], None]) -> None:
        """Do it in a thread that keeps no process from ending: what is left undone has to be found again."""
        thread = threading.Thread(target=self._do, args=(work,), name="archive", daemon=True)
        self._working.add(thread)
        try:
            thread.start()
        except BaseException:
            self._working.discard(thread)
            raise

    def join(self, patience: float | None = None) -> None:
        """Wait until nobody is at work, so many seconds at most."""
        until = None if patience is None else time.monotonic() + patience
        for one in tuple(self._working):
            one.join(None if until is None else max(0.0, until - time.monotonic()))

    def _do(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # its words may hold a link
            logger.error("a document could not be dealt with", error=type(error).__name__)
        finally:
            self._working.discard(threading.current_thread())
