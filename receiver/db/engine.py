"""The engine with its durability settings, and the kinds of transaction that write."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import DBAPIError

from receiver.db.eager import wait_eagerly
from receiver.db.failure import Failure
from receiver.vocabulary.errors import OperatorError

T = TypeVar("T")

LONGEST_LOCK = 0.008
"""Seconds that one step of background work may keep a callback waiting: SQLite has one write lock."""

_SESSION = {
    "client_encoding": "UTF8",
    "standard_conforming_strings": "on",
    "bytea_output": "hex",
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "transform_null_equals": "off",
    "default_transaction_isolation": "read committed",
    "session_replication_role": "origin",  # otherwise triggers do not run
    "jit": "off",  # all our statements are short: compiling one takes longer than running it
    "synchronous_commit": "on",
    "client_connection_check_interval": "2s",  # whoever works for a client that has gone ends; since 14
}
"""What our statements rely on. A server, database or role may have other defaults."""
_BOUNDS = {
    "lock_timeout": "300ms",
    "statement_timeout": "20s",
    "idle_in_transaction_session_timeout": "20s",
}
"""For sessions that write callbacks: nobody else's lock may keep them waiting for long."""
_SPOILT = {"25006", "42P01", "42501", "3F000"}
"""Errors that the state of a session may cause: read-only, no such table, no right, no such schema."""


class SchemaError(OperatorError):
    """The database cannot be used as it is. The message says what to run."""


class Unreachable(SchemaError):
    """The database does not answer as it should, so its schema is not known."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure))
        self.failure = failure


class Unfit(SchemaError):
    """The database would take our tables, but cannot hold what arrives."""


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
    return _connect_server(url, patience)


def bounded(engine: Engine) -> Engine:
    """An engine for those who write callbacks, whose sessions wait for nobody's lock for long.

    On SQLite they wait for as long as any other, but are the first to notice that the lock is free. On
    PostgreSQL a connection is not tried before it is used, which costs a round trip: `unless_broken` does
    without.
    """
    patience = engine.get_execution_options()["patience"]
    if engine.dialect.name == "sqlite":
        first = connect_file(engine.url, patience=patience)
        wait_eagerly(first, patience)
        return first
    return _connect_server(engine.url, patience, **_BOUNDS, pool_size=2, ping=False)


def unless_broken(work: Callable[[], T]) -> T:
    """Do it, and once more if its connection turns out to be broken: the server may have been restarted since
    it was last used. For what changes nothing when it is done again."""
    try:
        return work()
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
    return work()


def _connect_server(
    url: URL, patience: float, *, pool_size: int = 5, ping: bool = True, **bounds: str
) -> Engine:
    engine = create_engine(
        url,
        pool_pre_ping=ping,
        pool_size=pool_size,
        execution_options={"patience": patience},
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
    event.listen(engine, "connect", partial(_prepare_postgres, _SESSION | bounds))
    event.listen(engine, "handle_error", _discard_spoilt)
    return engine


def connect_file(url: URL, *, patience: float) -> Engine:
    """`connect` to an SQLite file without touching it yet. Call `make_private` first if it may be new."""
    engine = create_engine(
        url,
        connect_args={"timeout": patience, "check_same_thread": False},
        execution_options={"patience": patience},
    )
    event.listen(engine, "do_connect", partial(_open_read_only, Path(url.database or "")))
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


def _open_read_only(path: Path, _: Any, __: Any, arguments: list[Any], given: dict[str, Any]) -> None:
    """Open a file on a read-only medium as such: SQLite cannot put there what readers share."""
    if not path.exists() or (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        return
    journal = path.with_name(f"{path.name}-wal")
    alone = not journal.exists() or journal.stat().st_size == 0
    arguments[0] = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if alone else ''}"
    given["uri"] = True


def _prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # the driver's own transactions begin too late; see _begin_sqlite
    # Only into a new file, before anything else is: both write, and whoever only reads must not.
    if connection.execute("PRAGMA page_count").fetchone()[0] == 0:
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        with contextlib.suppress(sqlite3.OperationalError):  # who only reads can do without
            connection.execute("PRAGMA journal_mode=WAL")
    # secure_delete=FAST overwrites deleted rows where that costs no further write. 16 MB of pages for each
    # connection: with more, a process grows far beyond its size on a new log.
    for pragma in ("secure_delete=FAST", "synchronous=FULL", "foreign_keys=ON", "cache_size=-16384"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("at_once", False):
        return
    # A transaction that reads first and writes later fails at once, without waiting, if another one wrote in
    # between. So a transaction that will write takes the lock when it begins.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writes", False) else "BEGIN")


def _prepare_postgres(settings: dict[str, str], connection: Any, _: Any) -> None:
    from receiver.db.text import take_any_text  # noqa: PLC0415  # it loads the driver

    take_any_text(connection)
    # One round trip. A setting is given only where it differs, so that no right is needed without need, and
    # one that this server does not know is left out. Of synchronous_commit only `off` would undo what was
    # acknowledged; the others are the operator's choice.
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT set_config(name, wanted, false)
            FROM unnest(%s::text[], %s::text[]) AS given (name, wanted)
            WHERE current_setting(name, true) <> wanted
            AND (name <> 'synchronous_commit' OR current_setting(name) = 'off')
            """,
            [list(settings), list(settings.values())],
        )
    connection.commit()


def _discard_spoilt(context: ExceptionContext) -> None:
    """Begin anew with other connections where the session may be to blame.

    After a failover, or once a setting was put right, new sessions can write and old ones cannot.
    """
    if getattr(context.original_exception, "sqlstate", None) in _SPOILT:
        context.is_disconnect = True


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
                connection.execute(_LAZY)
                yield connection
            return
        driver: Any = connection.connection.driver_connection  # the pragma has no effect inside a transaction
        driver.execute("PRAGMA synchronous=NORMAL")
        try:
            with connection.begin():
                yield connection
        finally:
            driver.execute("PRAGMA synchronous=FULL")


# A machine that is cut off in the middle would hold its locks for hours: nobody else could go on.
_LAZY = text(
    "SELECT set_config('synchronous_commit', 'off', true),"
    " set_config('idle_in_transaction_session_timeout', '20s', true)"
)
