"""Free space in the database: given back a little at a time, or all at once."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from receiver.db.engine import LONGEST_LOCK

SHARE = 0.3
"""The share of its time that such work may spend in its steps."""
_INCREMENTAL = 2  # SQLite's number for it


def give_back(engine: Engine, until: float | None = None) -> None:
    """Give back the space of deleted rows: on SQLite to the file system, on PostgreSQL to new rows.

    SQLite frees a few pages at a time, so that callbacks can be written in between; `until` (a time of
    `time.monotonic`) ends it early. A file made by an early version frees nothing until it is compacted.
    """
    with in_no_transaction(engine) as execute:
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
    """Rewrite the database, so that it is no larger than its rows and nothing deleted is left in it.

    Nobody else can write meanwhile: callbacks go to the spool. Needs free disk space for a second copy.
    """
    with in_no_transaction(engine) as execute:
        if engine.dialect.name != "sqlite":
            execute("VACUUM FULL")
            return
        execute("PRAGMA auto_vacuum=INCREMENTAL")  # a file of an early version adopts it with the next line
        execute("VACUUM")
        ((busy, *_),) = execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if busy:
            raise OperationalError(None, None, TimeoutError("somebody who reads keeps the old pages in use"))


@contextlib.contextmanager
def in_no_transaction(engine: Engine) -> Iterator[Callable[..., list[Any]]]:
    """A function that runs statements outside of any transaction. Errors are SQLAlchemy's, as everywhere."""
    connection = engine.connect()
    # Through the driver, since SQLAlchemy begins a transaction with the first statement.
    driver: Any = connection.connection.driver_connection
    try:
        if engine.dialect.name != "sqlite":
            driver.autocommit = True

        def execute(statement: str, *values: str) -> list[Any]:
            cursor = driver.execute(statement, values)
            return list(cursor.fetchall()) if cursor.description else []

        yield execute
    except engine.dialect.loaded_dbapi.Error as error:
        raise OperationalError(None, None, error) from error
    finally:
        if engine.dialect.name != "sqlite" and not driver.closed:
            driver.autocommit = False
        connection.close()
