"""Copies of an SQLite log: made while it is served, and put back while it is not."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL, Engine
from sqlalchemy.exc import SQLAlchemyError

from receiver.db.engine import Unreachable, connect_file
from receiver.db.failure import FULL, failure_of, reason_of
from receiver.db.schema import current_revision, revisions
from receiver.db.space import in_no_transaction
from receiver.vocabulary.errors import OperatorError

_LOCKS = 0x40000000, 512
"""Where in its file SQLite keeps the locks of all who have it open, and how many bytes those are."""


class BackupError(OperatorError):
    """No copy was made, or none was put back. Nothing has changed."""


def backup(engine: Engine, target: Path) -> int:
    """Write a consistent and verified copy, readable by its owner only. Returns its size in bytes.

    Others may write meanwhile. A file that exists is not replaced.
    """
    _require_file(engine, "pg_dump -Fc -f FILE DATABASE_URL")
    if os.path.lexists(target):
        raise BackupError(f"{target} exists already: name a new file")
    with _copy(engine, target) as copy:
        size = copy.stat().st_size
        try:
            os.link(copy, target)  # unlike a rename, it never replaces anything
        except FileExistsError:
            raise BackupError(f"{target} exists already: name a new file") from None
        _sync(target.parent)
    return size


def require_copy(engine: Engine, source: Path) -> None:
    """Raise `BackupError` unless `source` is a file that may be a copy of the database."""
    _require_file(engine, "pg_restore --clean --if-exists -d DATABASE_URL FILE")
    path = Path(engine.url.database or "")
    if not source.is_file():
        raise BackupError(f"{source} is no file")
    if path.exists() and source.samefile(path):
        raise BackupError(f"{source} is the database itself: name a copy of it")


def restore(engine: Engine, source: Path) -> Path | None:
    """Put a copy in the place of the database. Returns where the database that it replaced is now."""
    require_copy(engine, source)
    path = Path(engine.url.database or "")
    given = connect_file(URL.create("sqlite", database=str(source)), patience=5.0)
    try:
        revision = current_revision(given)
        if revision not in revisions():
            raise BackupError(f"{source} is no log that this version can read: its revision is {revision}")
        with _copy(given, path) as copy:
            engine.dispose()
            with _alone(path):
                kept = _keep(path)
                copy.rename(path)
                _sync(path.parent)
    except Unreachable as error:
        raise BackupError(f"cannot read {source}: {error.failure.what}; name a copy that is whole") from None
    finally:
        given.dispose()
    return kept


def _require_file(engine: Engine, instead: str) -> None:
    if engine.dialect.name != "sqlite":
        raise BackupError(f"this is for SQLite; on PostgreSQL run `{instead}`")


@contextlib.contextmanager
def _copy(engine: Engine, target: Path) -> Iterator[Path]:
    """A verified copy beside `target`, on stable storage. It is removed afterwards."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    except OSError as error:
        raise BackupError(f"cannot write into {target.parent}: {error.strerror}") from None
    os.close(handle)
    copy = Path(name)
    try:
        with in_no_transaction(engine) as execute:
            # One read transaction: it sees one moment, and whoever writes need not wait.
            execute("VACUUM INTO ?", name)
        with contextlib.closing(sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro", uri=True)) as made:
            found = made.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise BackupError(f"the copy is damaged, as the database may be: {found}")
        _sync(copy)
        yield copy
    except (SQLAlchemyError, sqlite3.Error) as error:
        if failure_of(error) is FULL:  # that of the copy, to which alone something is written
            raise BackupError(f"cannot write {target}: its disk is full; make room on it") from None
        raise BackupError(f"cannot copy {engine.url.database}: {reason_of(error)}") from None
    except OSError as error:
        raise BackupError(f"cannot write {target}: {error.strerror}") from None
    finally:
        copy.unlink(missing_ok=True)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the locks of everybody: whoever has the database open holds one, and who opens it waits."""
    if not path.exists():
        yield
        return
    with path.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _LOCKS[1], _LOCKS[0])
        except OSError:
            raise BackupError(f"{path} is in use: stop the service and other commands first") from None
        yield


def _keep(path: Path) -> Path | None:
    if not path.exists():
        return None
    kept = path.with_name(f"{path.name}.replaced-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
    for part in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(f"{path.name}{part}").rename(kept.with_name(f"{kept.name}{part}"))
    return kept


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
