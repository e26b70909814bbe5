"""Does the service stay as fast and as small when its log holds ten million events?

A log of each size, with all its indexes, words and counts, is put under the load of `ingest`, in turns with a
fresh and empty one, so that both see the same mood of the machine. Memory is the resident size of the serving
process.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from sqlalchemy import func, select, text
from sqlalchemy.engine import make_url

from bench import made
from bench.ingest import FULL, QUICK, Length, mismatches, put_under_load
from bench.report import Report, say
from bench.service import (
    NO_POSTGRESQL,
    ROOT,
    BenchError,
    Database,
    Server,
    postgres_server,
    postgresql,
    sqlite,
)
from receiver.models import Event

SIZES, QUICK_SIZES = (1_000_000, 10_000_000), (20_000, 100_000)
ROUNDS, QUICK_ROUNDS = 5, 1
BYTES_EACH = 2_000
"""That an event takes on disk at most, with its indexes."""
SHARE_OF_EMPTY, MOST_MEMORY = 0.8, 1.2


@dataclass(frozen=True, slots=True)
class Run:
    """One run on one log."""

    rate: float
    memory_mb: float
    mismatched: int

    def __str__(self) -> str:
        return f"{self.rate:,.0f}/s, {self.memory_mb:.0f} MB"


def run(quick: bool) -> Report:
    report = Report()
    sizes = QUICK_SIZES if quick else SIZES
    needed, free = sizes[-1] * BYTES_EACH, shutil.disk_usage(ROOT).free
    if free < needed:
        raise BenchError(f"{needed / 1e9:.0f} GB of disk are needed in var/, and {free / 1e9:.0f} are free")
    _grow(report, sqlite, sizes, quick)
    server = postgres_server()
    if server is None:
        report.skip("postgresql", NO_POSTGRESQL)
    else:
        _grow(report, lambda: postgresql(server), sizes, quick)
    return report


def _grow(
    report: Report, make: Callable[[], AbstractContextManager[Database]], sizes: tuple[int, ...], quick: bool
) -> None:
    length, rounds = (QUICK, QUICK_ROUNDS) if quick else (FULL, ROUNDS)
    empty: list[Run] = []
    grown: list[Run] = []
    for size in sizes:
        before: list[Run] = []
        now: list[Run] = []
        with make() as database:
            name, log = database.name, f"{database.name}, {size:,} events"
            started = time.monotonic()
            made.fill(database, size)
            report.figure(f"{log}: made or copied in (s)", round(time.monotonic() - started))
            report.figure(f"{log}: GB on disk", _size_gb(database))
            for number in range(rounds):
                with make() as fresh:
                    before.append(_measure(fresh, length))
                now.append(_measure(database, length, first=number * length.calls))
                say(f"{log}, round {number + 1}: {now[-1]}; none: {before[-1]}")
        report.figure(f"{log}: callbacks/s", round(median(run.rate for run in now)))
        report.figure(f"{log}: memory MB", median(run.memory_mb for run in now))
        rate = median(one.rate / other.rate for one, other in zip(now, before, strict=True))
        memory = median(one.memory_mb / other.memory_mb for one, other in zip(now, before, strict=True))
        if size == sizes[-1]:
            report.at_least(f"{log}: rate over that at 0", rate, SHARE_OF_EMPTY, timed=True)
            report.at_most(f"{log}: memory over that at 0", memory, MOST_MEMORY)
        else:
            report.reported(f"{log}: rate over that at 0", rate)
            report.reported(f"{log}: memory over that at 0", memory)
        empty, grown = empty + before, grown + now
    report.figure(f"{name}, 0 events: callbacks/s", round(median(run.rate for run in empty)))
    report.figure(f"{name}, 0 events: memory MB", median(run.memory_mb for run in empty))
    mismatched = sum(run.mismatched for run in (*empty, *grown))
    report.equal(f"{name}: accepted and not stored once", mismatched, 0)


def _measure(database: Database, length: Length, first: int = 0) -> Run:
    with database.engine().connect() as connection:
        newest = connection.scalar(select(func.max(Event.id))) or 0
    with Server.receiver(database) as server:
        early, result, _ = put_under_load(server, length, first=first)
        memory = max(process.memory_mb for process in server.processes())
    mismatched = mismatches([early, result], database.stored(after=newest))
    return Run(result.rate, memory, mismatched)


def _size_gb(database: Database) -> float:
    if database.name == "sqlite":
        return Path(make_url(database.url).database or "").stat().st_size / 1e9
    with database.engine().connect() as connection:
        return float(connection.scalar(text("SELECT pg_database_size(current_database())"))) / 1e9
