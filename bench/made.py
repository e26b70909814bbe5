"""Long logs that are made once and copied: ten million events take a quarter of an hour to make, and a minute
or two to copy. Kept only where `BENCH_KEEP` is set, since each takes more than ten gigabytes of disk."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from bench import long_log
from bench.report import say
from bench.service import ROOT, Database
from receiver.db.schema import newest_revision
from receiver.search.words import INDEX_VERSION

KEPT = ROOT / "var" / "made-logs"


def fill(database: Database, count: int) -> None:
    """Give an empty database so many events: from a log that an earlier run kept, or made now."""
    kept = _Sqlite(database, count) if database.name == "sqlite" else _Postgres(database, count)
    if kept.is_there():
        say(f"{database.name}: copying a log of {count:,} events that was kept")
        kept.take()
        long_log.check(database.engine(), count)
        return
    long_log.build(database.engine(), count)
    if os.environ.get("BENCH_KEEP"):
        say(f"{database.name}: keeping it as {kept.name}")
        kept.keep()


def _name(count: int) -> str:
    """The same only for the same events under the same schema and index."""
    source = Path(long_log.__file__).read_bytes() + f"{newest_revision()} {INDEX_VERSION}".encode()
    return f"receiver_made_{count}_{hashlib.blake2b(source, digest_size=4).hexdigest()}"


class _Sqlite:
    def __init__(self, database: Database, count: int) -> None:
        self.name = KEPT / f"{_name(count)}.db"
        self._own = Path(make_url(database.url).database or "")

    def is_there(self) -> bool:
        return self.name.exists()

    def take(self) -> None:
        for end in ("-wal", "-shm"):
            self._own.with_name(self._own.name + end).unlink(missing_ok=True)
        shutil.copyfile(self.name, self._own)

    def keep(self) -> None:
        KEPT.mkdir(parents=True, exist_ok=True)
        half = self.name.with_suffix(".half")
        shutil.copyfile(self._own, half)
        half.rename(self.name)


class _Postgres:
    def __init__(self, database: Database, count: int) -> None:
        self.name = _name(count)
        url = make_url(database.url)
        self._own = url.database or ""
        self._server = url.set(drivername="postgresql", database="postgres")

    def is_there(self) -> bool:
        with self._connect() as connection:
            found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [self.name])
            return found.fetchone() is not None

    def take(self) -> None:
        with self._connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(self._own)))
        self._copy(self.name, self._own)

    def keep(self) -> None:
        self._copy(self._own, self.name)

    def _copy(self, source: str, target: str) -> None:
        names = sql.Identifier(target), sql.Identifier(source)
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names)
        with self._connect() as connection:
            if connection.info.server_version >= 150_000:  # by default it would go through the server's log
                statement += sql.SQL(" STRATEGY file_copy")
            connection.execute(statement)

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(self._server.render_as_string(hide_password=False), autocommit=True)
