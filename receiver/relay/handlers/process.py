"""A process with the owner's module in it, and what is said to it. Ends at the latest with this one."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Any

from receiver.handlers.load import LoadError
from receiver.settings.files import CHECKOUT
from receiver.vocabulary.printable import printable

LONGEST_LOAD = 30.0
"""Seconds for loading the module."""
LARGEST_ANSWER = 1024 * 1024
_LONGEST_LINE = 2000
"""Bytes of what it prints that are passed on as one line."""
_LONGEST_END = 2.0


class TookTooLong(Exception):  # it is caught where it happens, and says so by its name
    """It did not answer in time, and was killed."""


class Ended(Exception):
    """It ended without an answer; the message says how."""


class Child:
    """One `receiver.handlers.child`. Used by one thread at a time."""

    def __init__(self, task: str, where: str, name: str) -> None:
        command = [sys.executable, "-m", "receiver.handlers.child", task, where]
        # A session of its own: what it starts is killed with it, and Ctrl-C at a terminal is for us alone.
        self._process = subprocess.Popen(  # noqa: S603  # our own command
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=CHECKOUT,
            start_new_session=True,
        )
        self._said, self._answers, errors = self._process.stdin, self._process.stdout, self._process.stderr
        if self._said is None or self._answers is None or errors is None:
            raise ValueError("it has no pipes")
        os.set_blocking(self._said.fileno(), False)
        self.pid = self._process.pid
        self._descriptor = os.pidfd_open(self.pid)
        threading.Thread(target=_pass_on, args=(errors, name), name=f"prints-{name}", daemon=True).start()

    def ask(self, question: bytes, seconds: float) -> dict[str, Any]:
        """Its next answer. `TookTooLong` or `Ended`, and then there is no process any more."""
        try:
            return self._ask(question, time.monotonic() + seconds)
        except (TookTooLong, Ended):
            self.kill()
            raise

    def alive(self) -> bool:
        return not self._ends_within(0)

    def end(self) -> None:
        """Let it end by itself, as it does when nothing more can come."""
        if self._said is not None:
            self._said.close()
        self._ends_within(_LONGEST_END)
        self.kill()

    def kill(self) -> None:
        """End it, and what it started."""
        if self._process.returncode is not None:
            return
        # Before it is waited for: until then nobody else can have its number.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._descriptor)
        for stream in (self._said, self._answers):
            if stream is not None:
                stream.close()

    def _ends_within(self, seconds: float) -> bool:
        watched = select.poll()
        watched.register(self._descriptor, select.POLLIN)
        return bool(watched.poll(seconds * 1000))

    def _ask(self, question: bytes, end: float) -> dict[str, Any]:
        if self._said is None or self._answers is None:
            raise Ended("it was not there")
        to, out = self._said.fileno(), self._answers.fileno()
        watched = select.poll()
        watched.register(out, select.POLLIN)
        if question:
            watched.register(to, select.POLLOUT)
        got = bytearray()
        while (left := end - time.monotonic()) > 0:
            for ready, _ in watched.poll(left * 1000):
                if ready == to:
                    question = _written(to, question)
                    if not question:
                        watched.unregister(to)
                elif part := os.read(out, 65536):
                    got += part
                else:
                    raise Ended(self._how_it_ended())
            if got.endswith(b"\n"):
                answer: dict[str, Any] = json.loads(got)
                return answer
            if len(got) > LARGEST_ANSWER:
                raise Ended("its process said too much")
        raise TookTooLong

    def _how_it_ended(self) -> str:
        ended = self._ends_within(_LONGEST_END)
        self.kill()
        if not ended:
            return "its process closed its files"
        status = self._process.returncode
        if status >= 0:
            return f"its process ended with status {status}"
        return f"its process was ended by {signal.Signals(-status).name}"


def load_error(said: Mapping[str, Any]) -> LoadError:
    """What a process says about why it cannot load the module."""
    return LoadError(printable(said["what"]), printable(said["file"]), said["line"])


def _written(to: int, question: bytes) -> bytes:
    """What is left to be written."""
    try:
        return question[os.write(to, question) :]
    except BlockingIOError:
        return question
    except BrokenPipeError:
        return b""  # how it ended is told by its answers


def _pass_on(stream: IO[bytes], name: str) -> None:
    """What the owner's code prints, for whoever reads stderr."""
    with stream:
        while line := stream.readline(_LONGEST_LINE):
            text = printable(line.decode("utf-8", "replace").rstrip("\r\n"))
            sys.stderr.write(f"[{name}] {text}\n")
            sys.stderr.flush()
