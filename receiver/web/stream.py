"""The live stream as a response, which the server's event loop takes over where there is one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterable, Iterator
from typing import TYPE_CHECKING

from flask import Response

from receiver import current
from receiver.web.listener import Listening
from receiver.web.live import Live

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

LISTENING = "receiver.listening"
"""Key in the WSGI environment: a list, in which a server that streams without a thread finds the wish."""


class Stream(Response):
    """An answer that goes on for as long as somebody listens.

    A server that can stream without a thread sets `LISTENING` in the environment to a list, finds the wish
    there, and runs it in its own loop. Under a plain WSGI server the same loop runs in the request's thread.
    """

    automatically_set_content_length = False  # its length is not known, and never 0

    def __init__(self, wish: Listening) -> None:
        super().__init__(mimetype="text/event-stream", headers={"Cache-Control": "no-store"})
        self.headers["X-Accel-Buffering"] = "no"  # a proxy that buffers would wait for ever
        self._engine, self._log = current.engine(), current.event_log()
        self._wish = wish

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response(self.status, self.get_wsgi_headers(environ).to_wsgi_list())
        listening = environ.get(LISTENING)
        if listening is None:
            return self._in_this_thread()
        listening.append(self._wish)
        return []

    def _in_this_thread(self) -> Iterator[bytes]:
        with contextlib.closing(Live(self._engine, self._log)) as live, asyncio.Runner() as runner:
            pieces = live.pieces(self._wish)
            while (piece := runner.run(_next(pieces))) is not None:
                yield piece


async def _next(pieces: AsyncGenerator[bytes, None]) -> bytes | None:
    return await anext(pieces, None)
