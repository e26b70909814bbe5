"""Whether an SQLite file is whole. Damage where nobody reads or writes goes unnoticed otherwise."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy import Engine

MOST_GROWTH = 256 * 1024 * 1024
"""By how many bytes the write-ahead log may grow while a table is read: what others write stays in it until
then, and SQLite cannot look at a part of a table and go on later."""
_LOOKS_AT_GROWTH = 0.5


class Unfinished(sqlite3.OperationalError):
    """The look was stopped. The file may be whole or not."""

    def __init__(self) -> None:
        super().__init__("too much was written meanwhile")


def damage(engine: Engine, pause: Callable[[float], None] = lambda _: None) -> str | None:
    """What is wrong with the file, in SQLite's words, or None.

    One table after the other, with those of the index among them. Nobody who writes has to wait. After each,
    `pause` is told how many seconds it took. `Unfinished` if the write-ahead log grew too much.
    """
    path = Path(engine.url.database or "").absolute()
    try:
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as file:
            file.execute("PRAGMA cache_size=-2048")
            tables = file.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
            ).fetchall()
            for (table,) in tables:
                began = time.monotonic()
                quoted = table.replace('"', '""')
                with _bounded(file, path.with_name(f"{path.name}-wal")):
                    (found,) = file.execute(f'PRAGMA quick_check("{quoted}")').fetchone()
                if found != "ok":
                    return f"{table}: {found.splitlines()[0][:200]}"
                pause(time.monotonic() - began)
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            return str(error)
        raise
    return None


@contextlib.contextmanager
def _bounded(file: sqlite3.Connection, journal: Path) -> Iterator[None]:
    """Stop what `file` does once the write-ahead log has grown too much."""
    before, done, stopped = _size(journal), threading.Event(), threading.Event()

    def watch() -> None:
        # Not by a progress handler: SQLite asks none while it looks at pages.
        while not done.wait(_LOOKS_AT_GROWTH):
            if _size(journal) - before > MOST_GROWTH:
                stopped.set()
                file.interrupt()

    watching = threading.Thread(target=watch, name="integrity", daemon=True)
    watching.start()
    try:
        yield
    except sqlite3.OperationalError:
        if stopped.is_set():
            raise Unfinished from None
        raise
    finally:
        done.set()
        watching.join()


def _size(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.stat().st_size
    return 0
