"""Processes to measure, and the fresh databases behind them."""

from __future__ import annotations

import contextlib
import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from bench.processes import Process, processes
from config import blank
from receiver.db import schema
from receiver.db.engine import SchemaError, connect
from receiver.models import EVENTS, Event

ROOT = Path(__file__).parent.parent
HOST = "127.0.0.1"
CALLBACK_KEY = secrets.token_urlsafe(24)
ACCESS_TOKEN = secrets.token_urlsafe(24)
AUTH_TOKEN = secrets.token_hex(16)
READY_WITHIN = 30.0
STOP_WITHIN = 30.0
NO_POSTGRESQL = "no PostgreSQL server: set TEST_POSTGRES_URL to one where databases may be made"


class BenchError(Exception):
    """The bench cannot go on. The message says why."""


class Database:
    """An empty database with the schema of this checkout, and the settings of a service on it."""

    def __init__(self, name: str, url: str, folder: Path) -> None:
        self.name = name
        self.url = url.replace("postgresql://", "postgresql+psycopg://", 1)
        self.folder = folder
        self.environ = {
            **{name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}},
            # An .env of the checkout does not decide what is measured.
            **blank(),
            "CALLBACK_KEYS": CALLBACK_KEY,
            "HOIIO_APP_ID": "bench",
            "HOIIO_ACCESS_TOKEN": ACCESS_TOKEN,
            "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
            "PUBLIC_URL": f"http://{HOST}",  # what some sign covers it
            "DATABASE_URL": self.url,
            "SPOOL_DIR": str(folder / "spool"),
            "ARCHIVE_DIR": str(folder / "archive"),
            # The load comes from this key's owner and is meant to be measured, not refused.
            "SIGNATURES": "require",
        }

    def migrate(self) -> None:
        """Bring the schema up, as `receiver db upgrade` does."""
        engine = connect(self.url)
        try:
            schema.upgrade(engine)
        except SchemaError as error:
            raise BenchError(str(error)) from error
        finally:
            engine.dispose()

    def engine(self) -> Engine:
        """Each connection of it is a new one: the server may have gone away and come back."""
        return create_engine(self.url, poolclass=NullPool)

    def stored(self, after: int = 0) -> list[str]:
        """The `txn_ref` of every trusted row beyond that id, one for each row."""
        trusted = select(EVENTS.c.txn_ref).where(Event.quarantine.is_(None), Event.id > after)
        with self.engine().connect() as connection:
            return [ref or "" for ref in connection.scalars(trusted)]


@contextlib.contextmanager
def sqlite() -> Iterator[Database]:
    """A new SQLite file, gone afterwards."""
    with folder() as own:
        database = Database("sqlite", f"sqlite:///{own}/receiver.db", own)
        database.migrate()
        yield database


@contextlib.contextmanager
def postgresql(server: str) -> Iterator[Database]:
    """A new database on that server, dropped afterwards."""
    name = f"receiver_bench_{secrets.token_hex(6)}"
    with folder() as own, psycopg.connect(server, autocommit=True) as connection:
        try:
            connection.execute(f"CREATE DATABASE {name}".encode())
            url = make_url(server).set(database=name).render_as_string(hide_password=False)
            database = Database("postgresql", url, own)
            database.migrate()
            yield database
        finally:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


def postgres_server() -> str | None:
    """A server where databases may be made: TEST_POSTGRES_URL, or one on this machine."""
    candidates = [os.environ["TEST_POSTGRES_URL"]] if "TEST_POSTGRES_URL" in os.environ else []
    candidates.append(f"postgresql://postgres@{HOST}:5432/postgres")
    for url in candidates:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(url, connect_timeout=3).close()
            return url
    return None


def postgres_settings(server: str) -> str:
    """What decides whether a commit of this server is worth the comparison."""
    with psycopg.connect(server) as connection:
        version, fsync, commit = (
            (connection.execute(f"SHOW {name}".encode()).fetchone() or ("?",))[0]
            for name in ("server_version", "fsync", "synchronous_commit")
        )
    return f"{version}, fsync {fsync}, synchronous_commit {commit}"


class Server:
    """A server process in front of a database; killed, with all its children, when the block ends."""

    def __init__(self, database: Database, *command: str) -> None:
        """`command` is a program and its arguments, with `{port}` where the port belongs."""
        self.port = free_port()
        self._database = database
        self._command = [word.replace("{port}", str(self.port)) for word in command]
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def receiver(cls, database: Database, *, workers: int = 1) -> Server:
        """This service, as it runs in production."""
        listen = ("--listen", HOST + ":{port}", "--workers", str(workers))
        return cls(database, sys.executable, "-m", "receiver.cli", "serve", *listen)

    def __enter__(self) -> Self:
        try:
            self._process = self.started(self._database.environ, self._database.folder / "server.log")
            self._wait_until_ready(self._process)
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def started(self, environ: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
        """Its process, which leads a session."""
        with log.open("wb") as out:
            return subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=environ,
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    def stop(self) -> None:
        """End it in order."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            raise BenchError(f"the server did not stop within {STOP_WITHIN:.0f} s") from None
        if code:
            raise BenchError(f"the server ended with exit code {code}: {self.log()}")

    def kill(self) -> None:
        """Leave nothing of it running."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def processes(self) -> list[Process]:
        """What it runs at this moment, itself and its children."""
        assert self._process is not None
        return [process for process in processes() if process.session == self._process.pid]

    def log(self) -> str:
        """The end of what it printed."""
        said = (self._database.folder / "server.log").read_text(encoding="utf-8", errors="replace")
        return said.strip()[-2000:]

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + READY_WITHIN
        while time.monotonic() < until and process.poll() is None:
            if ready(self.port):
                return
            time.sleep(0.05)
        raise BenchError(f"`{' '.join(self._command)}` did not become ready: {self.log() or 'no output'}")


def ready(port: int) -> bool:
    """Whether the service says that it can hold a callback now; False too when it says nothing."""
    return fetch(port, "/health/ready") == http.HTTPStatus.OK


def fetch(port: int, path: str) -> int | None:
    """The status with which this path is answered; None without an answer."""
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder for one database, gone afterwards."""
    # On the disk the service would use by default; /tmp may be memory, where a commit costs nothing.
    (ROOT / "var").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / "var") as name:
        yield Path(name)
