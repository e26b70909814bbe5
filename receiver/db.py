"""The engine with its durability settings, and the schema's version."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

MIGRATIONS = Path(__file__).parent.parent / "migrations"
_MIGRATION_LOCK = 5064_4271  # any number no other advisory lock of this database uses


class SchemaError(Exception):
    """The database cannot be used as it stands. The message says what to run."""


def connect(database_url: str, *, patience: float = 5.0) -> Engine:
    """An engine whose commits are on stable storage when they return.

    `patience` is how long, in seconds, a connection waits: for another writer on SQLite, for the server to
    accept it on PostgreSQL.
    """
    url = make_url(database_url)
    if url.drivername == "sqlite":
        Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, connect_args={"timeout": patience, "check_same_thread": False})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    engine = create_engine(
        url,
        pool_pre_ping=True,
        # None: a pooler in transaction mode hands each transaction another server, which knows no statement
        # prepared on the last one.
        connect_args={"connect_timeout": max(2, round(patience)), "prepare_threshold": None},
    )
    event.listen(engine, "connect", _prepare_postgres)
    return engine


def _prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # the driver's own transactions begin too late; see _begin_sqlite
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-65536"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later fails at once when another wrote in between, without
    # waiting. Writers say so and take the lock when they begin.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _prepare_postgres(connection: Any, _: Any) -> None:
    # A server or role may default to off, which acknowledges commits that a power cut takes back.
    with connection.cursor() as cursor:
        if cursor.execute("SHOW synchronous_commit").fetchone()[0] == "off":
            cursor.execute("SET synchronous_commit TO on")
    connection.commit()


@contextlib.contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that writes; committed when the block ends, rolled back when it raises."""
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        yield connection


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
        raise SchemaError(f"cannot reach the database: {reason_of(error)}") from error


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
            known = ", ".join(sorted(_revisions()))
            raise SchemaError(f"there is no such revision; there are {known}, `head` and `base`") from error


@contextlib.contextmanager
def _only_one(engine: Engine) -> Iterator[None]:
    if engine.dialect.name == "sqlite":
        with Path(f"{engine.url.database}.migrating").open("w") as lock:
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
