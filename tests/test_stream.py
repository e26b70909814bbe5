"""The live stream's one loop, under the gateway and under a plain WSGI server."""

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from conftest import API_TOKEN, KEY, make_config, signed, started
from flask import Flask

from receiver.web import live
from receiver.web.private import Private

HEARTBEAT = 0.5
BEAT = b": nothing new\n\n"
HEADERS = {"Authorization": f"Bearer {API_TOKEN}"}
STREAM = "/api/v1/events/stream"


def headers(last: str | None) -> dict[str, str]:
    return HEADERS if last is None else HEADERS | {"Last-Event-ID": last}


Served = Callable[[Flask, str, float], list[tuple[float, bytes]]]
"""Listens for so many seconds with this query; gives each piece and when it came."""


@pytest.fixture
def app(tmp_path, monkeypatch) -> Iterator[Flask]:
    """The stream asks for nothing that differs between databases."""
    monkeypatch.setattr(live, "HEARTBEAT", HEARTBEAT)
    yield from started(make_config(f"sqlite:///{tmp_path}/receiver.db", tmp_path))


def under_gateway(
    app: Flask, query: str, seconds: float, last: str | None = None
) -> list[tuple[float, bytes]]:
    heard: list[tuple[float, bytes]] = []

    async def listen() -> None:
        left, asked = asyncio.Event(), False

        async def receive() -> dict:
            nonlocal asked
            if asked:
                await left.wait()
                return {"type": "http.disconnect"}
            asked = True
            return {"type": "http.request", "body": b""}

        async def send(message: dict) -> None:
            if message.get("body"):
                heard.append((time.monotonic(), message["body"]))

        asyncio.get_running_loop().call_later(seconds, left.set)
        scope = {
            **{"type": "http", "method": "GET", "path": STREAM, "query_string": query.encode()},
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers(last).items()],
        }
        await Private(app)(scope, receive, send)

    asyncio.run(listen())
    return heard


def under_wsgi(app: Flask, query: str, seconds: float, last: str | None = None) -> list[tuple[float, bytes]]:
    heard: list[tuple[float, bytes]] = []
    until = time.monotonic() + seconds
    with app.test_client().get(f"{STREAM}?{query}", headers=headers(last), buffered=False) as answer:
        for piece in answer.response:
            heard.append((time.monotonic(), piece))
            if time.monotonic() > until:
                break
    return heard


both_servers = pytest.mark.parametrize("listen", [under_gateway, under_wsgi])


@pytest.fixture
def busy(app: Flask) -> Iterator[None]:
    """SMS arrive all the time."""
    over = threading.Event()

    def arrive() -> None:
        client, count = app.test_client(), 0
        while not over.wait(HEARTBEAT / 10):
            count += 1
            body = b"txn_ref=AA-SI-%d&from=%%2B6591110001&to=%%2B16500000001&msg=hello" % count
            client.post(f"/callbacks/{KEY}/sms", data=body, headers=signed(body))

    thread = threading.Thread(target=arrive)
    thread.start()
    yield
    over.set()
    thread.join()


@both_servers
@pytest.mark.usefixtures("busy")
def test_who_waits_for_something_else_hears_that_the_stream_stands(app: Flask, listen: Served):
    begun = time.monotonic()
    heard = listen(app, "kind=fax", 4 * HEARTBEAT)
    assert {piece for _, piece in heard[1:]} == {BEAT}
    times = [begun, *(when for when, _ in heard)]
    longest = max(later - earlier for earlier, later in itertools.pairwise(times))
    assert longest < 2 * HEARTBEAT


@both_servers
@pytest.mark.usefixtures("busy")
def test_who_hears_events_hears_no_heartbeat_besides(app: Flask, listen: Served):
    heard = [piece for _, piece in listen(app, "kind=sms&fields=id", 2 * HEARTBEAT)]
    assert len(heard) > 5
    assert all(piece.startswith(b"id: ") for piece in heard[1:])


def send(app: Flask, *references: str) -> None:
    for reference in references:
        data = {"txn_ref": reference, "from": "+6591110001", "to": "+6560000001", "msg": "hello"}
        assert app.test_client().post(f"/callbacks/{KEY}/sms", data=data).status_code == 200


@both_servers
@pytest.mark.parametrize(("query", "ids"), [("after=3&", [b"4", b"5"]), ("", [])])
def test_a_place_that_the_log_has_not_reached_is_told_and_begun_again(app, listen: Served, query, ids):
    send(app, *(f"AA-{at}" for at in range(5)))
    heard = [piece for _, piece in listen(app, f"{query}fields=id", HEARTBEAT, "26") if piece != BEAT]
    start = 3 if query else 5
    assert heard[1].decode() == (f'id: {start}\nevent: reset\ndata: {{"unknown": 26, "start": {start}}}\n\n')
    assert [line[4:] for piece in heard[2:] for line in piece.splitlines() if line.startswith(b"id: ")] == ids
    # Who has seen the last one is told nothing.
    assert [piece for _, piece in listen(app, "", HEARTBEAT / 2, "5") if b"event" in piece] == []


@pytest.mark.parametrize("last", ["26a", "-1", "٣", "99999999999999999999", "1.5"])
def test_a_place_that_is_none_is_an_error(app, last):
    answer = app.test_client().get(
        STREAM, headers={**HEADERS, "Last-Event-ID": last.encode().decode("latin-1")}
    )
    assert answer.status_code == 400
    assert answer.json["error"]["message"].startswith("Last-Event-ID: must be the id of an event")
