"""Finding addresses and connecting to them, all within one time limit."""

from __future__ import annotations

import socket
import threading
import time
from queue import Empty, SimpleQueue
from typing import Any

Found = tuple[socket.AddressFamily, tuple[Any, ...]]
"""An address as sockets take it."""


class Deadline:
    """The time for a whole request: every wait in it gets what the waits before it have left."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ends = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds; `TimeoutError` when there are none."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def addresses(host: str, port: int, deadline: Deadline) -> list[Found]:
    """The addresses of a host now; none if it has none."""
    answers: SimpleQueue[list[Found]] = SimpleQueue()

    def ask() -> None:
        try:
            answer = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            answer = []
        answers.put([(family, address) for family, _, _, _, address in answer])

    # In a thread, since a slow name server holds up whoever asks, for as long as it likes.
    threading.Thread(target=ask, daemon=True, name="look up a host").start()
    try:
        return answers.get(timeout=deadline.left())
    except Empty:
        raise TimeoutError from None


def connect(found: list[Found], deadline: Deadline) -> socket.socket:
    """A connection to the first of these addresses that takes one. Raises `OSError`."""
    failure: OSError | None = None
    for tried, (family, address) in enumerate(found):
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            # The time is shared out, so that one dead address leaves some for the others.
            connection.settimeout(deadline.left() / (len(found) - tried))
            connection.connect(address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure or OSError("no address")
