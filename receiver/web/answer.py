"""What Flask answers to one request, piece by piece, for a server that sends it without a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask

from receiver.logs.request import Answering, request_id
from receiver.web.listener import Listening
from receiver.web.stream import LISTENING


class FlaskAnswer:
    """What Flask answers to one request. Made in a thread; a short answer is then complete and closed."""

    def __init__(self, app: Flask, environ: dict[str, Any]) -> None:
        listening: list[Listening] = []
        environ[LISTENING] = listening
        self.status = 500
        self.headers: list[tuple[bytes, bytes]] = []
        self._environ = environ
        self.request_id = request_id(environ)
        with Answering(environ):
            self._pieces = app.wsgi_app(environ, self._start)
        self._left: Iterator[bytes] | None = iter(self._pieces)
        self._busy = threading.Lock()
        self.ready = [piece for piece in (self.next(), self.next()) if piece is not None]
        self.wish = listening[0] if listening else None
        self.whole = self._left is None
        if self.whole:
            self.close()

    def next(self) -> bytes | None:
        """One more piece; None at the end."""
        with self._busy, Answering(self._environ):
            piece = None if self._left is None else next(self._left, None)
            if piece is None:
                self._left = None
            return piece

    def close(self) -> None:
        """Release what the answer is made from, at its end or before."""
        # The caller may leave while the next piece is being made.
        with self._busy, Answering(self._environ):
            self._left = None
            if hasattr(self._pieces, "close"):
                self._pieces.close()

    def _start(self, line: str, headers: list[tuple[str, str]], *_: Any) -> Callable[[bytes], object]:
        self.status = int(line[:3])
        self.headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        return lambda _: None
