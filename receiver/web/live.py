"""The live stream: events as they come, to any number of listeners, without a thread for any of them.

Nothing is kept for a listener but its place in the log. Who reads slowly therefore lags and costs nothing,
and who comes back with `Last-Event-ID` goes on where it stopped, in whichever process.
"""

from __future__ import annotations

import asyncio
import json
import signal
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

from flask import Response
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from receiver.logs.log import get_logger
from receiver.search.events import LARGEST_PAGE, EventLog, Tail, event_json
from receiver.search.masking import mask_event
from receiver.search.query import Search
from receiver.search.settled import settled_id

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

logger = get_logger(__name__)

LISTENING = "receiver.listening"
"""Key in the WSGI environment under which a server that can stream without a thread gets the wish."""
MOST_LISTENERS = 256
LOOK_EVERY = 0.1
"""Seconds between looks at the log, while somebody listens."""
HEARTBEAT = 5.0
"""Seconds of silence after which a comment shows that the stream still stands, through proxies too; and
between questions whether the listener may still listen."""
_AFTER_FAILURE = 1.0
_Result = TypeVar("_Result")
_BEAT = b": nothing new\n\n"
_HELLO = b"retry: 1000\n\n"
"""How many milliseconds a browser waits before it comes back."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What one listener wants, and the id of the last event it has seen."""

    wanted: Search
    position: int
    fields: tuple[str, ...] | None = None
    mask: bool = False
    allowed: Callable[[], bool] = lambda: True
    """Whether who asked may still listen; may block."""

    def encoded(self, found: Tail) -> bytes:
        """Its events as server-sent events."""
        return b"".join([self._encoded(event_json(event, raw=self._raw)) for event in found.events])

    @property
    def _raw(self) -> bool:
        return self.fields is not None and "raw" in self.fields

    def _encoded(self, shown: dict[str, object]) -> bytes:
        number = shown["id"]
        if self.fields is not None:
            shown = {name: shown[name] for name in self.fields if name in shown}
        if self.mask:
            shown = mask_event(shown)
        # JSON in ASCII has no line break, so one line of data is enough whatever is in the event.
        return f"id: {number}\nevent: event\ndata: {json.dumps(shown)}\n\n".encode()


class Stream(Response):
    """An answer that goes on for as long as somebody listens.

    Under a plain WSGI server a thread is held for it. A server that can do without sets `LISTENING` in the
    environment to a list, gets the wish there, and streams by itself.
    """

    automatically_set_content_length = False  # its length is not known, and never 0

    def __init__(self, log: EventLog, wish: Wish) -> None:
        super().__init__(mimetype="text/event-stream", headers={"Cache-Control": "no-store"})
        self.headers["X-Accel-Buffering"] = "no"  # a proxy that waits for more would wait for ever
        self._log = log
        self._wish = wish

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response(self.status, self.get_wsgi_headers(environ).to_wsgi_list())
        listening = environ.get(LISTENING)
        if listening is None:
            return self._here()
        listening.append(self._wish)
        return []

    def _here(self) -> Iterator[bytes]:
        position, silent_since = self._wish.position, time.monotonic()
        asked = silent_since
        yield _HELLO
        while True:
            if time.monotonic() - asked > HEARTBEAT:
                asked = time.monotonic()
                if not self._wish.allowed():
                    return
            try:
                found = self._log.after(self._wish.wanted, position, limit=LARGEST_PAGE)
            except SQLAlchemyError:
                found = Tail([], position)
            if found.events:
                yield self._wish.encoded(found)
            elif time.monotonic() - silent_since < HEARTBEAT:
                position = found.next
                time.sleep(LOOK_EVERY)
                continue
            else:
                yield _BEAT
            position, silent_since = found.next, time.monotonic()


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
        self._stopping: bool | None = None

    @property
    def full(self) -> bool:
        """Whether one more listener would be too many."""
        return self._listeners >= MOST_LISTENERS

    async def pieces(self, wish: Wish) -> AsyncGenerator[bytes, None]:
        """What to send to one listener; ends when the process is to stop."""
        self._listeners += 1
        if self._stopping is None:
            self._stop_on_signals()
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_on())
        try:
            yield _HELLO
            position, asked = wish.position, time.monotonic()
            while not self._stopping:
                grown = self._grown
                if time.monotonic() - asked >= HEARTBEAT:
                    asked = time.monotonic()
                    if not await self._in_thread(wish.allowed):
                        return
                if position < self._reach:
                    found = await self._read(wish.wanted, position)
                    if found.events:
                        yield wish.encoded(found)
                    elif found.next == position:
                        await asyncio.sleep(LOOK_EVERY)
                    position = found.next
                    continue
                try:
                    await asyncio.wait_for(grown.wait(), HEARTBEAT)
                except TimeoutError:
                    yield _BEAT
        finally:
            self._listeners -= 1

    def _stop_on_signals(self) -> None:
        """A server that is told to stop waits for its connections, and these would never end.

        It has its handlers already and says nothing to the application until then, so ours go before them.
        """
        self._stopping = False
        loop = asyncio.get_running_loop()
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            before = signal.getsignal(number)

            def stop(given: int, frame: FrameType | None, before: Any = before) -> None:
                loop.call_soon_threadsafe(self._stop)
                if callable(before):
                    before(given, frame)

            signal.signal(number, stop)

    def _stop(self) -> None:
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
            if reach > self._reach:
                self._reach = reach
                self._grown.set()
                self._grown = asyncio.Event()
            await asyncio.sleep(LOOK_EVERY)
        self._looking = None

    def _settled(self) -> int:
        with self._engine.connect() as connection:
            return settled_id(connection, self._reach)

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
