"""How many callbacks a second are kept, and how long does the slowest hundredth wait?

On SQLite and on PostgreSQL, each against the plain way (one ORM commit a request, 32 threads), and against a
view that does nothing behind the same server and gateway. 32 keep-alive connections, one process, a warm-up
that is not counted, a fresh database each time. Subjects take turns, so that a machine that changes its mood
changes it for all; figures are the median of the rounds.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from statistics import median

from bench import load
from bench.report import Report, say
from bench.service import (
    CALLBACK_KEY,
    BenchError,
    Database,
    Server,
    postgres_server,
    postgres_settings,
    postgresql,
    sqlite,
)

CONNECTIONS = 32
ROUNDS, WARM_UP = 3, 1_000
SQLITE_OVER_ORM, SQLITE_OVER_ORM_P99, SHARE_OF_EMPTY = 4.0, 10.0, 0.5
POSTGRESQL_OVER_ORM = 3.0
LONGEST_P99 = 25.0
"""Milliseconds."""

Make = Callable[[], AbstractContextManager[Database]]


@dataclass(frozen=True, slots=True)
class Subject:
    """One server on one database. `count` calls make a run of several seconds."""

    name: str
    make: Make
    words: tuple[str, ...] | None
    count: int
    path: str = "voice"


@dataclass(slots=True)
class Run:
    """What one run gave; `mismatched` counts references accepted and not stored once, or the reverse."""

    rate: float
    p50: float
    p99: float
    accepted: int
    failed: int
    mismatched: int


def run(quick: bool) -> Report:
    report = Report()
    server = postgres_server()
    subjects = _subjects(server)
    runs: dict[str, list[Run]] = {subject.name: [] for subject in subjects}
    rounds = 1 if quick else ROUNDS
    for number in range(rounds):
        for subject in subjects:
            taken = _measure(subject, count=subject.count // 5 if quick else subject.count)
            runs[subject.name].append(taken)
            say(
                f"round {number + 1} of {rounds}  {subject.name:<16}{taken.rate:>8,.0f}/s"
                f"  p50 {taken.p50:.1f} ms  p99 {taken.p99:.1f} ms"
            )
    report.figure("connections", CONNECTIONS)
    report.figure("rounds", rounds)
    for name, several in runs.items():
        report.figure(f"{name} callbacks/s", round(_rate(several)))
        report.figure(f"{name} p50 ms", median(taken.p50 for taken in several))
        report.figure(f"{name} p99 ms", _p99(several))
        report.figure(f"{name} accepted", sum(taken.accepted for taken in several))
        report.figure(f"{name} not answered 200", sum(taken.failed for taken in several))
    _hold_sqlite(report, runs)
    if server is None:
        report.skip(
            "postgresql", "no PostgreSQL server: set TEST_POSTGRES_URL to one where databases may be made"
        )
    else:
        report.figure("postgresql server", postgres_settings(server))
        _hold_postgresql(report, runs)
    for name, several in runs.items():
        if name != "empty":
            report.equal(f"{name} accepted and not stored once", sum(t.mismatched for t in several), 0)
    return report


def _subjects(server: str | None) -> list[Subject]:
    orm = ("bench.baselines", "orm", "{port}")
    subjects = [
        Subject("sqlite", sqlite, None, 30_000),
        Subject("sqlite orm", sqlite, orm, 8_000),
        Subject("empty", sqlite, ("bench.baselines", "empty", "{port}"), 40_000, "empty"),
    ]
    if server is not None:

        def make() -> AbstractContextManager[Database]:
            return postgresql(server)

        subjects += [
            Subject("postgresql", make, None, 30_000),
            Subject("postgresql orm", make, orm, 8_000),
        ]
    return subjects


def _measure(subject: Subject, *, count: int) -> Run:
    path = f"/callbacks/{CALLBACK_KEY}/{subject.path}"
    warm_up, measured = load.calls(path, WARM_UP), load.calls(path, count, first=WARM_UP)
    with subject.make() as database:
        server = Server.receiver(database) if subject.words is None else Server(database, *subject.words)
        with server:
            before = load.run(server.port, warm_up, connections=CONNECTIONS)
            result = load.run(server.port, measured, connections=CONNECTIONS)
            if not result.accepted:
                raise BenchError(f"{subject.name} took nothing: {dict(result.outcomes)}; {server.log()}")
        # The server was killed: what counts is what survives that.
        stored = database.stored()
    mismatched = 0
    if subject.name != "empty":
        accepted = before.accepted + result.accepted
        mismatched = _mismatched(accepted, before.unanswered + result.unanswered, stored)
    failed = sum(result.outcomes.values()) - result.outcomes["200"]
    return Run(result.rate, result.p50, result.p99, len(result.accepted), failed, mismatched)


def _mismatched(accepted: list[str], unanswered: list[str], stored: list[str]) -> int:
    doubled = len(stored) - len(set(stored))
    lost = set(accepted) - set(stored)
    # A callback whose answer never came may be stored or not; one that was refused may not.
    unexplained = set(stored) - set(accepted) - set(unanswered)
    return len(lost) + len(unexplained) + doubled


def _hold_sqlite(report: Report, runs: dict[str, list[Run]]) -> None:
    ours, plain, empty = runs["sqlite"], runs["sqlite orm"], runs["empty"]
    report.at_least("sqlite callbacks/s over orm", _rate(ours) / _rate(plain), SQLITE_OVER_ORM)
    report.at_least("sqlite orm p99 over ours", _p99(plain) / _p99(ours), SQLITE_OVER_ORM_P99)
    report.at_least("sqlite share of empty endpoint", _rate(ours) / _rate(empty), SHARE_OF_EMPTY)
    report.at_most("sqlite p99 ms", _p99(ours), LONGEST_P99)


def _hold_postgresql(report: Report, runs: dict[str, list[Run]]) -> None:
    ours, plain = runs["postgresql"], runs["postgresql orm"]
    report.at_least("postgresql callbacks/s over orm", _rate(ours) / _rate(plain), POSTGRESQL_OVER_ORM)
    report.at_most("postgresql p99 ms", _p99(ours), LONGEST_P99)


def _rate(several: list[Run]) -> float:
    return median(taken.rate for taken in several)


def _p99(several: list[Run]) -> float:
    return median(taken.p99 for taken in several)
