"""The schema: which revision the database is at, and how to migrate it.

Alembic is loaded only to migrate: loading it takes longer than most commands take.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from receiver.db.engine import SchemaError, Unfit, Unreachable, writing
from receiver.db.failure import away, reason_of

MIGRATIONS = Path(__file__).parent.parent.parent / "migrations"
_MIGRATION_LOCK = 5064_4271  # any number that no other advisory lock of this database uses


def newest_revision() -> str:
    """The revision this code was written for."""
    known = revisions()
    if not known:
        raise SchemaError(f"no migrations in {MIGRATIONS.name}/: the checkout is not whole")
    return known[-1]


def revisions() -> list[str]:
    """All revisions this code knows, oldest first. Migrations are numbered, and so are their files."""
    return sorted(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def current_revision(engine: Engine) -> str | None:
    """The revision the database is at; None for an empty one."""
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
            return revision
    except SQLAlchemyError as error:
        raise Unreachable(away(error)) from error


def require_fit(engine: Engine) -> None:
    """Raise `Unfit` if a server's or role's setting, which no session of ours can change, is in the way."""
    if engine.dialect.name == "sqlite":
        return
    elsewhere = """
        SELECT current_setting('server_encoding'), current_schema(),
            (SELECT min(nspname) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
             WHERE relname = 'callback_keys' AND relkind = 'r' AND to_regclass('callback_keys') IS NULL)
        """
    try:
        with engine.connect() as connection:
            encoding, schema, tables = connection.execute(text(elsewhere)).one()
    except SQLAlchemyError as error:
        raise Unreachable(away(error)) from error
    if encoding != "UTF8":
        raise Unfit(
            f"the encoding of the database is {encoding}, which cannot hold every message: make one with "
            "`createdb -E UTF8 -T template0 NAME` and name it in DATABASE_URL"
        )
    if tables is not None:
        raise Unfit(
            f"the tables are in the schema {tables}, which the search_path of this role does not lead to: "
            f"`ALTER ROLE … SET search_path TO {tables}`"
        )
    if schema is None:
        raise Unfit(
            "the search_path of this role leads to no schema: `ALTER ROLE … SET search_path TO public`"
        )


def require_schema(engine: Engine) -> None:
    """Raise `SchemaError` unless the database has exactly the schema this code knows, and is fit for it."""
    require_fit(engine)
    current, newest = current_revision(engine), newest_revision()
    if current == newest:
        return
    if current is None:
        raise SchemaError("the database has no tables yet: run `receiver db upgrade`")
    if current in revisions():
        raise SchemaError(
            f"the database is at {current}, this code needs {newest}: run `receiver db upgrade`"
        )
    raise SchemaError(
        f"the database is at revision {current}, which this code does not know: "
        "it was upgraded by a newer version; run that version"
    )


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Upgrade the schema. Several processes may call this at once: one migrates, the others wait."""
    require_fit(engine)
    _migrate(engine, "upgrade", revision)


def require_revision(revision: str) -> None:
    """Raise `SchemaError` unless this code knows the revision; `base` is an empty database."""
    if revision not in {*revisions(), "base"}:
        raise _no_such_revision()


def downgrade(engine: Engine, revision: str) -> None:
    """Downgrade the schema to `revision` (`base` for an empty database)."""
    _migrate(engine, "downgrade", revision)


def _migrate(engine: Engine, direction: Literal["upgrade", "downgrade"], revision: str) -> None:
    from alembic import command, config, util  # noqa: PLC0415  # see above

    go = command.upgrade if direction == "upgrade" else command.downgrade
    with _only_one(engine):
        try:
            with writing(engine) as connection:
                settings = config.Config()
                settings.set_main_option("script_location", str(MIGRATIONS))
                settings.attributes["connection"] = connection
                go(settings, revision)
        except SQLAlchemyError as error:
            raise SchemaError(f"the migration failed and was rolled back: {reason_of(error)}") from error
        except util.CommandError as error:
            raise _no_such_revision() from error


def _no_such_revision() -> SchemaError:
    return SchemaError(f"there is no such revision; there are {', '.join(revisions())} and `base`")


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
        raise Unreachable(away(error)) from error
