"""How many events a second are delivered, how soon, at what price for callbacks, and is none lost?

On SQLite and on PostgreSQL, by the real processes: `receiver serve` with the `receiver work` that it starts,
and a server on this machine that takes deliveries in a process of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from statistics import median

from bench import callbacks, paced, relay_archive, relay_faults
from bench.relay_parts import Work, add_target, fill, judged, lines, p95, waits
from bench.report import Report, say
from bench.service import NO_POSTGRESQL, BenchError, Database, Server, postgres_server, postgresql, sqlite
from bench.taker import HANG, Taker

LEAST_RATE = 500
MOST_OVER_WITHOUT, MOST_WAIT, MOST_OVER_ALONE = 1.5, 250, 1.2
IDLE_RATE = 1 / 0.15
BESIDE_RATE = 50
SETTLED = 60.0
"""Seconds at most until all is delivered."""

Make = Callable[[], AbstractContextManager[Database]]


@dataclass(frozen=True, slots=True)
class Length:
    """How much of each part."""

    filled: int
    rounds: int
    seconds: float
    idle: int
    kills: int
    documents: int


FULL = Length(filled=10_000, rounds=5, seconds=10.0, idle=200, kills=50, documents=10_000)
QUICK = Length(filled=1_000, rounds=1, seconds=2.0, idle=10, kills=3, documents=30)


def run(quick: bool) -> Report:
    report = Report()
    length = QUICK if quick else FULL
    report.figure("rounds", length.rounds)
    for make in _databases(report):
        _deliver(report, make, length)
        _price(report, make, length)
        _idle(report, make, length)
        _beside_one_that_hangs(report, make, length)
        with make() as database:
            relay_faults.kill_often(report, database, length.kills)
    relay_faults.try_hostile(report)
    with sqlite() as database:
        relay_archive.archive(report, database, length.documents)
    return report


def _databases(report: Report) -> list[Make]:
    server = postgres_server()
    if server is None:
        report.skip("postgresql", NO_POSTGRESQL)
        return [sqlite]
    return [sqlite, lambda: postgresql(server)]


def _deliver(report: Report, make: Make, length: Length) -> None:
    for ordered in (False, True):
        with make() as database, Taker() as taker:
            add_target(database, taker.url(), ordered=ordered)
            fill(database, callbacks.notifications(length.filled))
            with Work(database):
                taker.wait_for(length.filled, SETTLED)
            receipts = taker.receipts()
            told = judged(receipts, lines(database))
        passed = receipts[-1].at - receipts[0].at if len(receipts) > 1 else float("inf")
        rate = (len(receipts) - 1) / passed
        name = f"{database.name}: deliveries/s{', in order' if ordered else ''}"
        say(f"{name} {rate:,.0f}")
        report.at_least(name, round(rate), LEAST_RATE, timed=True)
        report.equal(f"{name}: not delivered", told.missing, 0)
        report.equal(f"{name}: out of order", told.disordered if ordered else 0, 0)


def _price(report: Report, make: Make, length: Length) -> None:
    ratios, alone = [], []
    missing = 0
    for number in range(length.rounds):
        with make() as database:
            before = _under_load(database, length.seconds)
        with make() as database, Taker() as taker:
            add_target(database, taker.url())
            now = _under_load(database, length.seconds, taker)
            missing += judged(taker.receipts(), lines(database)).missing
        ratios.append(now / before)
        alone.append(before)
        say(f"{database.name}: round {number + 1}: p99 {now:.1f} ms with deliveries, {before:.1f} ms without")
    name = database.name
    report.figure(f"{name}: p99 of callbacks at {LEAST_RATE}/s without deliveries (ms)", median(alone))
    over = f"{name}: p99 of callbacks with {LEAST_RATE} deliveries/s over that without"
    report.at_most(over, median(ratios), MOST_OVER_WITHOUT, timed=True)
    report.equal(f"{name}: not delivered meanwhile", missing, 0)


def _under_load(database: Database, seconds: float, taker: Taker | None = None) -> float:
    """The p99 of callbacks; with a server that takes deliveries, until it has them."""
    with Server.receiver(database) as server:
        _warm_up(server, taker)
        calls = callbacks.calls(int(LEAST_RATE * seconds), 1_000)
        result = paced.send(server.port, calls, LEAST_RATE)
        if (accepted := len(result.accepted)) < len(calls):
            raise BenchError(f"{accepted} of {len(calls)} callbacks were accepted; {server.log()}")
        if taker is not None:
            taker.wait_for(_WARM_UP + len(calls), SETTLED)
    return result.p99


_WARM_UP = 100


def _warm_up(server: Server, taker: Taker | None) -> None:
    """Callbacks that do not count, until the first were delivered: the process that delivers starts too."""
    paced.send(server.port, callbacks.calls(_WARM_UP), 200)
    if taker is None:
        time.sleep(2)
    elif not taker.wait_for(_WARM_UP, SETTLED):
        raise BenchError(f"nothing is delivered; {server.log()}")


def _idle(report: Report, make: Make, length: Length) -> None:
    with make() as database, Taker() as taker:
        add_target(database, taker.url())
        with Server.receiver(database) as server:
            _warm_up(server, taker)
            result = paced.send(server.port, callbacks.calls(length.idle, _WARM_UP), IDLE_RATE)
            taker.wait_for(_WARM_UP + length.idle, SETTLED)
        took = waits(result.accepted, taker.receipts(), database)
    say(f"{database.name}: idle, p95 {p95(took):.0f} ms")
    report.figure(f"{database.name}: answered to delivered, idle, p50 (ms)", median(took))
    report.at_most(
        f"{database.name}: answered to delivered, idle, p95 (ms)", p95(took), MOST_WAIT, timed=True
    )


def _beside_one_that_hangs(report: Report, make: Make, length: Length) -> None:
    ratios = []
    for number in range(length.rounds):
        alone, beside = (_beside(make, length.seconds, hanging=hanging) for hanging in (False, True))
        ratios.append(p95(beside) / p95(alone))
        say(f"round {number + 1}: p95 {p95(beside):.0f} ms beside one that hangs, {p95(alone):.0f} ms alone")
    with make() as database:
        name = f"{database.name}: p95 beside a target that hangs over that alone"
    report.at_most(name, median(ratios), MOST_OVER_ALONE, timed=True)


def _beside(make: Make, seconds: float, *, hanging: bool) -> list[float]:
    with make() as database, Taker() as taker, Taker() as other:
        add_target(database, taker.url())
        if hanging:
            add_target(database, other.url(HANG), "hanging")
        with Server.receiver(database) as server:
            _warm_up(server, taker)
            calls = callbacks.calls(int(BESIDE_RATE * seconds), _WARM_UP)
            result = paced.send(server.port, calls, BESIDE_RATE)
            taker.wait_for(_WARM_UP + len(calls), SETTLED)
        return waits(result.accepted, taker.receipts(), database)
