"""The ASGI side of the server: waiting costs no thread.

A callback's body is buffered here, so a caller that drips its bytes holds some memory for a while and never
a worker. The Flask view then runs on the event loop, where nothing in it blocks; what it returns is a `Held`
answer, whose commit is awaited. Everything private runs in threads, where it may block on the database.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from a2wsgi import WSGIMiddleware
from flask import Flask

from receiver.current import EXTENSION, Parts
from receiver.log.arrival import Arrival
from receiver.log.record import Ticket
from receiver.web.callbacks import HELD, accepts, status_for

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


BODY_TIMEOUT = 20.0
"""Seconds for a whole body. The provider's are a few hundred bytes."""
PRIVATE_THREADS = 16


class Gateway:
    """One ASGI application for callbacks and the rest of a Flask app."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._parts: Parts = app.extensions[EXTENSION]
        self._others = WSGIMiddleware(app.wsgi_app, workers=PRIVATE_THREADS)  # type: ignore[arg-type]
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: dict[Ticket, asyncio.Future[None]] = {}
        self._callbacks = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            path = scope["path"]
            if path.startswith("/callbacks/") and scope["method"] == "POST":
                await self._answer(scope, receive, send)
            else:
                await self._others(scope, receive, send)  # type: ignore[arg-type]

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._parts.schedule.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                timeout = self._parts.config.stop_timeout
                await asyncio.to_thread(self._parts.schedule.stop, 1.0)
                await asyncio.to_thread(self._parts.recorder.close, timeout)
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        config = self._parts.config
        # The key first: who has none makes us hold nothing.
        if not accepts(config, scope["path"].split("/")[2]):
            await _respond(send, 404)
            return
        if self._callbacks >= config.connection_limit:
            await _respond(send, 503)
            return
        self._callbacks += 1
        try:
            async with asyncio.timeout(BODY_TIMEOUT):
                body = await _body(receive, config.max_body_bytes)
            if body is None:
                await _respond(send, 413)
                return
            await _respond(send, await self._status(scope, body))
        except TimeoutError:
            await _respond(send, 503)
        except ConnectionError:
            return  # the caller went away before its callback was whole
        finally:
            self._callbacks -= 1

    async def _status(self, scope: Scope, body: bytes) -> int:
        held: list[Arrival] = []
        environ = _environ(scope, body)
        environ[HELD] = held
        status = 500

        def start_response(line: str, *_: Any) -> Callable[[bytes], object]:
            nonlocal status
            status = int(line[:3])
            return lambda _: None

        self._app.wsgi_app(environ, start_response)
        if not held:
            return status
        loop = asyncio.get_running_loop()
        self._loop = loop
        future = loop.create_future()
        ticket = self._parts.recorder.submit(held[0], self._settled)
        # Settled tickets come back through the loop, so this is in place before they do.
        self._waiting[ticket] = future
        await future
        return status_for(ticket.held)

    def _settled(self, tickets: list[Ticket]) -> None:
        """From the writer's thread; one wake-up of the loop for all that a commit settled."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake, tickets)

    def _wake(self, tickets: list[Ticket]) -> None:
        for ticket in tickets:
            future = self._waiting.pop(ticket, None)
            if future is not None and not future.done():
                future.set_result(None)


async def _body(receive: Receive, limit: int) -> bytes | None:
    """The whole body; None when it is larger than the limit, known at its last or first byte too many."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionAbortedError
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            return None
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


async def _respond(send: Send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


def _environ(scope: Scope, body: bytes) -> dict[str, Any]:
    """The WSGI environment of a request whose body is here already (PEP 3333)."""
    client, server = scope.get("client") or ("", 0), scope.get("server") or ("localhost", 80)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode("utf-8").decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": client[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        key = name.decode("latin-1").upper().replace("-", "_")
        if key == "CONTENT_TYPE":
            environ[key] = value.decode("latin-1")
        elif key not in {"CONTENT_LENGTH", "TRANSFER_ENCODING"}:
            environ[f"HTTP_{key}"] = value.decode("latin-1")
    return environ
