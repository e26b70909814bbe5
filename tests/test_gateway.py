"""The gateway as a server sees it: bodies that stall or are cut, and who asks whether it is ready."""

import asyncio
import json
import logging
import threading
from collections.abc import Awaitable, Callable, Sequence

import pytest
from conftest import API_TOKEN, KEY
from sqlalchemy import select

from receiver.intake.refusals import Cause
from receiver.models import EVENTS
from receiver.web import bodies, private
from receiver.web.api.openapi import document
from receiver.web.gateway import Gateway

PATH = f"/callbacks/{KEY}/sms"
METHODS = ["POST", "PUT", "GET", "REPORT"]


Headers = Sequence[tuple[bytes, bytes]]


class Caller:
    """One request: sends what it is told to, and keeps the answer."""

    def __init__(
        self, gateway: Gateway, method: str, path: str, query: bytes = b"", *, headers: Headers = ()
    ) -> None:
        self.read = 0
        self.sent: list[dict] = []
        self._messages: asyncio.Queue[dict] = asyncio.Queue()
        scope = {"type": "http", "method": method, "path": path, "query_string": query, "headers": headers}
        self.task = asyncio.ensure_future(gateway(scope, self._receive, self._send))

    def say(self, body: bytes, *, more: bool = True) -> None:
        self._messages.put_nowait({"type": "http.request", "body": body, "more_body": more})

    def leave(self) -> None:
        self._messages.put_nowait({"type": "http.disconnect"})

    async def status(self) -> int:
        await asyncio.wait_for(self.task, 10)
        return self.sent[0]["status"]

    async def _receive(self) -> dict:
        message = await self._messages.get()
        self.read += len(message.get("body", b""))
        return message

    async def _send(self, message: dict) -> None:
        self.sent.append(message)


@pytest.fixture
def run(app) -> Callable[[Callable[[Gateway], Awaitable[None]]], None]:
    def run(work: Callable[[Gateway], Awaitable[None]]) -> None:
        async def all_of_it() -> None:
            await work(Gateway(app))

        asyncio.run(all_of_it())

    return run


@pytest.mark.parametrize("method", METHODS)
def test_nothing_is_read_of_a_stranger_whatever_the_method_but_it_is_counted(
    run, app, client, caplog, method
):
    async def work(gateway: Gateway) -> None:
        caller = Caller(gateway, method, "/callbacks/somebody-elses-key/sms")
        caller.say(b"x" * 1000)
        assert await caller.status() == 404
        assert caller.read == 0

    run(work)
    metrics = client.get("/metrics", headers={"Authorization": f"Bearer {API_TOKEN}"}).text
    assert 'receiver_refused_callbacks_total{cause="unknown key"} 1.0' in metrics
    app.extensions["receiver"].refusals.tell()
    assert "unknown key" in caplog.text
    assert "somebody-elses-key" not in caplog.text + metrics


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", [PATH, "/login"])
def test_bodies_that_stall_make_room_for_those_that_do_not(run, monkeypatch, method, path, app):
    monkeypatch.setattr(bodies, "BUDGET", 16 * 64 * 1024)
    monkeypatch.setattr(private, "LARGEST_FORM", 64 * 1024)  # there is room for eight of the largest

    async def work(gateway: Gateway) -> None:
        gateway_limit = 8 * app.extensions["receiver"].config.max_body_bytes
        stalled = []
        for _ in range(40):
            caller = Caller(gateway, method, path)
            caller.say(b"msg=" + b"x" * 60_000)
            stalled.append(caller)
        while sum(caller.read for caller in stalled) < 40 * 60_004:
            await asyncio.sleep(0)
        honest = Caller(gateway, "POST", PATH)
        for _ in range(20):  # as many as there is room for come between its head and its body
            caller = Caller(gateway, method, path)
            caller.say(b"msg=" + b"x" * 60_000)
            stalled.append(caller)
        while sum(caller.read for caller in stalled) < 60 * 60_004:
            await asyncio.sleep(0)
        honest.say(b"txn_ref=AA-SI-1&msg=hello", more=False)
        assert await honest.status() == 200
        cut = [caller for caller in stalled if caller.task.done()]
        assert cut
        assert cut == stalled[: len(cut)]  # the oldest first
        assert {caller.sent[0]["status"] for caller in cut} == {503}
        assert (60 - len(cut)) * 60_000 <= max(bodies.BUDGET, gateway_limit)
        for caller in stalled[len(cut) :]:
            caller.leave()
        await asyncio.gather(*(caller.task for caller in stalled))

    run(work)


@pytest.mark.parametrize(
    ("cause", "status"), [(Cause.CUT_SHORT, 503), (Cause.TOO_SLOW, 503), (Cause.TOO_LARGE, 413)]
)
def test_what_is_refused_under_a_valid_key_is_counted_told_and_kept(
    run, app, client, *, monkeypatch, caplog, cause, status
):
    monkeypatch.setattr(bodies, "BODY_TIMEOUT", 0.05 if cause is Cause.TOO_SLOW else 20)

    async def work(gateway: Gateway) -> None:
        for number in range(2):
            caller = Caller(gateway, "POST", PATH)
            caller.say(b"txn_ref=AA-SI-%d&msg=hel" % number)
            if cause is Cause.CUT_SHORT:
                caller.leave()
            if cause is Cause.TOO_LARGE:
                caller.say(b"x" * 100_000)
            assert await caller.status() == status

    run(work)
    refusals = app.extensions["receiver"].refusals
    assert refusals.counted == {cause: 2}
    with caplog.at_level(logging.INFO):
        refusals.tell()
        refusals.tell()
    (line,) = caplog.records
    assert line.msg.fields == {"cause": str(cause), "count": 2}
    assert KEY not in caplog.text
    metrics = client.get("/metrics", headers={"Authorization": f"Bearer {API_TOKEN}"}).text
    assert f'receiver_refused_callbacks_total{{cause="{cause}"}} 2.0' in metrics
    with app.extensions["receiver"].engine.connect() as connection:
        rows = [tuple(row) for row in connection.execute(select(EVENTS.c.quarantine, EVENTS.c.text))]
    assert rows == ([] if cause is Cause.TOO_LARGE else [("cut short", "hel")] * 2)


@pytest.mark.parametrize(
    ("cause", "status", "code"),
    [
        (Cause.TOO_LARGE, 413, "request_entity_too_large"),
        (Cause.TOO_SLOW, 408, "request_timeout"),
        (Cause.STOPPING, 503, "unavailable"),
    ],
)
def test_a_program_is_told_in_the_usual_shape_why_its_body_is_refused(run, monkeypatch, cause, status, code):
    monkeypatch.setattr(bodies, "BODY_TIMEOUT", 0.0 if cause is Cause.TOO_SLOW else 20)
    monkeypatch.setattr(private, "LARGEST_FORM", 64 * 1024)

    async def work(gateway: Gateway) -> None:
        callers = [Caller(gateway, "POST", path) for path in ("/api/v1/spool/retry", "/account")]
        for caller in callers:
            caller.say(b"x" * (100_000 if cause is Cause.TOO_LARGE else 1))
        await asyncio.sleep(0)
        if cause is Cause.STOPPING:
            gateway._others.cut_off()
        assert [await caller.status() for caller in callers] == [status] * 2
        (start, body), (_, empty) = (caller.sent for caller in callers)
        assert json.loads(body["body"])["error"]["code"] == code
        assert (b"retry-after" in dict(start["headers"])) == (status == 503)
        assert empty["body"] == b""

    run(work)
    assert str(status) in document()["paths"]["/spool/retry"]["post"]["responses"]


def test_a_caller_that_leaves_without_a_word_leaves_nothing(run, app):
    async def work(gateway: Gateway) -> None:
        caller = Caller(gateway, "PUT", PATH)
        caller.leave()
        assert await caller.status() == 503

    run(work)
    assert app.extensions["receiver"].refusals.counted == {Cause.CUT_SHORT: 1}


def test_all_who_ask_at_once_are_told_by_one_probe(run, app, monkeypatch):
    recorder = app.extensions["receiver"].recorder
    probes, probe = [], recorder.probe_database
    monkeypatch.setattr(recorder, "probe_database", lambda: probes.append(1) or probe())

    async def work(gateway: Gateway) -> None:
        callers = [Caller(gateway, "GET", "/health/ready") for _ in range(64)]
        assert {await caller.status() for caller in callers} == {200}
        assert json.loads(callers[0].sent[1]["body"])["held_by"] == "database"
        assert await Caller(gateway, "GET", "/health/ready").status() == 200

    run(work)
    assert len(probes) == 1


def test_readiness_is_found_out_anew_once_a_callback_was_refused(app, monkeypatch):
    parts = app.extensions["receiver"]
    assert parts.readiness.find_out().database
    monkeypatch.setattr(parts.recorder, "_failing", True)
    assert parts.readiness.known() is None


def test_readiness_does_not_wait_for_pages(run, app):
    async def work(gateway: Gateway) -> None:
        loop, release = asyncio.get_running_loop(), threading.Event()
        for _ in range(64):
            loop.run_in_executor(gateway._others._threads, release.wait)
        try:
            assert await Caller(gateway, "GET", "/health/ready").status() == 200
        finally:
            release.set()

    run(work)
