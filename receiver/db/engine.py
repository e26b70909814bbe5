"""The engine with its durability settings, and the sorts of transaction that write."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

LONGEST_LOCK = 0.008
"""Seconds that one step of work in the background may keep a callback waiting: SQLite has one writer."""


class SchemaError(Exception):
    """The database cannot be used as it stands. The message says what to run."""


class Unreachable(SchemaError):
    """The database does not answer, so nobody can tell how it stands."""


def connect(database_url: str, *, patience: float = 5.0) -> Engine:
    """An engine whose commits are on stable storage when they return.

    `patience` is how long, in seconds, a connection waits: for another writer on SQLite, for the server to
    accept it on PostgreSQL. `SchemaError` if there is no place for an SQLite file.
    """
    url = make_url(database_url)
    if url.drivername == "sqlite":
        path = Path(url.database or "")
        try:
            make_private(path)
        except OSError as error:
            reason = f"cannot make the directory {path.parent} of DATABASE_URL: {error.strerror}"
            raise SchemaError(reason) from None
        return connect_file(url, patience=patience)
    engine = create_engine(
        url,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": max(2, round(patience)),
            # A pooler in transaction mode hands each transaction another server, which knows no statement
            # prepared on the last one.
            "prepare_threshold": None,
            # A host that vanished is found out in seconds: by default it takes hours.
            **{"tcp_user_timeout": 10_000, "keepalives_idle": 5, "keepalives_interval": 2},
            "keepalives_count": 3,
        },
    )
    event.listen(engine, "connect", _prepare_postgres)
    return engine


def connect_file(url: URL, *, patience: float) -> Engine:
    """`connect` to an SQLite file, touching nothing yet; a new one has to go through `make_private` first."""
    engine = create_engine(url, connect_args={"timeout": patience, "check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def make_private(path: Path) -> None:
    """A new database is for its owner only: it holds what people wrote. An old one is left as it is.

    `OSError` if its directory cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):  # it is there, or cannot be made: the first connection tells
        path.touch(0o600, exist_ok=False)


def _prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # the driver's own transactions begin too late; see _begin_sqlite
    # How space is given back is settled before anything else is written to a new file; an older file takes
    # it over when it is compacted. Deleted rows are overwritten wherever that costs no further write.
    for pragma in ("auto_vacuum=INCREMENTAL", "secure_delete=FAST"):
        connection.execute(f"PRAGMA {pragma}")
    # 16 MB of pages a connection: with more, a process grows well beyond what it is on a new log.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-16384"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("at_once", False):
        return
    # A transaction that reads first and writes later fails at once when another wrote in between, without
    # waiting. Writers say so and take the lock when they begin.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writes", False) else "BEGIN")


def _prepare_postgres(connection: Any, _: Any) -> None:
    with connection.cursor() as cursor:
        # All statements here are short: compiling one takes longer than it runs.
        cursor.execute("SET jit TO off")
        # A server or role may default to off, which acknowledges commits that a power cut takes back.
        if cursor.execute("SHOW synchronous_commit").fetchone()[0] == "off":
            cursor.execute("SET synchronous_commit TO on")
    connection.commit()


@contextlib.contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that writes; committed when the block ends, rolled back when it raises."""
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        yield connection


@contextlib.contextmanager
def writing_at_once(engine: Engine) -> Iterator[Connection]:
    """For a single statement that writes: it is its own transaction, committed when it returns.

    Nothing is said to the database to begin one or to commit it. Each such word costs a round trip on
    PostgreSQL; on SQLite, a fight for the interpreter with the thread that answers callbacks.
    """
    own = {"at_once": True} if engine.dialect.name == "sqlite" else {"isolation_level": "AUTOCOMMIT"}
    # Committed all the same: it costs nothing where nothing is open, and somebody may have told the driver
    # of this pooled connection to begin transactions by itself.
    with engine.connect().execution_options(**own) as connection, connection.begin():
        yield connection


@contextlib.contextmanager
def writing_lazily(engine: Engine) -> Iterator[Connection]:
    """Like `writing`, but nobody waits for the disk, and a power cut may undo it: for what can be done again.

    What others commit meanwhile is as safe as ever: their sync takes what stands before it along.
    """
    with engine.connect().execution_options(writes=True) as connection:
        if engine.dialect.name != "sqlite":
            with connection.begin():
                connection.execute(text("SET LOCAL synchronous_commit TO off"))
                yield connection
            return
        driver: Any = connection.connection.driver_connection  # a pragma counts only outside of a transaction
        driver.execute("PRAGMA synchronous=NORMAL")
        try:
            with connection.begin():
                yield connection
        finally:
            driver.execute("PRAGMA synchronous=FULL")


def reason_of(error: SQLAlchemyError) -> str:
    """What the database said, in one line, without the statement and its values: those are private."""
    cause = getattr(error, "orig", None) or error
    lines = str(cause).strip().splitlines()
    return lines[0][:200] if lines else type(cause).__name__
