"""Are callbacks answered 200 while PostgreSQL is away, and all in it soon after its return?

It goes away under load, twice: stopped, so that it refuses, and frozen, so that it says nothing.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from bench.faults import CALLERS, Callers, compare, spooled, wait_for_empty_spool
from bench.load import percentile
from bench.postgres import Postgres
from bench.report import Report, say
from bench.service import Database, Server, folder
from config import Config

SECONDS, QUICK_SECONDS = 15.0, 3.0
PAUSE = 0.03
"""Seconds each caller waits between callbacks: some 500 a second in all."""
DEADLINE = float(Config.model_fields["commit_deadline"].default)
SLACK = 1.0


@dataclass(frozen=True, slots=True)
class _Outage:
    name: str
    start: float
    end: float
    waiting: int
    """Callbacks in the spool when the database returned."""
    emptied: float
    """Seconds from then until there was none."""

    @property
    def length(self) -> float:
        return self.end - self.start


def run(quick: bool, *providers: str) -> Report:
    """Both outages under one server process, one after the other."""
    report = Report()
    if (reason := Postgres.missing()) is not None:
        report.skip("outage", reason)
        return report
    length = QUICK_SECONDS if quick else SECONDS
    report.figure("callers", CALLERS)
    outages: list[_Outage] = []
    with Postgres() as postgres, folder() as own:
        database = Database("postgresql", postgres.url, own)
        database.migrate()
        with Server.receiver(database) as server:
            with Callers(server.port, pause=PAUSE, providers=providers) as callers:
                time.sleep(1)
                for name, take_away, bring_back in (
                    ("stopped", postgres.stop, postgres.start),
                    ("frozen", postgres.freeze, postgres.resume),
                ):
                    say(f"PostgreSQL {name} for {length:g} s")
                    start = time.monotonic()
                    take_away()
                    time.sleep(length)
                    bring_back()
                    end = time.monotonic()
                    waiting = spooled(database)
                    outages.append(_Outage(name, start, end, waiting, wait_for_empty_spool(database)))
                    time.sleep(1)
            wait_for_empty_spool(database)
            server.stop()
        tally = compare(callers.sent, database)  # while that server is there
    for outage in outages:
        _judge(report, outage, callers)
    report.equal("answers other than 200", sum(one.status != 200 for one in callers.sent), 0)
    tally.hold(report)
    return report


def _judge(report: Report, outage: _Outage, callers: Callers) -> None:
    # Only now have all callbacks of that time got their answers, the slowest too. Those that came while the
    # spool was drained count: they waited behind it.
    over = outage.end + (outage.emptied if math.isfinite(outage.emptied) else 0.0)
    times = sorted(one.took for one in callers.between(outage.start, over))
    name = outage.name
    report.figure(f"{name}: away (s)", outage.length)
    report.figure(f"{name}: callbacks until the spool was empty", len(times))
    report.figure(f"{name}: longest answer (s)", percentile(times, 1))
    report.at_least(f"{name}: in the spool at its return", outage.waiting, 1)  # else nothing was tried
    report.at_most(f"{name}: p99 of answers (s)", percentile(times, 0.99), DEADLINE + SLACK, timed=True)
    report.at_most(
        f"{name}: spool empty after its return (s)", outage.emptied, round(outage.length, 1), timed=True
    )
