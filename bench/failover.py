"""Is all that was answered 200 on the standby that takes over, when PostgreSQL's server dies under load?

The standby is synchronous, the service is given both servers in one DATABASE_URL.
"""

from __future__ import annotations

import time

from bench.faults import CALLERS, Callers, compare, spooled, wait_for_empty_spool
from bench.load import percentile
from bench.outage import DEADLINE, PAUSE, SLACK
from bench.postgres import Postgres
from bench.report import Report, say
from bench.service import HOST, Database, Server, folder

ROUNDS, SECONDS, AWAY = 4, 5.0, 3.0
"""Rounds, seconds of load before the server dies, seconds until the standby is promoted."""
QUICK_ROUNDS, QUICK_SECONDS, QUICK_AWAY = 1, 1.0, 1.0
DRAINED_WITHIN = 15.0


def run(quick: bool) -> Report:
    """Each round with two servers of its own."""
    report = Report()
    if (reason := Postgres.missing()) is not None:
        report.skip("failover", reason)
        return report
    report.figure("callers", CALLERS)
    for number in range(1, (QUICK_ROUNDS if quick else ROUNDS) + 1):
        say(f"round {number}: kill and promote")
        _round(report, f"round {number}: ", *((QUICK_SECONDS, QUICK_AWAY) if quick else (SECONDS, AWAY)))
    return report


def _round(report: Report, prefix: str, seconds: float, away: float) -> None:
    with Postgres() as first, folder() as own:
        database = Database("postgresql", first.url, own)
        database.migrate()
        with Postgres(standby_of=first) as second:
            database.environ["DATABASE_URL"] = (
                f"postgresql://postgres@{HOST}:{first.port},{HOST}:{second.port}/postgres"
                "?target_session_attrs=read-write"
            )
            with Server.receiver(database) as server:
                with Callers(server.port, pause=PAUSE) as callers:
                    time.sleep(seconds)
                    died = time.monotonic()
                    first.kill()
                    time.sleep(away)
                    waiting = spooled(database)
                    second.promote()
                    emptied = wait_for_empty_spool(database)
                    over = time.monotonic()
                    time.sleep(1)
                wait_for_empty_spool(database)
                server.stop()
            tally = compare(callers.sent, Database("postgresql", second.url, own))
    times = sorted(one.took for one in callers.between(died, over))
    report.figure(f"{prefix}longest answer (s)", percentile(times, 1))
    report.at_least(f"{prefix}in the spool when promoted", waiting, 1)  # else nothing was tried
    report.at_most(f"{prefix}p99 of answers (s)", percentile(times, 0.99), DEADLINE + SLACK, timed=True)
    report.at_most(f"{prefix}spool empty after that (s)", emptied, DRAINED_WITHIN, timed=True)
    report.equal(f"{prefix}answers other than 200", sum(one.status != 200 for one in callers.sent), 0)
    tally.hold(report, prefix)
