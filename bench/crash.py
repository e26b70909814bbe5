"""Is every callback answered 200 stored, and once, when SIGKILL ends the service at random moments?

Under load, on both databases, with a restart on what the kill left behind. In every fifth round a lock on
the log is held when the kill comes, so that callbacks are on their way into the spool; in another fifth the
lock was just released, so that they are on their way out of it.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterator, Sequence

from sqlalchemy import text

from bench.faults import Callers, Sent, compare, spooled, wait_for_empty_spool
from bench.report import Report, say
from bench.service import NO_POSTGRESQL, Database, Server, postgres_server, postgresql, sqlite
from receiver.db.engine import connect, writing

ROUNDS, QUICK_ROUNDS = 50, 3
LONGEST_KILL_DELAY = 0.6
FILLING, DRAINING, EVERY = 2, 3, 5
"""In each five rounds, the second and the third are about the spool."""
SHORT_DEADLINE = 0.2
"""Seconds; lets a round with a held lock reach the spool soon."""
HOLD = 0.8
DRAIN_TIMEOUT = 10.0


def run(quick: bool, *providers: str) -> Report:
    """Kill and restart on both databases."""
    report = Report()
    rounds = QUICK_ROUNDS if quick else ROUNDS
    with sqlite() as database:
        kill_often(report, database, rounds, providers)
    server = postgres_server()
    if server is None:
        report.skip("postgresql", NO_POSTGRESQL)
        return report
    with postgresql(server) as database:
        kill_often(report, database, rounds, providers)
    return report


def kill_often(
    report: Report, database: Database, rounds: int = QUICK_ROUNDS, providers: Sequence[str] = ()
) -> None:
    """So many kills under load, a last start, and the comparison.

    A few more if none came while the spool was being filled or drained.
    """
    sent: list[Sent] = []
    waiting: dict[int, list[int]] = {FILLING: [], DRAINING: []}
    number = 0
    while number < rounds or (number < rounds + 2 * EVERY and not all(map(any, waiting.values()))):
        number += 1
        sort = number % EVERY
        # Empty means the default, under which callbacks go straight into the database.
        database.environ["COMMIT_DEADLINE"] = str(SHORT_DEADLINE) if sort in waiting else ""
        with (
            Server.receiver(database) as server,
            Callers(server.port, pause=0, providers=providers) as callers,
        ):
            _kill(server, database, sort)
        sent += callers.sent
        if sort in waiting:
            waiting[sort].append(spooled(database))
        if number % 10 == 0 or number == rounds:
            say(f"{database.name}: {number} of {rounds} kills")
    with Server.receiver(database) as server:
        emptied = wait_for_empty_spool(database)
        server.stop()
    name = database.name
    report.figure(f"{name}: kills", number)
    report.figure(f"{name}: most in the spool after a kill", max(map(max, waiting.values())))
    report.figure(f"{name}: spool empty after last start (s)", emptied)
    for sort, doing in ((FILLING, "filled"), (DRAINING, "drained")):
        killed = sum(count > 0 for count in waiting[sort])
        # Without one, nothing was tried.
        report.at_least(f"{name}: kills while the spool was being {doing}", killed, 1)
    compare(sent, database).hold(report, f"{name}: ")


def _kill(server: Server, database: Database, sort: int) -> None:
    if sort == FILLING:
        with _held(database):
            time.sleep(random.uniform(2 * SHORT_DEADLINE, HOLD))
            server.kill()
        return
    if sort == DRAINING:
        with _held(database):
            time.sleep(HOLD)
        _wait_until_draining(database)
    else:
        time.sleep(random.uniform(0.02, LONGEST_KILL_DELAY))
    server.kill()


@contextlib.contextmanager
def _held(database: Database) -> Iterator[None]:
    """Nothing can be written to the log meanwhile."""
    engine = connect(database.url)
    try:
        with writing(engine) as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(text("LOCK TABLE events IN EXCLUSIVE MODE"))
            yield
    finally:
        engine.dispose()


def _wait_until_draining(database: Database) -> None:
    """Return when something has left the spool; without a drain, when it is given up."""
    until, most = time.monotonic() + DRAIN_TIMEOUT, 0
    while time.monotonic() < until:
        waits = spooled(database)
        if waits < most:
            return
        most = max(most, waits)
