"""The engine with its durability settings, and the kinds of transaction that write."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from receiver.vocabulary.errors import OperatorError

LONGEST_LOCK = 0.008
"""Seconds that one step of background work may keep a callback waiting: SQLite has one write lock."""


class SchemaError(OperatorError):
    """The database cannot be used as it is. The message says what to run."""


class Unreachable(SchemaError):
    """The database does not answer, so its schema is not known."""


def connect(database_url: str, *, patience: float = 5.0) -> Engine:
    """An engine whose commits are on stable storage when they return.

    `patience` is how many seconds a connection waits: on SQLite for another writer, on PostgreSQL for the
    server to accept it. `SchemaError` if the directory of an SQLite file cannot be made.
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
            # A pooler in transaction mode may give each transaction another server connection, which does not
            # know the statements prepared on the last one.
            "prepare_threshold": None,
            # Notice within seconds that a host has vanished: by default it takes hours.
            **{"tcp_user_timeout": 10_000, "keepalives_idle": 5, "keepalives_interval": 2},
            "keepalives_count": 3,
        },
    )
    event.listen(engine, "connect", _prepare_postgres)
    return engine


def connect_file(url: URL, *, patience: float) -> Engine:
    """`connect` to an SQLite file without touching it yet. Call `make_private` first if it may be new."""
    engine = create_engine(url, connect_args={"timeout": patience, "check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def make_private(path: Path) -> None:
    """Create a new database readable by its owner only: it holds private messages. An old one keeps its mode.

    `OSError` if its directory cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):  # it exists, or cannot be made, which the first connection reports
        path.touch(0o600, exist_ok=False)


def _prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # the driver's own transactions begin too late; see _begin_sqlite
    # auto_vacuum must be set before anything is written to a new file; an older file adopts it when it is
    # compacted. secure_delete=FAST overwrites deleted rows where that costs no further write.
    for pragma in ("auto_vacuum=INCREMENTAL", "secure_delete=FAST"):
        connection.execute(f"PRAGMA {pragma}")
    # 16 MB of pages per connection: with more, a process grows far beyond its size on a new log.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-16384"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("at_once", False):
        return
    # A transaction that reads first and writes later fails at once, without waiting, if another one wrote in
    # between. So a transaction that will write takes the lock when it begins.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writes", False) else "BEGIN")


def _prepare_postgres(connection: Any, _: Any) -> None:
    with connection.cursor() as cursor:
        # All our statements are short: compiling one takes longer than running it.
        cursor.execute("SET jit TO off")
        # A server or role may default to off; then a power cut may undo commits that were acknowledged.
        if cursor.execute("SHOW synchronous_commit").fetchone()[0] == "off":
            cursor.execute("SET synchronous_commit TO on")
    connection.commit()


@contextlib.contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes. Commits when the block ends, rolls back when it raises."""
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        yield connection


@contextlib.contextmanager
def writing_at_once(engine: Engine) -> Iterator[Connection]:
    """For a single statement that writes: it is its own transaction, committed when it returns.

    No BEGIN and no COMMIT is sent. Each of them costs a round trip on PostgreSQL; on SQLite, it costs a fight
    for the GIL with the thread that answers callbacks.
    """
    own = {"at_once": True} if engine.dialect.name == "sqlite" else {"isolation_level": "AUTOCOMMIT"}
    # `begin` all the same: committing costs nothing where no transaction is open, and the driver of this
    # pooled connection may have been told to begin transactions by itself.
    with engine.connect().execution_options(**own) as connection, connection.begin():
        yield connection


@contextlib.contextmanager
def writing_lazily(engine: Engine) -> Iterator[Connection]:
    """Like `writing`, but without waiting for the disk: for work that can be repeated after a power cut.

    What others commit meanwhile is as safe as ever: their sync includes all that was written before it.
    """
    with engine.connect().execution_options(writes=True) as connection:
        if engine.dialect.name != "sqlite":
            with connection.begin():
                connection.execute(text("SET LOCAL synchronous_commit TO off"))
                yield connection
            return
        driver: Any = connection.connection.driver_connection  # the pragma has no effect inside a transaction
        driver.execute("PRAGMA synchronous=NORMAL")
        try:
            with connection.begin():
                yield connection
        finally:
            driver.execute("PRAGMA synchronous=FULL")


def reason_of(error: SQLAlchemyError) -> str:
    """What the database said, in one line. Without the statement and its values, which are private."""
    cause = getattr(error, "orig", None) or error
    lines = str(cause).strip().splitlines()
    return lines[0][:200] if lines else type(cause).__name__
