"""What should hold callbacks hangs, and says nothing: no answer comes too late for its provider, and none is
a false 200."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlencode

import databases
import frozen
import pytest
import requests
from arrivals import arrival
from conftest import API_TOKEN, KEY, make_config, started
from sqlalchemy import select
from test_console import signed_in
from test_gateway import Caller
from test_serve import Service, post
from waiting import until

from bench.postgres import Postgres
from receiver.access.scopes import Scope
from receiver.db import asking
from receiver.intake import drain, recorder
from receiver.intake.refusals import Cause
from receiver.intake.spool import SpoolError
from receiver.keys import stored
from receiver.models import EVENTS
from receiver.providers.twilio import provider as twilio
from receiver.providers.twilio.answers import SENTENCE
from receiver.web.gateway import Gateway

pytestmark = pytest.mark.slow
PATIENCE = 0.3
"""Seconds in a test for what takes longer with others."""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def place(request, tmp_path: Path, monkeypatch):
    """An application whose database and spool can be frozen, and what freezes and thaws both."""
    monkeypatch.setattr(twilio, "PATIENCE", PATIENCE)
    monkeypatch.setattr(recorder, "MOMENT", PATIENCE)
    monkeypatch.setattr(drain, "LOOK_AT_SPOOL", PATIENCE)
    monkeypatch.setattr(asking, "PATIENCE", PATIENCE)
    with ExitStack() as stack:
        disk = stack.enter_context(frozen.disk(tmp_path))
        stop, go_on = disk.freeze, disk.thaw
        if request.param == "sqlite":
            url = databases.new_file(disk.folder / "receiver.db")
        elif request.param == "database elsewhere":
            url = databases.new_file(tmp_path / "receiver.db")
        else:
            if (reason := Postgres.missing()) is not None:
                pytest.skip(reason)
            server = stack.enter_context(Postgres())
            databases.migrate(server.url)
            url = server.url.replace("postgresql://", "postgresql+psycopg://")

            def stop() -> None:
                server.freeze()
                disk.freeze()

            def go_on() -> None:
                disk.thaw()
                server.resume()

        account = {"twilio_account_sid": "AC" + "1" * 32, "twilio_auth_token": "a token of the account"}
        spool = {"spool_dir": disk.folder / "spool", "commit_deadline": 0.1}
        applications = started(make_config(url, tmp_path, **account, **spool, secret_key="k" * 32))
        stack.callback(lambda: next(applications, None))
        app = next(applications)
        stack.callback(go_on)
        yield app, stop, go_on


def ring(gateway: Gateway, session: str) -> Caller:
    """A call that begins, by the provider that reads answers."""
    caller = Caller(gateway, "POST", f"/callbacks/{KEY}/twilio/voice", headers=FORM)
    about = {"CallSid": session, "From": "+6591234567", "To": "+6561234567", "CallStatus": "ringing"}
    caller.say(urlencode(about).encode(), more=False)
    return caller


FORM = [(b"content-type", b"application/x-www-form-urlencoded")]


def kept(app, session: str) -> list[int]:
    """How often each event of a call came again."""
    with app.extensions["receiver"].engine.connect() as connection:
        return list(connection.scalars(select(EVENTS.c.repeats).where(EVENTS.c.session == session)))


def test_nothing_is_answered_too_late_or_falsely_while_all_hangs(place):
    app, stop, go_on = place
    parts = app.extensions["receiver"]

    async def work() -> None:
        server = Gateway(app)
        assert await ring(server, "CA1").status() == 200
        stop()
        patient = Caller(server, "POST", f"/callbacks/{KEY}/hoiio/sms")
        patient.say(b"txn_ref=AA-SI-1&msg=hello", more=False)
        began = time.monotonic()
        assert {await ring(server, "CA2").status() for _ in range(3)} == {503}
        assert time.monotonic() - began < 3 * PATIENCE + 1
        assert await Caller(server, "GET", "/health/ready").status() == 503
        assert not patient.task.done()  # nobody knows that its provider has gone
        go_on()
        assert await patient.status() == 200
        while await Caller(server, "GET", "/health/ready").status() != 200:
            await asyncio.sleep(0.05)
        again = ring(server, "CA2")
        assert await again.status() == 200
        assert again.sent[1]["body"] == SENTENCE.body
        until(lambda: kept(app, "CA2") == [3])
        await server.close()

    asyncio.run(work())
    assert parts.refusals.counted == {Cause.NOT_HELD: 3}


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_server_that_spends_a_thread_gives_up_too(place):
    app, stop, go_on = place
    about = {"CallSid": "CA3", "From": "+6591234567", "To": "+6561234567", "CallStatus": "ringing"}
    stop()
    answer = app.test_client().post(f"/callbacks/{KEY}/twilio/voice", data=about)
    go_on()
    assert (answer.status_code, answer.data) == (503, b"")
    assert app.extensions["receiver"].refusals.counted == {Cause.NOT_HELD: 1}
    until(lambda: kept(app, "CA3") == [0])


@pytest.mark.parametrize("place", ["database elsewhere"], indirect=True)
def test_the_database_takes_callbacks_while_the_spool_hangs(place):
    """For good: the thread that writes never waits for that disk."""
    app, stop, go_on = place
    parts = app.extensions["receiver"]
    parts.spool.prove()
    until(lambda: parts.readiness.find_out().spool)
    stop()
    until(lambda: not parts.readiness.find_out().spool)
    began = time.monotonic()
    while time.monotonic() - began < 2 * PATIENCE:  # so the spool was looked at meanwhile
        assert parts.recorder.take(arrival("AA-SI-1"), 1).held
    assert parts.readiness.find_out().held_by == "database"
    go_on()
    until(lambda: parts.readiness.find_out().spool)


@pytest.mark.parametrize("place", ["database elsewhere"], indirect=True)
def test_pages_metrics_and_jobs_go_on_while_the_spool_hangs(place):
    app, stop, go_on = place
    parts = app.extensions["receiver"]
    visitor, bearer = signed_in(app, "olga", Scope.OPERATE), {"Authorization": f"Bearer {API_TOKEN}"}
    fingerprint = stored.make(parts.engine)
    stop()
    began = time.monotonic()
    until(lambda: "receiver_spool_up 0.0" in visitor.get("/metrics", headers=bearer).text)
    assert visitor.get("/").status_code == 200
    assert visitor.get("/spool").status_code == 503
    with pytest.raises(SpoolError, match="does not answer"):
        parts.admission.count()
    parts.keys.run()
    assert time.monotonic() - began < 20 * PATIENCE
    secret = parts.keys.secret_of(fingerprint)
    go_on()
    until(lambda: "receiver_spool_up 1.0" in visitor.get("/metrics", headers=bearer).text)
    until(lambda: secret in (parts.config.spool_dir / "keys.json").read_text())


def test_it_serves_by_the_database_while_the_spool_hangs(tmp_path):
    with frozen.disk(tmp_path) as disk:
        url, spool = databases.new_file(tmp_path / "receiver.db"), str(disk.folder / "spool")
        service = Service(url, tmp_path, SPOOL_DIR=spool)
        disk.freeze()
        try:
            service.start_program()
            assert post(service, "txn_ref=AA-SI-1&msg=x") == 200
            assert requests.get(f"{service.url}/health/ready", timeout=5).json()["spool"] == "failing"
        finally:
            disk.thaw()
            ended = service.stop()
    said = service.log.read_text()
    assert ended == 0
    assert "only the database takes callbacks" in said
    assert "its disk hangs" in said
