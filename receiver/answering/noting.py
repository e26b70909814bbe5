"""The background writer of what is decided: nothing on an answer's way waits for it."""

from __future__ import annotations

import threading
from collections import deque

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from receiver.answering import decisions
from receiver.answering.decisions import Decided
from receiver.logs.log import get_logger

logger = get_logger(__name__)

LIMIT = 10_000
"""Decisions that wait at most; what comes then is not noted, and counted."""
LINGER = 0.05
"""Seconds in which decisions gather, so that they share a transaction."""
RETRY_AFTER = 1.0
_BATCH = 256


class Noting:
    """A queue and the thread that empties it into the database, which begins with the first decision."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: deque[Decided] = deque()
        self._lock = threading.Lock()
        self._more, self._closing = threading.Event(), threading.Event()
        self._idle = threading.Condition(self._lock)
        self._thread: threading.Thread | None = None
        self._dropped = 0

    def add(self, decided: Decided) -> None:
        """Note it soon. Never waits for the database."""
        with self._lock:
            if len(self._waiting) >= LIMIT:
                self._dropped += 1
                return
            self._waiting.append(decided)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="decisions", daemon=True)
                self._thread.start()
        self._more.set()

    def flush(self, timeout: float) -> bool:
        """Wait until all is noted that was decided; False if it takes longer."""
        with self._idle:
            return self._idle.wait_for(lambda: not self._waiting, timeout)

    def close(self, timeout: float) -> None:
        """Note what waits, and nothing more. What is not noted by then is lost."""
        self._closing.set()
        self._more.set()
        thread = self._thread
        if thread is not None:
            thread.join(timeout)

    def _run(self) -> None:
        while True:
            self._more.wait()
            self._more.clear()
            self._closing.wait(LINGER)
            written = self._write_all()
            if self._closing.is_set():
                return
            if not written:
                self._closing.wait(RETRY_AFTER)
                self._more.set()

    def _write_all(self) -> bool:
        while True:
            with self._lock:
                batch = [self._waiting[at] for at in range(min(_BATCH, len(self._waiting)))]
                dropped, self._dropped = self._dropped, 0
            if dropped:
                logger.error("decisions were not noted: too many waited", count=dropped)
            if not batch:
                return True
            try:
                decisions.write(self._engine, batch)
            except SQLAlchemyError as error:
                logger.warning("decisions cannot be noted yet", error=type(error).__name__)
                return False
            with self._idle:
                for _ in batch:
                    self._waiting.popleft()
                self._idle.notify_all()
