"""A PostgreSQL server of the bench's own, which can be taken away and brought back."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psycopg

from bench.processes import processes
from bench.service import HOST, BenchError, free_port

STARTUP = 30.0
_NEW = ("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
_COPY = ("pg_basebackup", "--write-recovery-conf", "--checkpoint=fast", "--no-sync")


class Postgres:
    """In a temporary directory, with fsync on; gone when the block ends.

    A standby confirms each commit of its primary before that one does.
    """

    def __init__(self, *, standby_of: Postgres | None = None) -> None:
        self._primary = standby_of
        self.port = free_port()
        self.url = f"postgresql://postgres@{HOST}:{self.port}/postgres"
        self._process: subprocess.Popen[bytes] | None = None
        self._directory = Path()
        # It refuses to run as root.
        self._user: dict[str, Any] = (
            {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        )

    @staticmethod
    def missing() -> str | None:
        """Why there can be none on this machine; None when there can."""
        if _programs() is None:
            return "no PostgreSQL server programs (initdb, postgres) on this machine"
        if os.geteuid() == 0:
            try:
                pwd.getpwnam("postgres")
            except KeyError:
                return "running as root and there is no user postgres to run PostgreSQL as"
        return None

    def __enter__(self) -> Postgres:
        self._directory = Path(tempfile.mkdtemp(prefix="bench-postgresql-"))
        try:
            if self._user:
                shutil.chown(self._directory, "postgres", "postgres")
            if self._primary is None:
                self._make(*_NEW, "-D", str(self._data))
            else:
                self._make(*_COPY, "-D", str(self._data), "-d", self._primary.url)
            self.start()
            if self._primary is not None:
                self._primary.wait_for_standby()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.resume()
            self._process.send_signal(signal.SIGQUIT)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._signal(self._members(), signal.SIGKILL)
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

    def kill(self) -> None:
        """As if its machine lost power."""
        if self._process is not None:
            self._signal(self._members(), signal.SIGKILL)
            self._process.wait(STARTUP)
            self._process = None

    def promote(self) -> None:
        """Let a standby take over; returns once it takes writes."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("SELECT pg_promote()")

    def wait_for_standby(self) -> None:
        """From now on, no commit returns before a standby has it."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names TO '*'")
            connection.execute("SELECT pg_reload_conf()")
            until = time.monotonic() + STARTUP
            while time.monotonic() < until:
                if connection.execute(
                    "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
                ).fetchone():
                    return
                time.sleep(0.05)
        raise BenchError("the standby did not follow")

    def freeze(self) -> None:
        """Stop all its processes where they are; connections stay open and silent."""
        self._signal(self._members(), signal.SIGSTOP)  # the parent first: then there are no new ones

    def resume(self) -> None:
        self._signal(reversed(self._members()), signal.SIGCONT)

    @property
    def _data(self) -> Path:
        return self._directory / "data"

    def _make(self, program: str, *words: str) -> None:
        """Make the data directory by one of PostgreSQL's programs."""
        done = subprocess.run(
            [_program(program), *words],
            check=False,
            cwd=self._directory,
            capture_output=True,
            text=True,
            **self._user,
        )
        if done.returncode:
            raise BenchError(f"{program} failed: {done.stderr.strip()[-500:]}")

    def _members(self) -> list[int]:
        """The parent and its children, which lead sessions of their own and are found by their parent."""
        if self._process is None:
            return []
        parent = self._process.pid
        return [parent, *(process.pid for process in processes() if process.parent == parent)]

    @staticmethod
    def _signal(members: Iterable[int], number: signal.Signals) -> None:
        for member in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(member, number)


def _programs() -> Path | None:
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if found:
        return max(found, key=lambda path: float(path.parent.name))
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def _program(name: str) -> str:
    programs = _programs()
    return name if programs is None else str(programs / name)
