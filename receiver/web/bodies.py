"""The bodies of requests that are under way, within one budget of memory.

A caller can send as slowly as it likes and open as many connections as the server takes. What all of them
have sent is counted together. When it is too much, a body that holds most is cut off, and of those the one
that has been under way longest: honest ones are small and whole within milliseconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from receiver.intake.refusals import Cause
from receiver.web.asgi import Receive

BODY_TIMEOUT = 20.0
"""Seconds for a whole body. The provider's are a few hundred bytes."""
WHEN_STOPPING = 0.5
"""The same once the process is about to stop."""
BUDGET = 32 * 1024 * 1024
"""Bytes; more where single bodies may be very large."""
EACH = 4096
"""Bytes that a request under way costs beside its body, about."""
_MAGNITUDES = 32


class Body:
    """What has come of one body. It is whole unless there is a `cause` why it is not."""

    __slots__ = ("cause", "cost", "parts", "size", "until")

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.size = 0
        self.cost = 0
        self.cause: Cause | None = None
        self.until: asyncio.Timeout | None = None

    @property
    def content(self) -> bytes:
        return self.parts[0] if len(self.parts) == 1 else b"".join(self.parts)


class Bodies:
    """All bodies of one side of the server."""

    def __init__(self, limit: int) -> None:
        """`limit` is for one body."""
        self._limit = limit
        self._most = max(BUDGET, 8 * limit)
        # By the magnitude of what they cost, each in the order in which they came to cost as much.
        self._reading: tuple[dict[Body, None], ...] = tuple({} for _ in range(_MAGNITUDES))
        self._stopping = False
        self.held = 0
        """Bytes that all of them cost now."""

    def __len__(self) -> int:
        """How many are not whole yet."""
        return sum(map(len, self._reading))

    @contextmanager
    def one(self) -> Iterator[Body]:
        """A body, counted until the block ends: that is, until its request is answered."""
        body = Body()
        try:
            yield body
        finally:
            self._let_go(body)

    async def read(self, body: Body, receive: Receive) -> None:
        """Read it to its end, or until there is a cause to stop."""
        try:
            patience = WHEN_STOPPING if self._stopping else BODY_TIMEOUT
            async with asyncio.timeout(patience) as body.until:
                self._count(body, EACH)
                while body.cause is None:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        body.cause = Cause.CUT_SHORT
                        return
                    part = message.get("body", b"")
                    body.size += len(part)
                    if body.size > self._limit:
                        body.cause = Cause.TOO_LARGE
                        return
                    body.parts.append(part)
                    self._count(body, len(part))
                    if not message.get("more_body"):
                        return
        except TimeoutError:
            body.cause = body.cause or (Cause.STOPPING if self._stopping else Cause.TOO_SLOW)
        finally:
            self._reading[body.cost.bit_length()].pop(body, None)

    def stop(self) -> None:
        """Cut off those that are not whole, and have little patience from now on."""
        self._stopping = True
        for some in self._reading:
            for body in list(some):
                self._cut(body, Cause.STOPPING)

    def _count(self, body: Body, size: int) -> None:
        before, after = body.cost.bit_length(), (body.cost + size).bit_length()
        body.cost += size
        self.held += size
        if before != after:
            self._reading[before].pop(body, None)
            self._reading[after][body] = None
        while self.held > self._most and body.cause is None:
            largest = next(filter(None, reversed(self._reading)))
            self._cut(next(iter(largest)), Cause.NO_ROOM)

    def _cut(self, body: Body, cause: Cause) -> None:
        body.cause = cause
        self._reading[body.cost.bit_length()].pop(body, None)
        self._let_go(body)
        if cause is Cause.NO_ROOM:
            body.parts.clear()
        if body.until is not None:
            body.until.reschedule(asyncio.get_running_loop().time())

    def _let_go(self, body: Body) -> None:
        self.held -= body.cost
        body.cost = 0
