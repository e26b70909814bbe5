"""The engine with its durability settings, and the schema's version."""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError, SQLAlchemyError

LONGEST_LOCK = 0.008
"""Seconds that one step of work in the background may keep a callback waiting: SQLite has one writer."""
SHARE = 0.3
"""Of the time, how much such work may spend in its steps."""

MIGRATIONS = Path(__file__).parent.parent / "migrations"
_INCREMENTAL = 2  # SQLite's number for it
_MIGRATION_LOCK = 5064_4271  # any number no other advisory lock of this database uses


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


def newest_revision() -> str:
    """The revision this code was written for."""
    head = ScriptDirectory.from_config(_alembic()).get_current_head()
    if head is None:
        raise SchemaError(f"no migrations in {MIGRATIONS.name}/: the checkout is not whole")
    return head


def current_revision(engine: Engine) -> str | None:
    """The revision the database is at; None for an empty one."""
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    except SQLAlchemyError as error:
        raise Unreachable(f"cannot reach the database: {reason_of(error)}") from error


def require_schema(engine: Engine) -> None:
    """Raise `SchemaError` unless the database has exactly the schema this code knows."""
    current, newest = current_revision(engine), newest_revision()
    if current == newest:
        return
    known = _revisions()
    if current is None:
        raise SchemaError("the database has no tables yet: run `flask db upgrade`")
    if current in known:
        raise SchemaError(f"the database is at {current}, this code needs {newest}: run `flask db upgrade`")
    raise SchemaError(
        f"the database is at revision {current}, which this code does not know: "
        "it was upgraded by a newer version; run that version"
    )


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the schema up. Several processes may call it at once: one works, the others wait for it."""
    _migrate(engine, lambda config: command.upgrade(config, revision))


def require_revision(revision: str) -> None:
    """Raise `SchemaError` unless this code knows the revision; `base` is an empty database."""
    if revision not in {*_revisions(), "base"}:
        raise _no_such_revision()


def downgrade(engine: Engine, revision: str) -> None:
    """Take the schema back to `revision` (`base` for an empty database)."""
    _migrate(engine, lambda config: command.downgrade(config, revision))


def _migrate(engine: Engine, run: Any) -> None:
    with _only_one(engine):
        try:
            with writing(engine) as connection:
                config = _alembic()
                config.attributes["connection"] = connection
                run(config)
        except SQLAlchemyError as error:
            raise SchemaError(f"the migration failed and was rolled back: {reason_of(error)}") from error
        except CommandError as error:
            raise _no_such_revision() from error


def _no_such_revision() -> SchemaError:
    return SchemaError(f"there is no such revision; there are {', '.join(sorted(_revisions()))} and `base`")


@contextlib.contextmanager
def _only_one(engine: Engine) -> Iterator[None]:
    if engine.dialect.name == "sqlite":
        path = Path(f"{engine.url.database}.migrating")
        try:
            lock = path.open("w")
        except OSError as error:
            raise SchemaError(f"cannot write beside the database, {path}: {error.strerror}") from None
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        return
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATION_LOCK})
            connection.commit()
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _MIGRATION_LOCK})
    except SQLAlchemyError as error:
        raise SchemaError(f"cannot reach the database: {reason_of(error)}") from error


def give_back(engine: Engine, until: float | None = None) -> None:
    """Return the room of what was deleted: on SQLite to the file system, on PostgreSQL to coming rows.

    On SQLite a few pages at a time, so that callbacks arrive meanwhile; `until` (of `time.monotonic`) ends it
    early. A file made by an early version gives nothing back before it was compacted.
    """
    with _in_no_transaction(engine) as execute:
        if engine.dialect.name != "sqlite":
            execute("VACUUM")
            return
        if execute("PRAGMA auto_vacuum")[0][0] != _INCREMENTAL:
            return
        execute("PRAGMA synchronous=NORMAL")  # see writing_lazily
        try:
            pages = 16
            while (until is None or time.monotonic() < until) and execute("PRAGMA freelist_count")[0][0]:
                began = time.monotonic()
                execute(f"PRAGMA incremental_vacuum({pages})")
                took = time.monotonic() - began
                pages = min(max(4, round(pages * LONGEST_LOCK / took)), pages * 2, 1000)
                time.sleep(took * (1 - SHARE) / SHARE)
        finally:
            execute("PRAGMA synchronous=FULL")


def compact(engine: Engine) -> None:
    """Write the database anew, so that it takes no more room than its rows, and nothing deleted is left.

    Nobody else can write meanwhile: what arrives goes to the spool. Needs as much free disk again.
    """
    with _in_no_transaction(engine) as execute:
        if engine.dialect.name != "sqlite":
            execute("VACUUM FULL")
            return
        execute("VACUUM")
        ((busy, *_),) = execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if busy:
            raise OperationalError(None, None, TimeoutError("somebody who reads keeps the old pages in use"))


@contextlib.contextmanager
def _in_no_transaction(engine: Engine) -> Iterator[Callable[[str], list[Any]]]:
    """What runs a statement that must stand alone. Errors come as SQLAlchemy's, as everywhere."""
    connection = engine.connect()
    # Through the driver, since here a transaction begins with the first statement.
    driver: Any = connection.connection.driver_connection
    try:
        if engine.dialect.name != "sqlite":
            driver.autocommit = True

        def execute(statement: str) -> list[Any]:
            cursor = driver.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

        yield execute
    except engine.dialect.loaded_dbapi.Error as error:
        raise OperationalError(None, None, error) from error
    finally:
        if engine.dialect.name != "sqlite" and not driver.closed:
            driver.autocommit = False
        connection.close()


def reason_of(error: SQLAlchemyError) -> str:
    """What the database said, in one line, without the statement and its values: those are private."""
    cause = getattr(error, "orig", None) or error
    lines = str(cause).strip().splitlines()
    return lines[0][:200] if lines else type(cause).__name__


def _revisions() -> set[str]:
    return {script.revision for script in ScriptDirectory.from_config(_alembic()).walk_revisions()}


def _alembic() -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config
