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

import psycopg
from sqlalchemy import create_engine, select
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from receiver.models import Event

ROOT = Path(__file__).parent.parent
HOST = "127.0.0.1"
CALLBACK_KEY = secrets.token_urlsafe(24)
ACCESS_TOKEN = secrets.token_urlsafe(24)
READY_WITHIN = 30.0
STOP_WITHIN = 30.0


class BenchError(Exception):
    """The bench cannot go on. The message says why."""


class Database:
    """An empty database with the schema of this checkout."""

    def __init__(self, name: str, url: str, folder: Path) -> None:
        self.name = name
        self.url = url
        self.folder = folder
        self.environ = {
            **{name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}},
            "CALLBACK_KEYS": CALLBACK_KEY,
            "HOIIO_APP_ID": "bench",
            "HOIIO_ACCESS_TOKEN": ACCESS_TOKEN,
            "DATABASE_URL": url,
            "SPOOL_DIR": str(folder / "spool"),
            # The load comes from this key's owner and is meant to be measured, not refused.
            "SIGNATURES": "require",
        }

    def migrate(self) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "flask", "db", "upgrade"],
            check=False,
            cwd=ROOT,
            env=self.environ,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise BenchError(f"`flask db upgrade` failed: {done.stderr.strip()[-500:]}")

    def stored(self) -> list[str]:
        """The `txn_ref` of every trusted row, one for each row."""
        engine = create_engine(_for_sqlalchemy(self.url), poolclass=NullPool)
        trusted = select(Event.txn_ref).where(Event.quarantine.is_(None))
        with engine.connect() as connection:
            return [ref or "" for ref in connection.scalars(trusted)]


@contextlib.contextmanager
def sqlite() -> Iterator[Database]:
    """A new SQLite file, gone afterwards."""
    with _folder() as folder:
        database = Database("sqlite", f"sqlite:///{folder}/receiver.db", folder)
        database.migrate()
        yield database


@contextlib.contextmanager
def postgresql(server: str) -> Iterator[Database]:
    """A new database on that server, dropped afterwards."""
    name = f"receiver_bench_{secrets.token_hex(6)}"
    with _folder() as folder, psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        try:
            url = make_url(server).set(database=name).render_as_string(hide_password=False)
            database = Database("postgresql", url, folder)
            database.migrate()
            yield database
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


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

    def __init__(self, database: Database, *words: str) -> None:
        """`words` are what follows `python -m`, with `{port}` where the port belongs."""
        self.port = _free_port()
        self._database = database
        self._words = [word.format(port=self.port) for word in words]
        self._log = database.folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def receiver(cls, database: Database) -> Server:
        """This service, as it runs in production."""
        return cls(database, "flask", "serve", "--listen", HOST + ":{port}")

    def __enter__(self) -> Server:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self._words],
                cwd=ROOT,
                env=self._database.environ,
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def stop(self) -> int:
        """End it in order and return its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            raise BenchError(f"the server did not stop within {STOP_WITHIN:.0f} s") from None

    def kill(self) -> None:
        """Leave nothing of it running."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def log(self) -> str:
        """The end of what it printed."""
        return self._log.read_text(encoding="utf-8", errors="replace").strip()[-2000:]

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + READY_WITHIN
        while time.monotonic() < until and process.poll() is None:
            connection = http.client.HTTPConnection(HOST, self.port, timeout=2)
            try:
                connection.request("GET", "/health/ready")
                if connection.getresponse().status == http.HTTPStatus.OK:
                    return
            except (OSError, http.client.HTTPException):
                pass
            finally:
                connection.close()
            time.sleep(0.1)
        raise BenchError(
            f"`python -m {' '.join(self._words)}` did not become ready: {self.log() or 'no output'}"
        )


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    # On the disk the service would use by default; /tmp may be memory, where a commit costs nothing.
    (ROOT / "var").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / "var") as name:
        yield Path(name)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _for_sqlalchemy(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)
