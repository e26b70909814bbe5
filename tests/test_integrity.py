"""What the daily look at the SQLite file found: who is told, and that callbacks are taken all the same."""

import contextlib
import os
import sqlite3
from pathlib import Path

import pytest
from conftest import KEY, make_config, payload, signed, started
from sqlalchemy import make_url, text
from test_console import signed_in
from test_metrics import scrape
from test_recorder import arrival

from receiver.access.scopes import Scope
from receiver.background.integrity import Integrity, keep, kept
from receiver.db.engine import connect, writing
from receiver.intake.arrival import event_row
from receiver.numbers import findings

SMS = payload("sms/documented")


@pytest.fixture
def config(tmp_path):
    return make_config(f"sqlite:///{tmp_path}/receiver.db", tmp_path, secret_key="a-secret-for-tests")


@pytest.fixture
def app(config):
    yield from started(config)


def jobs_of(app):
    return {job.name: job for job in app.extensions["receiver"].integrity.jobs()}


def fill(app) -> None:
    app.extensions["receiver"].writer.write([event_row(arrival(f"AA-SI-{at}")) for at in range(200)])


def spoil(app) -> None:
    """Overwrite a page that nobody reads or writes."""
    engine = app.extensions["receiver"].engine
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE spare (x)"))
        page = connection.scalar(text("SELECT rootpage FROM sqlite_master WHERE name = 'spare'"))
    engine.dispose()
    file = Path(make_url(str(engine.url)).database)
    with contextlib.closing(sqlite3.connect(file)) as log:
        log.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with file.open("r+b") as noise:
        noise.seek((page - 1) * 4096)
        noise.write(os.urandom(4096))


def whole(app) -> str | None:
    ready = app.test_client().get("/health/ready")
    assert (ready.status_code, ready.json["held_by"]) == (200, "database")
    return ready.json["file"]


def test_nothing_is_said_of_a_file_at_which_nobody_looked(app):
    jobs_of(app)["integrity-known"].run()
    assert whole(app) is None
    assert "receiver_database_damaged" not in scrape(app.test_client())


def test_a_file_that_is_whole_is_told_so(app):
    fill(app)
    jobs_of(app)["integrity"].run()
    assert whole(app) == "ok"
    assert scrape(app.test_client())["receiver_database_damaged"] == 0


def test_damage_is_told_everywhere_and_callbacks_are_taken(app, api):
    fill(app)
    client = signed_in(app, "olga", Scope.READ)
    spoil(app)
    jobs_of(app)["integrity"].run()
    assert whole(app) == "damaged"
    assert client.post(f"/callbacks/{KEY}/sms", data=SMS, headers=signed(SMS)).status_code == 200
    shown = scrape(app.test_client())
    assert shown["receiver_database_damaged"] == 1
    assert shown["receiver_findings{code=database-damaged,severity=error}"] == 1
    assert "The database file is damaged" in client.get("/").text
    assert [one["code"] for one in api("/findings")["findings"]] == ["database-damaged"]


def test_it_is_known_after_a_restart_and_after_the_next_look_at_the_account(app, config):
    fill(app)
    spoil(app)
    app.extensions["receiver"].schedule.run_due()
    with contextlib.closing(started(config)) as others:
        other = next(others)
        parts = other.extensions["receiver"]
        jobs_of(other)["integrity-known"].run()
        assert whole(other) == "damaged"
        parts.watch.look()
        assert "database-damaged" in [one.code for one in findings.read(parts.engine)]


def test_a_look_stops_when_too_much_is_written_meanwhile(app, monkeypatch):
    monkeypatch.setattr("receiver.db.integrity.MOST_GROWTH", -1)
    monkeypatch.setattr("receiver.db.integrity._LOOKS_AT_GROWTH", 0)
    parts = app.extensions["receiver"]
    with writing(parts.engine) as connection:
        connection.execute(text("CREATE TABLE spare (x)"))
        counted = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 300000)"
        connection.execute(text(f"INSERT INTO spare {counted} SELECT x FROM n"))
    parts.schedule.run_due()
    jobs_of(app)["integrity-known"].run()
    assert whole(app) is None
    shown = scrape(app.test_client())
    assert shown["receiver_job_failing{job=integrity}"] == 1
    assert "receiver_database_damaged" not in shown
    told = app.test_cli_runner().invoke(args=["doctor"]).output
    assert "not looked at to the end" in " ".join(told.split())


def test_the_doctor_takes_back_what_is_no_longer_so(app):
    engine = app.extensions["receiver"].engine
    keep(engine, "as it was before it was recovered")
    app.test_cli_runner().invoke(args=["doctor"])
    assert kept(engine) == ()
    jobs_of(app)["integrity-known"].run()
    assert whole(app) is None


def test_postgresql_looks_after_itself():
    assert Integrity(connect("postgresql+psycopg://nobody@127.0.0.1:1/none")).jobs() == ()
