"""Are callbacks answered 200 while PostgreSQL is away, and all in it soon after its return?

It goes away under load, twice: stopped, so that it refuses, and frozen, so that it says nothing.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from bench.crash import CALLERS, Callers, compare, spooled, wait_for_empty_spool
from bench.load import percentile
from bench.report import Report, say
from bench.service import HOST, BenchError, Database, Server
from config import Config

SECONDS, QUICK_SECONDS = 5.0, 3.0
PAUSE = 0.03
"""Seconds each caller waits between callbacks: some 500 a second in all."""
DEADLINE = float(Config.model_fields["commit_deadline"].default)
SLACK = 1.0
STARTUP = 30.0


@dataclass(frozen=True, slots=True)
class _Outage:
    name: str
    start: float
    end: float
    waiting: int
    """Callbacks in the spool when the database returned."""
    emptied: float
    """Seconds from then until there was none."""


def run(quick: bool) -> Report:
    """Both outages under one server process, one after the other."""
    report = Report()
    if (reason := Postgres.missing()) is not None:
        report.skip("outage", reason)
        return report
    length = QUICK_SECONDS if quick else SECONDS
    report.figure("outage (s)", length)
    report.figure("callers", CALLERS)
    outages: list[_Outage] = []
    with Postgres() as postgres, tempfile.TemporaryDirectory(prefix="bench-outage-") as folder:
        database = Database("postgresql", postgres.url, Path(folder))
        database.migrate()
        with Server.receiver(database) as server:
            with Callers(server.port, pause=PAUSE) as callers:
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
        tally = compare(callers.sent, database)
    for outage in outages:
        _judge(report, outage, callers, length)
    report.figure("accepted", tally.accepted)
    report.equal("answers other than 200", sum(one.status != 200 for one in callers.sent), 0)
    report.equal("lost", tally.lost, 0)
    report.equal("doubled", tally.doubled, 0)
    report.equal("repeats counted wrongly", tally.repeats_wrong, 0)
    return report


def _judge(report: Report, outage: _Outage, callers: Callers, length: float) -> None:
    # Only now have all callbacks of that time got their answers, the slowest too.
    times = sorted(one.took for one in callers.between(outage.start, outage.end))
    name = outage.name
    report.figure(f"{name}: callbacks meanwhile", len(times))
    report.figure(f"{name}: longest answer (s)", percentile(times, 1))
    report.at_least(f"{name}: in the spool at its return", outage.waiting, 1)  # else nothing was tried
    report.at_most(f"{name}: p99 of answers (s)", percentile(times, 0.99), DEADLINE + SLACK)
    report.at_most(f"{name}: spool empty after its return (s)", outage.emptied, length)


class Postgres:
    """A PostgreSQL server of the bench's own, in a temporary directory, with fsync on."""

    def __init__(self) -> None:
        self.port = _free_port()
        self.url = f"postgresql://postgres@{HOST}:{self.port}/postgres"
        self._process: subprocess.Popen[bytes] | None = None
        self._directory = Path(tempfile.mkdtemp(prefix="bench-postgresql-"))
        self._data = self._directory / "data"
        # It refuses to run as root.
        self._user: dict[str, Any] = (
            {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        )

    @staticmethod
    def missing() -> str | None:
        """Why there can be none on this machine."""
        if _postgres_programs() is None:
            return "no PostgreSQL server programs (initdb, postgres) on this machine"
        if os.geteuid() == 0:
            try:
                pwd.getpwnam("postgres")
            except KeyError:
                return "running as root and there is no user postgres to run PostgreSQL as"
        return None

    def __enter__(self) -> Postgres:
        try:
            if self._user:
                shutil.chown(self._directory, "postgres", "postgres")
            subprocess.run(
                [
                    _program("initdb"),
                    *("-D", str(self._data), "-U", "postgres", "-A", "trust", "-E", "UTF8"),
                    *("--locale=C", "--no-sync"),
                ],
                check=True,
                cwd=self._directory,
                stdout=subprocess.DEVNULL,
                **self._user,
            )
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            members = self._members()
            for member in members:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(member, signal.SIGCONT)
            self._process.send_signal(signal.SIGQUIT)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                for member in self._members():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(member, signal.SIGKILL)
                self._process.wait()
        shutil.rmtree(self._directory, ignore_errors=True)

    def start(self) -> None:
        """Return once it takes connections."""
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    _program("postgres"),
                    *("-D", str(self._data), "-p", str(self.port), "-k", str(self._directory)),
                    *("-c", f"listen_addresses={HOST}", "-c", "fsync=on"),
                ],
                cwd=self._directory,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._user,
            )
        until = time.monotonic() + STARTUP
        while time.monotonic() < until and self._process.poll() is None:
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(self.url, connect_timeout=2).close()
                return
            time.sleep(0.05)
        raise BenchError("PostgreSQL did not start")

    def stop(self) -> None:
        """Fast shutdown: sessions are ended, nothing is waited for."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(STARTUP)
            self._process = None

    def freeze(self) -> None:
        """Stop all its processes where they are; connections stay open and silent."""
        for member in self._members():  # the parent first: then there are no new ones
            with contextlib.suppress(ProcessLookupError):
                os.kill(member, signal.SIGSTOP)

    def resume(self) -> None:
        for member in reversed(self._members()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(member, signal.SIGCONT)

    def _members(self) -> list[int]:
        """The parent and its children, which lead sessions of their own and are found by their parent."""
        if self._process is None:
            return []
        parent = self._process.pid
        children = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                    children.append(int(stat.parent.name))
        return [parent, *children]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _postgres_programs() -> Path | None:
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if found:
        return max(found, key=lambda path: float(path.parent.name))
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def _program(name: str) -> str:
    programs = _postgres_programs()
    return name if programs is None else str(programs / name)
