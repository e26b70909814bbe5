"""Is every callback answered 200 stored, and once, when SIGKILL ends the service at random moments?

Under load, on both databases, with a restart on what the kill left behind. Every fifth round holds a lock on
the log while the server is killed, so that callbacks are on their way into the spool and, after the restart,
out of it.

The fault benches share what is below: callers that remember every answer, a look into the spool, and the
comparison of answers with what is stored.
"""

from __future__ import annotations

import contextlib
import http.client
import math
import random
import secrets
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from bench.report import Report, say
from bench.service import (
    ACCESS_TOKEN,
    CALLBACK_KEY,
    HOST,
    Database,
    Server,
    postgres_server,
    postgresql,
    sqlite,
)
from receiver import db
from receiver.db import writing
from receiver.hoiio.signature import HEADER, sign

ROUNDS, QUICK_ROUNDS = 50, 5
CALLERS = 16
REPEATED_EVERY = 10
"""Each tenth notification is sent twice."""
NO_ANSWER = 0
LONGEST_KILL_DELAY = 0.6
HELD_EVERY = 5
SHORT_DEADLINE = 0.2
"""Seconds; lets a round with a held lock reach the spool before the kill."""
SPOOL_TIMEOUT = 60.0


def run(quick: bool) -> Report:
    """Kill and restart on both databases."""
    report = Report()
    rounds = QUICK_ROUNDS if quick else ROUNDS
    with sqlite() as database:
        _kill_often(report, database, rounds)
    server = postgres_server()
    if server is None:
        report.skip("postgresql", "no server: set TEST_POSTGRES_URL to one where databases may be made")
        return report
    with postgresql(server) as database:
        _kill_often(report, database, rounds)
    return report


def _kill_often(report: Report, database: Database, rounds: int) -> None:
    sent: list[Sent] = []
    waited: list[int] = []
    for number in range(1, rounds + 1):
        delay = random.uniform(0.02, LONGEST_KILL_DELAY)
        held = number % HELD_EVERY == 0
        # Empty means the default, under which callbacks go straight into the database.
        database.environ["COMMIT_DEADLINE"] = str(SHORT_DEADLINE) if held else ""
        hold = _held(database) if held else contextlib.nullcontext()
        with Server.receiver(database) as server, Callers(server.port, pause=0) as callers, hold:
            time.sleep(delay + 2 * SHORT_DEADLINE if held else delay)
            server.kill()
        sent += callers.sent
        waited.append(spooled(database))
        if number % 10 == 0 or number == rounds:
            say(f"{database.name}: {number} of {rounds} kills")
    with Server.receiver(database) as server:
        emptied = wait_for_empty_spool(database)
        server.stop()
    tally = compare(sent, database)
    name = database.name
    report.figure(f"{name} kills", rounds)
    report.figure(f"{name} accepted", tally.accepted)
    report.figure(f"{name} unanswered at a kill", tally.unanswered)
    report.figure(f"{name} kills with callbacks in the spool", sum(count > 0 for count in waited))
    report.figure(f"{name} spool empty after last start (s)", emptied)
    report.at_least(f"{name} accepted", tally.accepted, rounds)  # nothing accepted, nothing lost
    report.at_least(f"{name} most in the spool after a kill", max(waited), 1)
    report.equal(f"{name} lost", tally.lost, 0)
    report.equal(f"{name} doubled", tally.doubled, 0)
    report.equal(f"{name} repeats counted wrongly", tally.repeats_wrong, 0)


@contextlib.contextmanager
def _held(database: Database) -> Iterator[None]:
    """Nothing can be written to the log meanwhile."""
    engine = db.connect(_with_driver(database.url))
    try:
        with writing(engine) as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(text("LOCK TABLE events IN EXCLUSIVE MODE"))
            yield
    finally:
        engine.dispose()


# What the fault benches share.


@dataclass(frozen=True, slots=True)
class Sent:
    """One callback and its answer; `status` is `NO_ANSWER` when the connection broke first."""

    reference: str
    at: float
    took: float
    status: int


class Callers:
    """Connections that send one callback after the other until the block ends, and remember all answers."""

    def __init__(self, port: int, *, pause: float, count: int = CALLERS) -> None:
        self._port = port
        self._pause = pause
        self._mark = secrets.token_hex(4)
        self._stop = threading.Event()
        self.sent: list[Sent] = []
        self._threads = [
            threading.Thread(target=self._call, args=(number,), daemon=True) for number in range(count)
        ]

    def __enter__(self) -> Callers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def between(self, start: float, end: float) -> list[Sent]:
        """What was sent from one moment to another."""
        return [sent for sent in list(self.sent) if start <= sent.at < end]

    def _call(self, caller: int) -> None:
        connection = http.client.HTTPConnection(HOST, self._port, timeout=30)
        number = 0
        while not self._stop.is_set():
            reference = f"AA-SI-{self._mark}-{caller}-{number}"
            for _ in range(2 if number % REPEATED_EVERY == 0 else 1):
                if self._post(connection, reference) == NO_ANSWER:
                    self._stop.wait(0.1)
                self._stop.wait(self._pause)
            number += 1
        connection.close()

    def _post(self, connection: http.client.HTTPConnection, reference: str) -> int:
        body = f"txn_ref={reference}&from=%2B6590000001&to=%2B6590000002&msg=hello+{reference}".encode()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            HEADER: sign(body, ACCESS_TOKEN),
        }
        at = time.monotonic()
        try:
            connection.request("POST", f"/callbacks/{CALLBACK_KEY}/sms", body, headers)
            answer = connection.getresponse()
            answer.read()
            status = answer.status
        except (OSError, http.client.HTTPException):
            connection.close()
            status = NO_ANSWER
        self.sent.append(Sent(reference, at, time.monotonic() - at, status))
        return status


def spooled(database: Database) -> int:
    """Callbacks that wait in the spool."""
    path = Path(database.environ["SPOOL_DIR"]) / "spool.db"
    if not path.exists():
        return 0
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as connection:
        query = "SELECT count(*) FROM arrivals WHERE set_aside IS NULL"
        return int(connection.execute(query).fetchone()[0])


def wait_for_empty_spool(database: Database) -> float:
    """Seconds until the spool became empty and stayed so for some looks; infinite when it did not."""
    started = time.monotonic()
    empty_since: float | None = None
    while (now := time.monotonic()) < started + SPOOL_TIMEOUT:
        if spooled(database):
            empty_since = None
        elif empty_since is None:
            empty_since = now
        elif now - empty_since > 0.5:
            return empty_since - started
        time.sleep(0.02)
    return math.inf


@dataclass(frozen=True, slots=True)
class Tally:
    """Answers against what is stored."""

    accepted: int
    unanswered: int
    lost: int
    """Callbacks answered 200 that are neither an event nor a repeat of one."""
    doubled: int
    """Stored more often than sent, or as more than one event."""
    repeats_wrong: int
    """Events whose count of repeats is not what was sent and answered."""


def compare(sent: Sequence[Sent], database: Database) -> Tally:
    """A callback without a 200 may be stored or not; one with it must be."""
    sends = Counter(one.reference for one in sent)
    accepted = Counter(one.reference for one in sent if one.status == 200)
    events: Counter[str] = Counter()
    counted: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    engine = db.connect(_with_driver(database.url))
    try:
        with engine.connect() as connection:
            for reference, repeats in connection.execute(text("SELECT txn_ref, repeats FROM events")):
                events[reference] += 1
                counted[reference] += repeats
            for (identity,) in connection.execute(text("SELECT identity FROM repeats")):
                kept[identity.partition("/")[0]] += 1
    finally:
        engine.dispose()
    lost = doubled = wrong = 0
    for reference in sends.keys() | events.keys():
        copies = events[reference] + kept[reference]
        lost += max(0, accepted[reference] - copies)
        doubled += max(0, copies - sends[reference], events[reference] - 1)
        fewest, most = max(0, accepted[reference] - 1), max(0, sends[reference] - 1)
        wrong += not (fewest <= counted[reference] <= most and counted[reference] == kept[reference])
    unanswered = sum(one.status == NO_ANSWER for one in sent)
    return Tally(accepted.total(), unanswered, lost, doubled, wrong)


def _with_driver(database_url: str) -> str:
    return database_url.replace("postgresql://", "postgresql+psycopg://", 1)
