"""Questions to a disk that may hang, so that whoever asks does not hang with it."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 5.0
"""Seconds that an answer may take: to count what is in a large file takes some."""


class Asking:
    """One question at a time, each in a thread of its own: nothing ends one that waits for a disk that hangs.
    Safe to use from any thread."""

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._since: float | None = None
        """When the question was asked that has no answer yet."""

    def ask(self, question: Callable[[], T], patience: float | None = None) -> T:
        """The answer, or what the question raises. `TimeoutError` if there is none in time, or no thread
        to ask it; what the question does may still happen then. Once one has waited for so long, no other is
        asked until it is answered.
        """
        patience = PATIENCE if patience is None else patience
        answer: Future[T] = Future()
        until = time.monotonic() + patience
        with self._free:
            while self._since is not None:
                left = min(until, self._since + patience) - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                self._free.wait(left)
            # A daemon, which keeps no process from ending; in the context of whoever asks, for its log lines.
            given = (self._answer, question, answer)
            thread = threading.Thread(target=copy_context().run, args=given, name="asking", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                raise TimeoutError(errno.EAGAIN, "no thread can be had to ask it") from error
            self._since = time.monotonic()
        return answer.result(patience)

    def _answer(self, question: Callable[[], T], answer: Future[T]) -> None:
        try:
            answer.set_result(question())
        except BaseException as error:
            answer.set_exception(error)
        finally:
            with self._free:
                self._since = None
                self._free.notify_all()
