"""The private side as a server sees it: what is sent, when it is made, what is left when a caller goes."""

import asyncio
import gc
import logging
from collections.abc import Callable, Iterator

import pytest
from conftest import API_TOKEN
from flask import Flask, Response

from receiver.web.private import Private

WORDS = "+6591234567 wrote hello"


class Caller:
    """Asks for one path and keeps what is sent; leaves after `stays` pieces."""

    def __init__(self, app: Flask, path: str, *, stays: int = 1000) -> None:
        self.sent: list[dict] = []
        self.pieces: list[bytes] = []
        self.on_piece: Callable[[], None] = lambda: None
        self._private, self._path, self._stays = Private(app), path, stays

    def ask(self) -> None:
        asyncio.run(self._ask())

    async def _ask(self) -> None:
        self._left = asyncio.Event()
        self._asked = False
        scope = {
            **{"type": "http", "method": "GET", "path": self._path, "query_string": b""},
            "headers": [(b"authorization", f"Bearer {API_TOKEN}".encode())],
        }
        await self._private(scope, self._receive, self._send)

    async def _receive(self) -> dict:
        if self._asked:
            await self._left.wait()
            return {"type": "http.disconnect"}
        self._asked = True
        return {"type": "http.request", "body": b""}

    async def _send(self, message: dict) -> None:
        self.sent.append(message)
        if message.get("body"):
            self.pieces.append(message["body"])
            await asyncio.sleep(0.1)  # a thread that may make more would have by now
            self.on_piece()
        if len(self.pieces) >= self._stays:
            self._left.set()
            await asyncio.sleep(0.1)


class Streamed:
    """A stream at /streamed, with a count of the pieces made; `fails` is the number of one that cannot be."""

    def __init__(self, app: Flask, pieces: int, fails: int = 0) -> None:
        self.made, self.closed = 0, False
        self._pieces, self._fails = pieces, fails
        app.add_url_rule("/streamed", view_func=lambda: Response(self._made()))

    def _made(self) -> Iterator[bytes]:
        try:
            for number in range(1, self._pieces + 1):
                if number == self._fails:
                    raise RuntimeError(WORDS)
                self.made += 1
                yield b"%d;" % number
        finally:
            self.closed = True


def test_a_short_answer_is_sent_whole(app):
    caller = Caller(app, "/api/v1/events")
    caller.ask()
    start, body = caller.sent
    assert start["status"] == 200
    assert not body.get("more_body")
    assert dict(start["headers"])[b"content-length"] == str(len(body["body"])).encode()


def test_a_stream_is_made_one_piece_ahead(app):
    stream = Streamed(app, 6)
    caller, ahead = Caller(app, "/streamed"), []
    caller.on_piece = lambda: ahead.append(stream.made - len(caller.pieces))
    caller.ask()
    assert b"".join(caller.pieces) == b"1;2;3;4;5;6;"
    assert ahead == [1, 1, 1, 1, 1, 0]
    assert caller.sent[-1] == {"type": "http.response.body", "body": b""}
    assert stream.closed


def test_who_leaves_ends_the_stream(app):
    stream = Streamed(app, 1000)
    caller = Caller(app, "/streamed", stays=3)
    caller.ask()
    assert stream.closed
    assert stream.made <= 5
    assert caller.sent[-1]["body"] == b"3;"


@pytest.mark.parametrize("stays", [1000, 3], ids=["reads on", "leaves when it has failed already"])
def test_a_stream_that_breaks_has_no_end_and_its_error_keeps_quiet(app, caplog, stays):
    stream = Streamed(app, 9, fails=4)
    caller = Caller(app, "/streamed", stays=stays)
    with caplog.at_level(logging.DEBUG):
        caller.ask()
        gc.collect()
    assert caller.sent[-1]["body"] == b"3;"
    assert stream.closed
    assert WORDS not in caplog.text
