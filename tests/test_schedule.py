"""Periodic work: once for all processes, in each of them, and what becomes of a job that fails."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import Engine, select, update

from receiver.background.schedule import Schedule
from receiver.db.engine import writing
from receiver.models import JobState
from receiver.vocabulary.job import Job


@pytest.fixture
def engine(app: Flask) -> Engine:
    return app.extensions["receiver"].engine


def rows(engine: Engine) -> dict[str, JobState]:
    with engine.connect() as connection:
        return {row.name: row for row in connection.execute(select(JobState))}


def test_a_job_runs_once_for_all_processes_and_again_when_due(engine: Engine):
    ran: list[int] = []
    processes = [Schedule(engine, [Job("count", 3600, lambda n=n: ran.append(n))]) for n in range(3)]
    for process in processes:
        process.run_due()
    assert ran == [0]
    with writing(engine) as connection:
        connection.execute(update(JobState).values(due_at=datetime.now(UTC) - timedelta(seconds=1)))
    Schedule(engine, [Job("count", 3600, lambda: ran.append(9))]).run_due()
    assert ran == [0, 9]
    assert rows(engine)["count"].ran_at is not None


def test_a_job_for_every_process_runs_in_each(engine: Engine):
    ran: list[int] = []
    for n in range(3):
        Schedule(engine, [Job("look", 3600, lambda n=n: ran.append(n), everywhere=True)]).run_due()
    assert ran == [0, 1, 2]
    assert rows(engine) == {}


def test_a_job_that_fails_stops_no_other_and_its_words_stay_private(
    engine: Engine, caplog: pytest.LogCaptureFixture
):
    ran: list[str] = []

    def fail() -> None:
        raise ValueError("+6591234567 said hello")

    Schedule(engine, [Job("bad", 3600, fail), Job("good", 3600, lambda: ran.append("good"))]).run_due()
    assert ran == ["good"]
    assert rows(engine)["bad"].failure == "ValueError"
    assert "a job failed: job=bad error=ValueError" in caplog.text
    assert "6591234567" not in caplog.text


def test_stopping_waits_for_the_job_under_way(engine: Engine):
    begun, ended = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        ended.wait(5)

    schedule = Schedule(engine, [Job("slow", 3600, work, everywhere=True)])
    schedule.start()
    assert begun.wait(5)
    threading.Timer(0.1, ended.set).start()
    schedule.stop(5)
    assert ended.is_set()


def test_a_job_runs_although_the_clock_was_ahead_when_it_last_did(engine: Engine):
    ran: list[int] = []
    Schedule(engine, [Job("count", 60, lambda: ran.append(1))]).run_due()
    with writing(engine) as connection:
        connection.execute(update(JobState).values(due_at=datetime.now(UTC) + timedelta(days=200)))
    Schedule(engine, [Job("count", 60, lambda: ran.append(2))]).run_due()
    assert ran == [1, 2]
