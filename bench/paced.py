"""A load that comes at its own pace, however slow the answers are, as callbacks of a provider do.

A wait counts from when the callback was due, so that one that is stuck does not hide those behind it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import uvloop

from bench.callbacks import Call
from bench.load import percentile
from bench.service import HOST

CONNECTIONS = 64
SILENCE = 30.0
"""Seconds after the last callback at which missing answers are given up."""


@dataclass(slots=True)
class Paced:
    """What became of the callbacks."""

    accepted: dict[str, float] = field(default_factory=dict)
    """The `txn_ref` of each that was answered 200, with the time of the answer by the monotonic clock."""
    refused: int = 0
    """Answers other than 200."""
    waits: list[float] = field(default_factory=list)
    """Seconds from when a callback was due to its answer; sorted."""

    @property
    def p99(self) -> float:
        """Milliseconds."""
        return percentile(self.waits, 0.99) * 1000


def send(port: int, calls: Sequence[Call], rate: float) -> Paced:
    """Send so many of the calls a second, over keep-alive connections."""
    return uvloop.run(_send(port, calls, rate))


async def _send(port: int, calls: Sequence[Call], rate: float) -> Paced:
    pool = _Pool()
    loop = asyncio.get_running_loop()
    for _ in range(min(CONNECTIONS, len(calls))):
        await loop.create_connection(lambda: _Connection(pool), HOST, port)
    start = time.monotonic() + 0.01
    for number, call in enumerate(calls):
        due = start + number / rate
        if (early := due - time.monotonic()) > 0:
            await asyncio.sleep(early)
        pool.add(call, due)
    until = time.monotonic() + SILENCE
    while len(pool.result.waits) < len(calls) and time.monotonic() < until and pool.open:
        await asyncio.sleep(0.01)
    pool.result.waits.sort()
    return pool.result


class _Pool:
    def __init__(self) -> None:
        self.result = Paced()
        self.idle: deque[_Connection] = deque()
        self.open = 0
        self._waiting: deque[tuple[Call, float]] = deque()

    def add(self, call: Call, due: float) -> None:
        self._waiting.append((call, due))
        self.go_on()

    def go_on(self) -> None:
        while self._waiting and self.idle:
            self.idle.popleft().send(*self._waiting.popleft())


class _Connection(asyncio.Protocol):
    def __init__(self, pool: _Pool) -> None:
        self._pool = pool
        self._call: Call | None = None
        self._due = 0.0
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._pool.open += 1
        self._pool.idle.append(self)

    def connection_lost(self, _: Exception | None) -> None:
        self._pool.open -= 1
        if self in self._pool.idle:
            self._pool.idle.remove(self)

    def send(self, call: Call, due: float) -> None:
        self._call, self._due, self._data = call, due, b""
        self._transport.write(call.request)

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, end, body = self._data.partition(b"\r\n\r\n")
        if not end or self._call is None:
            return
        _, found, rest = head.lower().partition(b"\r\ncontent-length:")
        if found and len(body) < int(rest.partition(b"\r\n")[0]):
            return
        now, result = time.monotonic(), self._pool.result
        result.waits.append(now - self._due)
        if head[9:12] == b"200":
            result.accepted[self._call.ref] = now
        else:
            result.refused += 1
        self._call = None
        self._pool.idle.append(self)
        self._pool.go_on()
