"""The `receiver work` that `receiver serve` looks after, and starts when there is something to do.

A process of its own, not a thread: what it runs, a user's own code among it, must not hold the GIL of the
process that answers callbacks, use up its memory, or take it along when it dies.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time

from receiver.logs.log import get_logger

logger = get_logger(__name__)

LONGEST_STOP = 15.0
"""Seconds to end what is under way; after that it is killed, and its leases end by themselves."""
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
"""Seconds before it is started again. The pause doubles while it does not last."""
_LASTS = 30.0


class Companion:
    """A `receiver work` while there is something for it to do, for as long as this process serves."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        # Whoever answers callbacks calls by this; so does `stop`, from here.
        self._calls, self._calling = os.pipe()
        os.set_blocking(self._calling, False)
        # The kernel tells it of the end of the thread that started it, so this one stays.
        self._thread = threading.Thread(target=self._look_after, name="companion", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def call(self) -> None:
        """There is something to do. For the processes that were forked from this one."""
        with contextlib.suppress(BlockingIOError, BrokenPipeError):  # it was called often, or is gone
            os.write(self._calling, b".")

    def stop(self) -> None:
        """Let it end what is under way."""
        if not self._thread.is_alive():
            return
        self._stopping.set()
        self.call()
        process = self._process
        if process is not None:
            process.terminate()
        self._thread.join(LONGEST_STOP)
        if process is not None and process.poll() is None:
            process.kill()

    def _look_after(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            os.read(self._calls, 4096)
            if self._stopping.is_set():
                return
            began = time.monotonic()
            command = [sys.executable, "-m", "receiver.cli", "work", "--parent", str(os.getpid())]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603  # our own
            if self._stopping.is_set():  # it was told before there was a process to tell
                self._process.terminate()
            status = self._process.wait()
            if self._stopping.is_set():
                return
            if status == 0:  # nothing was left to do
                pause = _FIRST_PAUSE
                continue
            pause = _FIRST_PAUSE if time.monotonic() - began > _LASTS else min(pause * 2, _LONGEST_PAUSE)
            logger.error("the process that delivers ended, it is started again", status=status, seconds=pause)
            time.sleep(pause)
