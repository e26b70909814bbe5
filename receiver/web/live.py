"""The live stream: events as they come, to any number of listeners, without a thread for any of them.

All that is kept of a listener is its place in the log. One that reads slowly lags behind and costs nothing.
One that comes back with `Last-Event-ID` goes on where it stopped, in whichever process.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from receiver.db.settled import settled_id
from receiver.logs.log import get_logger
from receiver.search.events import LARGEST_PAGE, EventLog, Tail
from receiver.search.query import Search
from receiver.web.listener import Listening

logger = get_logger(__name__)

MOST_LISTENERS = 256
LOOK_EVERY = 0.1
"""Seconds between looks at the log, while somebody listens."""
HEARTBEAT = 5.0
"""Seconds without an event after which a comment shows, through proxies too, that the stream still stands;
and seconds between checks that the listener may go on listening."""
_AFTER_FAILURE = 1.0
_Result = TypeVar("_Result")
_BEAT = b": nothing new\n\n"
_HELLO = b"retry: 1000\n\n"
"""How many milliseconds a browser waits before it comes back."""


class Live:
    """All listeners of one process, behind one look at the log."""

    def __init__(self, engine: Engine, log: EventLog) -> None:
        self._engine = engine
        self._log = log
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="live")
        self._listeners = 0
        self._reach = 0
        self._grown = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        self._reads: dict[tuple[Search, int], asyncio.Future[Tail]] = {}
        self._stopping = False

    @property
    def full(self) -> bool:
        """Whether one more listener would be too many."""
        return self._listeners >= MOST_LISTENERS

    async def pieces(self, wish: Listening) -> AsyncGenerator[bytes, None]:
        """What to send to one listener; ends when it may not listen any more, or when the process stops."""
        self._listeners += 1
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_on())
        try:
            yield _HELLO
            position = wish.position
            spoke = asked = time.monotonic()
            while not self._stopping:
                grown = self._grown  # before the log's reach is compared, so that no growth is missed
                if time.monotonic() - asked >= HEARTBEAT:
                    asked = time.monotonic()
                    if not await self._in_thread(wish.allowed):
                        return
                if position > self._reach and (start := await self._start(wish, position)) is not None:
                    yield wish.begun_again(position, start)
                    position, spoke = start, time.monotonic()
                found = await self._read(wish.wanted, position) if position < self._reach else None
                if found is not None and found.events:
                    yield wish.encoded(found)
                    spoke = time.monotonic()
                elif time.monotonic() - spoke >= HEARTBEAT:
                    yield _BEAT
                    spoke = time.monotonic()
                if found is None:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(grown.wait(), spoke + HEARTBEAT - time.monotonic())
                    continue
                if found.next == position:
                    await asyncio.sleep(LOOK_EVERY)
                position = found.next
        finally:
            self._listeners -= 1

    def close(self) -> None:
        """Let the thread go that reads the log."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def stop(self) -> None:
        """End all streams: they would keep the process from stopping. Listeners come back by themselves."""
        self._stopping = True
        self._grown.set()

    async def _look_on(self) -> None:
        look: Callable[[], int] = self._log.newest_id
        while self._listeners:
            try:
                reach = await self._in_thread(look)
            except Exception as error:
                logger.error("cannot look for new events", error=type(error).__name__)
                await asyncio.sleep(_AFTER_FAILURE)
                continue
            look = self._settled
            if reach != self._reach:
                self._reach = reach
                self._grown.set()
                self._grown = asyncio.Event()
            await asyncio.sleep(LOOK_EVERY)
        self._looking = None

    def _settled(self) -> int:
        with self._engine.connect() as connection:
            settled = settled_id(connection, self._reach)
        return settled if settled > self._reach or self._log.reached(settled) else self._log.newest_id()

    async def _start(self, wish: Listening, position: int) -> int | None:
        """Where a listener begins again; None if the log has reached its position."""
        try:
            return await self._in_thread(partial(self._looked_for, wish.start, position))
        except SQLAlchemyError:
            return None  # asked again once the log is seen to grow

    def _looked_for(self, start: int | None, position: int) -> int | None:
        if self._log.reached(position):
            return None
        return start if start is not None and self._log.reached(start) else self._log.newest_id()

    async def _read(self, wanted: Search, position: int) -> Tail:
        """One step; listeners who want the same from the same place at the same moment share it."""
        key = wanted, position
        read = self._reads.get(key)
        if read is None:
            read = self._in_thread(partial(self._log.after, wanted, position, limit=LARGEST_PAGE))
            self._reads[key] = read
            read.add_done_callback(lambda _: self._reads.pop(key, None))
        try:
            return await asyncio.shield(read)
        except SQLAlchemyError:
            await asyncio.sleep(_AFTER_FAILURE)
            return Tail([], position)

    def _in_thread(self, work: Callable[[], _Result]) -> asyncio.Future[_Result]:
        return asyncio.get_running_loop().run_in_executor(self._thread, work)
