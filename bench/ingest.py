"""How many callbacks a second are kept, and how long does the slowest hundredth wait?

On SQLite and on PostgreSQL, beside the plain ways of keeping a callback and a view that does nothing behind
the same server. 32 keep-alive connections, a warm-up that is not counted, a fresh database each time.
Subjects take turns in rounds, so that a machine that changes its mood changes it for all: figures are the
median of the rounds, and ratios the median of each round's ratio.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from statistics import median

from bench import callbacks, load
from bench.baselines import express_app
from bench.processes import machine_cpu_seconds, processes
from bench.report import Report, say
from bench.service import (
    HOST,
    NO_POSTGRESQL,
    BenchError,
    Database,
    Server,
    postgres_server,
    postgres_settings,
    postgresql,
    sqlite,
)

CONNECTIONS = 32
ROUNDS, QUICK_ROUNDS = 5, 1
QUICK_PAIRS = 3
"""Rounds of the short form for two providers: one alone says nothing of their ratio."""
FASTEST = 9_000
"""Callbacks a second that are made ready before a run."""

SQLITE_OVER_ORM, SQLITE_OVER_ORM_P99, SQLITE_OVER_EXPRESS, SHARE_OF_EMPTY = 4.0, 10.0, 1.5, 0.5
POSTGRESQL_OVER_ORM, POSTGRESQL_OVER_FASTAPI = 3.0, 1.0
SHARE_OF_USUAL = 0.9
"""Of the rate of the usual provider's callbacks, what those of another have to reach."""
LONGEST_P99 = 25.0
"""Milliseconds."""
BUSY = 0.9
"""Share of a core's time above which it is what limits."""

Make = Callable[[], AbstractContextManager[Database]]
Serve = Callable[[Database], Server]


@dataclass(frozen=True, slots=True)
class Length:
    """How long a run takes, in seconds: first what does not count, then what does."""

    warm_up: float
    seconds: float

    @property
    def calls(self) -> int:
        """How many callbacks are made ready for it."""
        return int(FASTEST * self.warm_up) + int(FASTEST * self.seconds)


FULL, QUICK = Length(warm_up=2.0, seconds=6.0), Length(warm_up=0.5, seconds=1.5)


@dataclass(frozen=True, slots=True)
class Subject:
    """One server on one database."""

    name: str
    make: Make
    serve: Serve
    under: str = callbacks.PATH
    keeps: bool = True
    provider: str = callbacks.USUAL


@dataclass(frozen=True, slots=True)
class Cores:
    """How many cores were busy meanwhile: with the server, PostgreSQL, the load, and anything at all."""

    server: float
    postgresql: float
    load: float
    all: float

    @property
    def others(self) -> float:
        """Company on this machine, which the figures pay for."""
        return max(0.0, self.all - self.server - self.postgresql - self.load)


@dataclass(frozen=True, slots=True)
class Run:
    """What one run gave; `mismatched` counts references accepted and not stored once, or the reverse."""

    rate: float
    p50: float
    p99: float
    accepted: int
    failed: int
    mismatched: int
    cores: Cores


def run(quick: bool, provider: str = callbacks.USUAL) -> Report:
    """The service beside others; of another provider, its callbacks beside the usual ones."""
    report = Report()
    if provider != callbacks.USUAL:
        return _compare(report, provider, quick)
    subjects = _subjects(report)
    runs = _in_turns(report, subjects, QUICK_ROUNDS if quick else ROUNDS, quick)
    _hold_sqlite(report, runs)
    if "postgresql" in runs:
        _hold_postgresql(report, runs)
    _hold_stored(report, subjects, runs)
    return report


def _compare(report: Report, provider: str, quick: bool) -> Report:
    """One service takes both providers' callbacks, in turns."""
    makes: list[tuple[str, Make]] = [("sqlite", sqlite)]
    if server := postgres_server():
        makes.append(("postgresql", lambda: postgresql(server)))
    else:
        report.skip("postgresql", NO_POSTGRESQL)
    pairs = [
        (
            Subject(f"{name} {callbacks.USUAL}", make, Server.receiver),
            Subject(f"{name} {provider}", make, Server.receiver, provider=provider),
        )
        for name, make in makes
    ]
    subjects = [subject for pair in pairs for subject in pair]
    runs = _in_turns(report, subjects, QUICK_PAIRS if quick else ROUNDS, quick)
    for usual, other in pairs:
        share = _ratio(runs[other.name], runs[usual.name])
        for subject in (usual, other):
            spent = median(taken.cores.server / taken.rate for taken in runs[subject.name])
            report.figure(f"{subject.name}: processor time of a callback (µs)", round(spent * 1e6))
        report.at_least(f"{other.name}: share of {callbacks.USUAL}'s rate", share, SHARE_OF_USUAL, timed=True)
    _hold_stored(report, subjects, runs)
    return report


def _in_turns(report: Report, subjects: list[Subject], rounds: int, quick: bool) -> dict[str, list[Run]]:
    runs: dict[str, list[Run]] = {subject.name: [] for subject in subjects}
    for number in range(rounds):
        # Whoever comes next finds the disk busy with what the one before it wrote.
        for subject in subjects if number % 2 == 0 else reversed(subjects):
            taken = measure(subject, QUICK if quick else FULL)
            runs[subject.name].append(taken)
            say(
                f"round {number + 1} of {rounds}  {subject.name:<24}{taken.rate:>8,.0f}/s"
                f"  p50 {taken.p50:.1f} ms  p99 {taken.p99:.1f} ms"
            )
    report.figure("connections", CONNECTIONS)
    report.figure("rounds", rounds)
    others = median(taken.cores.others for several in runs.values() for taken in several)
    report.figure("cores busy with anything else", others)
    for name, several in runs.items():
        describe(report, name, several)
    return runs


def _hold_stored(report: Report, subjects: list[Subject], runs: dict[str, list[Run]]) -> None:
    for subject in subjects:
        if subject.keeps:
            mismatched = sum(taken.mismatched for taken in runs[subject.name])
            report.equal(f"{subject.name}: accepted and not stored once", mismatched, 0)


def _subjects(report: Report) -> list[Subject]:
    subjects = [
        Subject("empty", sqlite, _flask("empty"), under=f"{callbacks.PATH}/empty", keeps=False),
        Subject("sqlite", sqlite, Server.receiver),
        Subject("sqlite orm", sqlite, _flask("orm")),
        Subject("sqlite fastapi", sqlite, _fastapi),
    ]
    try:
        express_app.install()
        subjects.append(Subject("sqlite express", sqlite, express_app.express))
    except express_app.CannotInstall as error:
        report.skip("sqlite express", str(error))
    server = postgres_server()
    if server is None:
        report.skip("postgresql", NO_POSTGRESQL)
        return subjects
    report.figure("postgresql server", postgres_settings(server))

    def make() -> AbstractContextManager[Database]:
        return postgresql(server)

    return [
        *subjects,
        Subject("postgresql", make, Server.receiver),
        Subject("postgresql orm", make, _flask("orm")),
        Subject("postgresql fastapi", make, _fastapi),
        Subject("postgresql 2 processes", make, lambda database: Server.receiver(database, workers=2)),
    ]


def _flask(name: str) -> Serve:
    return lambda database: Server(
        database, sys.executable, "-m", "bench.baselines.flask_apps", name, "{port}"
    )


def _fastapi(database: Database) -> Server:
    return Server(
        database,
        *(sys.executable, "-m", "uvicorn", "--factory", "bench.baselines.fastapi_app:app"),
        *("--host", HOST, "--port", "{port}", "--loop", "uvloop", "--http", "httptools"),
        *("--no-access-log", "--log-level", "warning"),
    )


def measure(subject: Subject, length: Length) -> Run:
    """One run on a fresh database. The server is killed at its end: what counts is what survives that."""
    with subject.make() as database:
        with subject.serve(database) as server:
            early, result, cores = put_under_load(
                server, length, under=subject.under, provider=subject.provider
            )
            if not result.accepted:
                raise BenchError(f"{subject.name} took nothing: {dict(result.outcomes)}; {server.log()}")
        stored = database.stored() if subject.keeps else early.accepted + result.accepted
    mismatched = mismatches([early, result], stored)
    failed = result.outcomes.total() - result.outcomes["200"]
    return Run(result.rate, result.p50, result.p99, len(result.accepted), failed, mismatched, cores)


def put_under_load(
    server: Server,
    length: Length,
    *,
    first: int = 0,
    under: str = callbacks.PATH,
    provider: str = callbacks.USUAL,
) -> tuple[load.Result, load.Result, Cores]:
    """A warm-up and then what counts, with callbacks numbered from `first`."""
    calls = callbacks.calls(length.calls, first, under=under, provider=provider)
    warm_up = int(FASTEST * length.warm_up)
    early = load.run(server.port, calls[:warm_up], seconds=length.warm_up, connections=CONNECTIONS)
    before = _work(server)
    started = time.perf_counter()
    result = load.run(server.port, calls[warm_up:], seconds=length.seconds, connections=CONNECTIONS)
    passed = time.perf_counter() - started
    after = _work(server)
    return early, result, Cores(*((now - then) / passed for now, then in zip(after, before, strict=True)))


def _work(server: Server) -> tuple[float, float, float, float]:
    """CPU seconds so far, in the order of `Cores`."""
    ours = sum(process.cpu_seconds for process in server.processes())
    database = sum(process.cpu_seconds for process in processes() if process.name.startswith("postgres"))
    return ours, database, time.process_time(), machine_cpu_seconds()


def mismatches(results: list[load.Result], stored: list[str]) -> int:
    """Callbacks accepted and not stored, stored twice, or stored though nobody was told so."""
    accepted, unanswered, kept = Counter[str](), Counter[str](), Counter(stored)
    for result in results:
        accepted.update(result.accepted)
        # A callback whose answer never came may be stored or not; one that was refused may not.
        unanswered.update(result.unanswered)
    return (accepted - kept).total() + (kept - accepted - unanswered).total()


def describe(report: Report, name: str, several: list[Run]) -> None:
    """The figures of one subject."""
    report.figure(f"{name}: callbacks/s", round(_rate(several)))
    report.figure(f"{name}: p50 ms", median(taken.p50 for taken in several))
    report.figure(f"{name}: p99 ms", _p99(several))
    report.figure(f"{name}: accepted", sum(taken.accepted for taken in several))
    report.figure(f"{name}: not answered 200", sum(taken.failed for taken in several))


def _hold_sqlite(report: Report, runs: dict[str, list[Run]]) -> None:
    ours, plain = runs["sqlite"], runs["sqlite orm"]
    report.at_least("sqlite: callbacks/s over orm", _ratio(ours, plain), SQLITE_OVER_ORM, timed=True)
    slower = median(theirs.p99 / mine.p99 for theirs, mine in zip(plain, ours, strict=True))
    report.at_least("sqlite: orm's p99 over ours", slower, SQLITE_OVER_ORM_P99, timed=True)
    if "sqlite express" in runs:
        over = _ratio(ours, runs["sqlite express"])
        report.at_least("sqlite: callbacks/s over express", over, SQLITE_OVER_EXPRESS, timed=True)
    report.reported("sqlite: callbacks/s over fastapi", _ratio(ours, runs["sqlite fastapi"]))
    share = _ratio(ours, runs["empty"])
    report.at_least("sqlite: share of the empty endpoint", share, SHARE_OF_EMPTY, timed=True)
    report.at_most("sqlite: p99 ms", _p99(ours), LONGEST_P99, timed=True)


def _hold_postgresql(report: Report, runs: dict[str, list[Run]]) -> None:
    ours, two = runs["postgresql"], runs["postgresql 2 processes"]
    over_orm, over_fastapi = _ratio(ours, runs["postgresql orm"]), _ratio(ours, runs["postgresql fastapi"])
    report.at_least("postgresql: callbacks/s over orm", over_orm, POSTGRESQL_OVER_ORM, timed=True)
    report.at_least("postgresql: callbacks/s over fastapi", over_fastapi, POSTGRESQL_OVER_FASTAPI, timed=True)
    report.reported("postgresql: share of the empty endpoint", _ratio(ours, runs["empty"]))
    report.at_most("postgresql: p99 ms", _p99(ours), LONGEST_P99, timed=True)
    report.reported("postgresql: 2 processes over 1", _ratio(two, ours))
    report.figure("postgresql: 1 process, limited by", _limit(ours, 1))
    report.figure("postgresql: 2 processes, limited by", _limit(two, 2))


def _limit(several: list[Run], service_processes: int) -> str:
    """What there would have to be more of, with how the cores were used."""
    cores = os.cpu_count() or 1
    used = Cores(*(median(getattr(taken.cores, name) for taken in several) for name in Cores.__slots__))
    if used.all >= BUSY * cores:
        limit = "the machine's cores"
    elif used.server >= BUSY * service_processes:
        limit = "the one core that a Python process can use"
    else:
        limit = "waiting for commits"
    spread = f"service {used.server:.2f}, postgresql {used.postgresql:.2f}, load {used.load:.2f}"
    return f"{limit}; busy: {used.all:.2f} of {cores} cores ({spread})"


def _ratio(ours: list[Run], theirs: list[Run]) -> float:
    return median(mine.rate / other.rate for mine, other in zip(ours, theirs, strict=True))


def _rate(several: list[Run]) -> float:
    return median(taken.rate for taken in several)


def _p99(several: list[Run]) -> float:
    return median(taken.p99 for taken in several)
