"""A load generator that costs little beside the server it measures: one thread, epoll, prebuilt requests.

Each connection has one request under way and sends the next when its answer is whole, as keep-alive clients
do. Whatever happens to a request is an outcome and is counted: a status, `closed`, `refused` or `silent`.
Loopback only.
"""

from __future__ import annotations

import contextlib
import math
import select
import socket
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.callbacks import Call
from bench.service import HOST

SILENCE = 30.0
"""Seconds without any answer after which the rest of a run is given up."""


@dataclass(slots=True)
class Result:
    """What became of a run."""

    accepted: list[str] = field(default_factory=list)
    """The `txn_ref` of each callback answered 200."""
    unanswered: list[str] = field(default_factory=list)
    """Those sent and never answered: stored or not, no promise was made."""
    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    """Seconds to the whole answer, whatever it was; sorted."""

    @property
    def rate(self) -> float:
        """Accepted callbacks a second."""
        return len(self.accepted) / self.seconds if self.seconds else 0.0

    @property
    def p50(self) -> float:
        """Milliseconds."""
        return percentile(self.latencies, 0.5) * 1000

    @property
    def p99(self) -> float:
        """Milliseconds."""
        return percentile(self.latencies, 0.99) * 1000


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value that `share` of the ordered ones do not exceed; infinite when there is none."""
    if not ordered:
        return float("inf")
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def run(port: int, waiting: Sequence[Call], *, seconds: float = math.inf, connections: int = 32) -> Result:
    """Send the calls over so many keep-alive connections: all of them, or what goes out within the time."""
    return _Run(port, waiting, seconds).run(connections)


@dataclass(slots=True)
class _Connection:
    socket: socket.socket
    call: Call
    sent_at: float
    answer: bytes = b""


class _Run:
    def __init__(self, port: int, waiting: Sequence[Call], seconds: float) -> None:
        self._port = port
        self._waiting = iter(waiting)
        self._seconds = seconds
        self._until = math.inf
        self._result = Result()
        self._poll = select.epoll()
        self._open: dict[int, _Connection] = {}
        self._last = 0.0

    def run(self, connections: int) -> Result:
        started = self._last = time.perf_counter()
        self._until = started + self._seconds
        try:
            for _ in range(connections):
                self._start()
            while self._open:
                for number, _ in self._poll.poll(1.0):
                    self._read(self._open[number])
                if time.perf_counter() - self._last > SILENCE:
                    self._result.outcomes["silent"] += len(self._open)
                    self._result.unanswered += [connection.call.ref for connection in self._open.values()]
                    break
            # The last answer ends the run, not the patience after it.
            self._result.seconds = self._last - started
        finally:
            for connection in self._open.values():
                connection.socket.close()
            self._poll.close()
        self._result.latencies.sort()
        return self._result

    def _start(self) -> None:
        """A new connection with the next call on it; calls the server refuses to take are counted."""
        for call in self._waiting:
            try:
                opened = socket.create_connection((HOST, self._port), timeout=5)
            except OSError:
                self._result.outcomes["refused"] += 1
                continue
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = _Connection(opened, call, 0.0)
            self._open[opened.fileno()] = connection
            self._poll.register(opened.fileno(), select.EPOLLIN)
            self._send(connection, call)
            return

    def _send(self, connection: _Connection, call: Call) -> None:
        connection.call = call
        connection.answer = b""
        connection.sent_at = time.perf_counter()
        # A connection that broke is found when it is read, and the call on it counted there.
        with contextlib.suppress(OSError):
            connection.socket.sendall(call.request)

    def _read(self, connection: _Connection) -> None:
        try:
            part = connection.socket.recv(65536)
        except OSError:
            part = b""
        if not part:
            self._result.outcomes["closed"] += 1
            self._result.unanswered.append(connection.call.ref)
            self._close(connection)
            self._start()
            return
        connection.answer += part
        head, end, body = connection.answer.partition(b"\r\n\r\n")
        if not end:
            return
        fields = head.lower()
        if len(body) < _length(fields):
            return
        self._count(connection, head[9:12])
        if b"\r\nconnection: close" in fields:
            self._close(connection)
            self._start()
        elif self._last < self._until and (call := next(self._waiting, None)) is not None:
            self._send(connection, call)
        else:
            self._close(connection)

    def _count(self, connection: _Connection, status: bytes) -> None:
        self._last = time.perf_counter()
        self._result.latencies.append(self._last - connection.sent_at)
        self._result.outcomes[status.decode("latin-1")] += 1
        if status == b"200":
            self._result.accepted.append(connection.call.ref)

    def _close(self, connection: _Connection) -> None:
        number = connection.socket.fileno()
        self._poll.unregister(number)
        del self._open[number]
        connection.socket.close()


def _length(fields: bytes) -> int:
    _, found, rest = fields.partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0
