"""A few threads that do things at their time. They are started when they are needed."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from receiver.logs.log import get_logger

logger = get_logger(__name__)


@dataclass(order=True, slots=True)
class _Job:
    due: float
    number: int
    run: Callable[[], None] = field(compare=False)
    urgent: bool = field(compare=False)


class Later:
    """Something that is slow delays nothing else, as long as there are threads for both."""

    def __init__(self, threads: int) -> None:
        self._most = threads
        self._changed = threading.Condition()
        self._jobs: list[_Job] = []
        self._numbers = count()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._stopping = False

    def do(self, seconds: float, run: Callable[[], None], *, urgent: bool = False) -> None:
        """Do something then; what is urgent also if it is due when all stops. Never waits."""
        with self._changed:
            heapq.heappush(self._jobs, _Job(time.monotonic() + seconds, next(self._numbers), run, urgent))
            self._have_it_watched()

    def close(self, timeout: float) -> None:
        """Do what is urgent and due, and no more."""
        ends = time.monotonic() + timeout
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            threads = list(self._threads)
        for thread in threads:
            thread.join(max(0.0, ends - time.monotonic()))

    def _have_it_watched(self) -> None:
        """Have some thread wait for the first job, as long as there is one to be had. The caller holds the
        lock."""
        if self._idle:
            self._changed.notify()
        elif len(self._threads) < self._most and not self._stopping:
            thread = threading.Thread(target=self._work, name=f"calls-{len(self._threads)}", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system has none: whoever is free next does it
                logger.error("cannot start a thread for calls", running=len(self._threads))
            else:
                self._threads.append(thread)

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                job.run()
            except Exception as error:  # the next call must not suffer
                logger.critical("cannot go on with a call", error=type(error).__name__)

    def _next(self) -> _Job | None:
        with self._changed:
            while True:
                wait = self._jobs[0].due - time.monotonic() if self._jobs else None
                if wait is not None and wait <= 0:
                    job = heapq.heappop(self._jobs)
                    if self._jobs:  # whoever does this one watches no more
                        self._have_it_watched()
                    if job.urgent or not self._stopping:
                        return job
                elif self._stopping:
                    return None
                else:
                    self._idle += 1
                    self._changed.wait(wait)
                    self._idle -= 1
