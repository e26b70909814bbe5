"""The private side on the event loop: a thread is held only while Flask works on a request.

The body of a request is complete before a thread sees it, and the answer is sent without a thread. So callers
that read or write slowly hold some memory, bounded by the size of a body and of two pieces of an answer, but
none of the few threads. Listeners to the live stream hold none either. A caller that leaves in the middle of
an export ends it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import Flask

from receiver.current import EXTENSION, Parts
from receiver.intake.refusals import Cause
from receiver.logs.log import get_logger
from receiver.providers.answer import NOTHING, Answer
from receiver.web.answer import FlaskAnswer
from receiver.web.asgi import Receive, Scope, Send, environ_of, respond
from receiver.web.bodies import Bodies
from receiver.web.errors import API, RETRY_AFTER, TOO_LARGE, shape
from receiver.web.live import Live

logger = get_logger(__name__)

THREADS = 16
READER_PATIENCE = 600.0
"""Seconds for a caller to take the next piece of an answer before it is cut off."""
LISTENER_PATIENCE = 30.0
"""The same for a listener, which can come back and misses nothing."""

LARGEST_FORM = 2 << 20
"""Bytes of what a person uploads. Flask takes it only where a page asks for a file, and less elsewhere."""

_REFUSED = {
    Cause.TOO_LARGE: (413, "request_entity_too_large", TOO_LARGE),
    Cause.CUT_SHORT: (400, "bad_request", "the body ended early: send it again, whole"),
    Cause.TOO_SLOW: (408, "request_timeout", "the body took too long to arrive: send it again, faster"),
    Cause.NO_ROOM: (503, "unavailable", "too many large bodies arrive at once: try again"),
    Cause.STOPPING: (503, "unavailable", "this process is about to stop: try again"),
}
_NO_SEAT = (503, "unavailable", "too many listen to this process already: try again later")


class Private:
    """An ASGI application for everything of a Flask app that may block."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._parts: Parts = app.extensions[EXTENSION]
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="private")
        self._live = Live(self._parts.engine, self._parts.log)
        self._bodies = Bodies(max(self._parts.config.max_body_bytes, LARGEST_FORM))
        self._at_work = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._bodies.one() as body:
            await self._bodies.read(body, receive)
            if body.cause is not None:
                await _refuse(send, scope["path"], *_REFUSED[body.cause])
                return
            self._at_work += 1
            try:
                await self._answer(environ_of(scope, body.content), receive, send)
            finally:
                self._at_work -= 1

    @property
    def idle(self) -> bool:
        """Whether nobody is being answered."""
        return not self._at_work

    def leave(self) -> None:
        """Send listeners away; they come back to whoever serves then."""
        self._live.stop()

    def cut_off(self) -> None:
        """Wait no longer for bodies that are not whole."""
        self._bodies.stop()

    async def _answer(self, environ: dict[str, Any], receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._threads, FlaskAnswer, self._app, environ)
        if answer.whole and answer.wish is None:
            await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
            await send({"type": "http.response.body", "body": b"".join(answer.ready)})
            return
        gone = asyncio.ensure_future(_leaves(receive))
        try:
            await self._send(answer, send, gone, environ["PATH_INFO"])
        finally:
            gone.cancel()
            await loop.run_in_executor(self._threads, answer.close)

    async def _send(self, answer: FlaskAnswer, send: Send, gone: asyncio.Future[None], path: str) -> None:
        if answer.wish is not None and self._live.full:
            await _refuse(send, path, *_NO_SEAT)
            return
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})

        async def send_piece(piece: bytes) -> None:
            await send({"type": "http.response.body", "body": piece, "more_body": True})

        pieces = self._pieces(answer) if answer.wish is None else self._live.pieces(answer.wish)
        try:
            await _send_all(pieces, send_piece, gone, LISTENER_PATIENCE if answer.wish else READER_PATIENCE)
        except TimeoutError:
            return  # no proper end, so that the caller sees that something is missing
        except Exception as error:
            # Its message may contain what a caller sent. The answer has no proper end here either.
            logger.error("an answer broke off", error=type(error).__name__, request_id=answer.request_id)
            return
        finally:
            await pieces.aclose()
        if not gone.done():
            await send({"type": "http.response.body", "body": b""})

    async def _pieces(self, answer: FlaskAnswer) -> AsyncGenerator[bytes, None]:
        """Each piece is made while the previous one is sent, so that there are at most two in memory."""
        loop = asyncio.get_running_loop()
        piece: bytes | None
        first, piece = answer.ready
        answer.ready.clear()
        yield first
        del first
        while piece is not None:
            coming = loop.run_in_executor(self._threads, answer.next)
            try:
                yield piece
                piece = await coming
            finally:
                coming.cancel()  # so that one that failed already is not logged with words of the caller's


async def _refuse(send: Send, path: str, status: int, code: str, message: str) -> None:
    """Refuse what Flask never saw, as it would: a program is told why."""
    told = Answer("application/json", json.dumps(shape(code, message)).encode())
    retry_after = RETRY_AFTER if status == 503 else None
    await respond(send, status, told if path.startswith(API) else NOTHING, retry_after=retry_after)


async def _leaves(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_all(
    pieces: AsyncGenerator[bytes, None],
    send: Callable[[bytes], Awaitable[None]],
    gone: asyncio.Future[None],
    patience: float,
) -> None:
    """Send until the end or until the caller is gone; `TimeoutError` if it takes nothing for `patience`
    seconds."""
    while not gone.done():
        coming = asyncio.ensure_future(anext(pieces, None))
        await asyncio.wait((coming, gone), return_when=asyncio.FIRST_COMPLETED)
        if not coming.done():
            coming.cancel()
            await asyncio.wait((coming,))
            return
        piece = coming.result()
        if piece is None:
            return
        async with asyncio.timeout(patience):
            await send(piece)
