"""The ASGI side of the server: waiting costs no thread.

A callback's body is buffered here, so a caller that drips its bytes holds some memory for a while and never
a worker: see `receiver.web.bodies`. The Flask view then runs on the event loop, where nothing in it blocks;
what it returns is a `HeldAnswer`, whose commit is awaited. Everything private runs in threads, where it may
block on the database: see `receiver.web.private`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from receiver.current import EXTENSION, Parts
from receiver.db.engine import Unreachable
from receiver.intake.readiness import Ready
from receiver.intake.refusals import Cause
from receiver.intake.ticket import Ticket
from receiver.keys.route import split_path
from receiver.logs.request import Answering
from receiver.providers.answer import NOTHING, Answer
from receiver.providers.here import CALLBACKS
from receiver.relay.need import work_is_needed
from receiver.vocabulary.job import Job
from receiver.web import health
from receiver.web.asgi import Receive, Scope, Send, closing, environ_of, respond
from receiver.web.bodies import Bodies, Body
from receiver.web.callbacks import BODY, HELD, WHOLE, HeldAnswer
from receiver.web.private import Private

START_PATIENCE = 3.0
"""Seconds at the start for the database to tell keys and switches; then their copies on disk have to do."""

OTHERS_PATIENCE = 3.0
"""Seconds for pages and exports that are under way when the process stops."""


class Gateway:
    """One ASGI application for callbacks and the rest of a Flask app."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._parts: Parts = app.extensions[EXTENSION]
        self._others = Private(app)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: dict[Ticket, asyncio.Future[None]] = {}
        self._bodies = Bodies(self._parts.config.max_body_bytes)
        self._probes = ThreadPoolExecutor(1, thread_name_prefix="readiness")
        self._probe: asyncio.Future[Ready] | None = None
        self._leaving = False
        self._reading: asyncio.Future[None] | None = None
        self._closing: asyncio.Future[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            if self._leaving:
                send = closing(send)
            path = scope["path"]
            if path.startswith(CALLBACKS):
                await self._answer(scope, receive, send)
            elif path == health.READY and scope["method"] == "GET":
                found = await self._ready()
                await respond(send, health.status_of(found), health.told(found, self._parts.integrity.known))
            else:
                await self._others(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._parts.recorder.start()
                # Before the first callback: what was said elsewhere may not be on this disk yet.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(START_PATIENCE):
                        await asyncio.gather(
                            _asked(self._parts.keys.serve), _asked(self._parts.rules.refresh)
                        )
                self._parts.schedule.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    def call_for_work(self, call: Callable[[], None]) -> None:
        """Call whenever there is something to do after the answer. To be said before the first request."""
        parts = self._parts

        def look() -> None:
            if work_is_needed(parts.config, parts.engine):
                call()

        parts.schedule.add(Job("call-for-work", 1, look, everywhere=True))

    def reread(self) -> None:
        """Read the rules again, in a thread."""
        self._reading = asyncio.get_running_loop().run_in_executor(None, self._parts.rules.reread)

    def leave(self) -> None:
        """Say with every answer from now on that its connection ends, and send listeners away."""
        self._leaving = True
        self._others.leave()

    async def finish(self) -> None:
        """Wait for accepted callbacks; for others a moment, and for bodies that are not whole not at all."""
        self._bodies.stop()
        self._others.cut_off()
        began = time.monotonic()

        def patient(seconds: float) -> bool:
            return time.monotonic() - began < seconds

        timeout = self._parts.config.stop_timeout
        while (self._waiting and patient(timeout)) or (not self._others.idle and patient(OTHERS_PATIENCE)):
            await asyncio.sleep(0.01)

    async def close(self) -> None:
        """Keep what was accepted; take no more. Whoever calls this first does it for all."""
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close())
        await self._closing

    async def _close(self) -> None:
        await asyncio.to_thread(self._parts.schedule.stop, 1.0)
        await asyncio.to_thread(self._parts.recorder.close, self._parts.config.stop_timeout)
        await asyncio.to_thread(self._parts.answering.close, 1.0)
        await asyncio.to_thread(self._parts.keys.leave)
        self._parts.refusals.tell()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The key first: who has none makes us hold nothing.
        if not self._parts.keys.knows(split_path(scope["path"])[0]):
            self._parts.refusals.counted[Cause.UNKNOWN_KEY] += 1
            await respond(send, 404)
            return
        with self._bodies.one() as body:
            await self._bodies.read(body, receive)
            if body.cause is None:
                await respond(send, *await self._answer_to(scope, body))
                return
            self._parts.refusals.counted[body.cause] += 1
            if body.cause is Cause.TOO_LARGE:
                await respond(send, 413)
                return
            if body.cause is not Cause.NO_ROOM and (body.size or scope["query_string"]):
                await self._answer_to(scope, body)
            # Kept or not, it is not all that was sent: whoever can send it again should.
            await respond(send, 503)

    async def _ready(self) -> Ready:
        """One probe for all who ask within a second, away from the threads that pages wait for."""
        known = self._parts.readiness.known()
        if known is not None:
            return known
        if self._probe is None or self._probe.done():
            loop = asyncio.get_running_loop()
            self._probe = loop.run_in_executor(self._probes, self._parts.readiness.find_out)
        return await asyncio.shield(self._probe)

    async def _answer_to(self, scope: Scope, body: Body) -> tuple[int, Answer]:
        held: list[HeldAnswer] = []
        content = body.content
        environ = environ_of(scope, content)
        environ[BODY], environ[HELD], environ[WHOLE] = content, held, body.cause is None
        status = 500

        def start_response(line: str, *_: Any) -> Callable[[bytes], object]:
            nonlocal status
            status = int(line[:3])
            return lambda _: None

        with Answering(environ):
            self._app.wsgi_app(environ, start_response)
            if not held:
                return status, NOTHING
            answer = held[0]
            loop = asyncio.get_running_loop()
            self._loop = loop
            future = loop.create_future()
            ticket = self._parts.recorder.submit(answer.arrival, self._settled)
        # Settled tickets come back through the loop, so this is in place before they do.
        self._waiting[ticket] = future
        if answer.patience is None:
            await future
        else:
            # Settled or not: its provider waits no longer.
            timer = loop.call_later(answer.patience, self._wake, [ticket])
            await future
            timer.cancel()
        return answer.given(ticket)

    def _settled(self, tickets: list[Ticket]) -> None:
        """From the writer's thread; one wake-up of the loop for all that a commit settled."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and with it whoever waited
                self._loop.call_soon_threadsafe(self._wake, tickets)

    def _wake(self, tickets: list[Ticket]) -> None:
        for ticket in tickets:
            future = self._waiting.pop(ticket, None)
            if future is not None and not future.done():
                future.set_result(None)


async def _asked(refresh: Callable[[], None]) -> None:
    """Have the database asked, in a thread; whether it can be or not."""
    with contextlib.suppress(SQLAlchemyError, Unreachable):
        await asyncio.to_thread(refresh)
