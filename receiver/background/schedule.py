"""Runs periodic jobs: each at its interval, in one process for all of them or in every one.

Each process has two threads: the jobs that every process runs for itself are quick and must be on time, while
those that run once for all may take minutes. Neither touches the receive path: a job that fails or hangs
delays other jobs only.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from receiver.db.engine import writing
from receiver.logs.log import get_logger
from receiver.models import JobState
from receiver.vocabulary.job import Job

logger = get_logger(__name__)

_CLOCKS_APART = timedelta(minutes=1)
"""How far the clocks of two machines may be apart without a job running more often."""


class Schedule:
    """Runs jobs in a thread until it is stopped."""

    def __init__(self, engine: Engine, jobs: Sequence[Job]) -> None:
        self._engine = engine
        self._jobs = list(jobs)
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._next: dict[str, float] = {}

    def add(self, job: Job) -> None:
        """One more, before it is started."""
        self._jobs.append(job)

    def start(self) -> None:
        for everywhere in (True, False):
            jobs = [job for job in self._jobs if job.everywhere is everywhere]
            thread = threading.Thread(target=self._run, args=(jobs,), name="schedule", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self, timeout: float) -> None:
        """Begin no further job; wait that many seconds for the one that is running."""
        self._stop.set()
        until = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def run_due(self) -> None:
        """Run what is due now, in this thread."""
        self._run_due(self._jobs)

    def _run_due(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            now = time.monotonic()
            if self._stop.is_set() or self._next.get(job.name, 0.0) > now:
                continue
            self._next[job.name] = now + job.every
            try:
                if job.everywhere:
                    job.run()
                elif self._claim(job):
                    self._run_claimed(job)
            except Exception as error:
                # The words of an error may hold a number or a text.
                logger.error("a job failed", job=job.name, error=type(error).__name__)

    def _run(self, jobs: Sequence[Job]) -> None:
        while jobs and not self._stop.is_set():
            self._run_due(jobs)
            soonest = min(self._next.get(job.name, 0.0) for job in jobs)
            self._stop.wait(max(0.05, soonest - time.monotonic()))

    def _claim(self, job: Job) -> bool:
        """Whether it is due for all processes, and this one moved the due time on."""
        now = datetime.now(UTC)
        due = now + timedelta(seconds=job.every)
        try:
            with writing(self._engine) as connection:
                known = connection.scalar(select(JobState.name).where(JobState.name == job.name))
                if known is None:
                    connection.execute(insert(JobState).values(name=job.name, due_at=due))
                    return True
                moved = connection.execute(
                    update(JobState)
                    .where(
                        JobState.name == job.name,
                        # Later than it was ever set: the clock was ahead when it was, and has been put right.
                        (JobState.due_at <= now) | (JobState.due_at > due + _CLOCKS_APART),
                    )
                    .values(due_at=due)
                )
                return moved.rowcount == 1
        except IntegrityError:
            return False  # another process wrote the first row at the same moment

    def _run_claimed(self, job: Job) -> None:
        failure: str | None = None
        try:
            job.run()
        except Exception as error:
            failure = type(error).__name__
            raise
        finally:
            with writing(self._engine) as connection:
                connection.execute(
                    update(JobState)
                    .where(JobState.name == job.name)
                    .values(ran_at=datetime.now(UTC), failure=failure)
                )
