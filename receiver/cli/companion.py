"""The `receiver work` that `receiver serve` starts beside itself, and looks after.

A process of its own, not a thread: what it runs, a user's own code among it, must not hold the GIL of the
process that answers callbacks, use up its memory, or take it along when it dies.
"""

from __future__ import annotations

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
    """One `receiver work` for as long as this process serves."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        # It ends with this thread, not only with this process: that is how the kernel tells it of our death.
        self._thread = threading.Thread(target=self._look_after, name="companion", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Let it end what is under way."""
        self._stopping.set()
        process = self._process
        if process is not None and process.poll() is None:
            process.terminate()
        self._thread.join(LONGEST_STOP)
        if process is not None and process.poll() is None:
            process.kill()

    def _look_after(self) -> None:
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            began = time.monotonic()
            command = [sys.executable, "-m", "receiver.cli", "work", "--parent", str(os.getpid())]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603  # our own command
            if self._stopping.is_set():  # it was asked for before there was a process to tell
                self._process.terminate()
            status = self._process.wait()
            if self._stopping.is_set():
                return
            pause = _FIRST_PAUSE if time.monotonic() - began > _LASTS else min(pause * 2, _LONGEST_PAUSE)
            logger.error("the process that delivers ended, it is started again", status=status, seconds=pause)
            self._stopping.wait(pause)
