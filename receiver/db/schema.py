"""The schema: which revision the database is at, and how to migrate it."""

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
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from receiver.db.engine import SchemaError, Unreachable, reason_of, writing

MIGRATIONS = Path(__file__).parent.parent.parent / "migrations"
_MIGRATION_LOCK = 5064_4271  # any number that no other advisory lock of this database uses


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
    """Upgrade the schema. Several processes may call this at once: one migrates, the others wait."""
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


def _revisions() -> set[str]:
    return {script.revision for script in ScriptDirectory.from_config(_alembic()).walk_revisions()}


def _alembic() -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config
