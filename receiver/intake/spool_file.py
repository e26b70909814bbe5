"""The file of the spool: made when it is first needed, and begun anew when it is gone or damaged."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import (
    URL,
    Column,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    event,
    inspect,
)
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.schema import CreateColumn

from receiver.db.engine import connect_file, make_private, writing
from receiver.db.failure import words_of
from receiver.db.reach import Reach
from receiver.logs.log import get_logger
from receiver.models import UtcTime
from receiver.providers.registry import DEFAULT
from receiver.vocabulary.errors import OperatorError

logger = get_logger(__name__)

PAGE_BYTES = 4096

_metadata = MetaData()
ARRIVALS = Table(
    "arrivals",
    _metadata,
    Column("position", Integer, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False),
    Column("provider", Text, nullable=False, server_default=DEFAULT.name),
    Column("kind", Text, nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("method", Text, nullable=False),
    Column("query", LargeBinary, nullable=False),
    Column("headers", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("peer", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("signature", Text, nullable=False),
    Column("distrust", Text),
    Column("set_aside", Text),  # why the database refused it for good; NULL while it waits
    sqlite_autoincrement=True,
)
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class SpoolError(OperatorError):
    """The spool cannot be used. The message says why, and what to look at."""


class SpoolSilent(SpoolError):
    """Its disk gave no answer in time."""

    def __init__(self, directory: Path) -> None:
        super().__init__(f"the spool in SPOOL_DIR {directory} does not answer: its disk hangs")


class SpoolDamaged(SpoolError):
    """The file is damaged. It was moved aside, and the next attempt begins a new one."""


class SpoolFile:
    """`spool.db` in a directory. Several processes may use it at once."""

    def __init__(self, directory: Path, *, most_pages: int) -> None:
        self._directory = directory
        self._path = directory / "spool.db"
        self._most_pages = most_pages
        self._ready = False
        self._engine = connect_file(URL.create("sqlite", database=str(self._path)), patience=1.0)
        event.listen(self._engine, "connect", self._limit)
        self._reach = Reach(self._engine)

    @contextlib.contextmanager
    def using(self) -> Iterator[Engine]:
        """The engine for it. Turns whatever fails inside into a `SpoolError`."""
        try:
            self._prepare()
            yield self._engine
        except (SQLAlchemyError, OSError) as error:
            if _is_damage(getattr(error, "orig", None)) and self._move_aside():
                raise SpoolDamaged(f"the spool in SPOOL_DIR {self._directory} is damaged") from None
            raise self._unusable(error) from None

    def moved_aside(self) -> list[Path]:
        """Damaged files that wait for somebody to look at them."""
        found = self._directory.glob(f"{self._path.name}.damaged-*")
        return sorted(path for path in found if not path.name.endswith(("-wal", "-shm")))

    def close(self) -> None:
        self._engine.dispose()

    def _prepare(self) -> None:
        if self._ready and self._reach.moved:
            logger.critical("the file in SPOOL_DIR was moved, deleted or replaced, a new one is begun")
            self._begin_anew()
        if self._ready:
            return
        make_private(self._path)
        with writing(self._engine) as connection:
            _metadata.create_all(connection)
            _complete(connection)
        self._ready = True

    def _begin_anew(self) -> None:
        self._engine.dispose()
        self._reach.forget()
        self._ready = False

    def _move_aside(self) -> bool:
        """Whether the file was damaged and is out of the way. Nothing that is in it is deleted."""
        folder = os.open(self._directory, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            if self._reach.moved:  # another process was quicker
                self._begin_anew()
                return True
            if not _damaged(self._path):
                return False
            aside = f"{self._path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
            for part in ("-wal", "-shm", ""):
                with contextlib.suppress(FileNotFoundError):
                    self._path.with_name(f"{self._path.name}{part}").rename(
                        self._path.with_name(f"{aside}{part}")
                    )
        finally:
            os.close(folder)
        logger.critical(
            "the spool is damaged, it was moved aside and a new one is begun",
            file=aside,
            see="receiver doctor",
        )
        self._begin_anew()
        return True

    def _limit(self, connection: object, _: object) -> None:
        connection.execute(f"PRAGMA max_page_count={self._most_pages}")  # type: ignore[attr-defined]

    def _unusable(self, error: SQLAlchemyError | OSError) -> SpoolError:
        reason = words_of(error) if isinstance(error, SQLAlchemyError) else error.strerror
        if isinstance(error, OperationalError) and "full" in str(reason):
            reason = f"{reason} (SPOOL_LIMIT_MB or the file system)"
        return SpoolError(f"the spool in SPOOL_DIR {self._directory} cannot be written: {reason}")


def _complete(connection: Connection) -> None:
    """Add the columns that a file made by an earlier version lacks: what waits in it was for the default."""
    there = {column["name"] for column in inspect(connection).get_columns(ARRIVALS.name)}
    for column in ARRIVALS.columns:
        if column.name not in there:
            declared = CreateColumn(column).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {ARRIVALS.name} ADD COLUMN {declared}")


def _is_damage(error: BaseException | None) -> bool:
    return isinstance(error, sqlite3.Error) and (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF in _DAMAGE


def _damaged(path: Path) -> bool:
    """Look at the whole file anew: an error may be about pages that somebody has replaced since."""
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as file:
            return bool(file.execute("PRAGMA quick_check(1)").fetchall() != [("ok",)])
    except sqlite3.Error as error:
        return _is_damage(error)
