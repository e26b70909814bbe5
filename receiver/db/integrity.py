"""Whether an SQLite file is whole. Damage where nobody reads or writes goes unnoticed otherwise."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine


def damage(engine: Engine, pause: Callable[[float], None] = lambda _: None) -> str | None:
    """What is wrong with the file, in SQLite's words, or None.

    One table after the other, with those of the index among them. Nobody who writes has to wait. After each,
    `pause` is told how many seconds it took.
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
                (found,) = file.execute(f'PRAGMA quick_check("{quoted}")').fetchone()
                if found != "ok":
                    return f"{table}: {found.splitlines()[0][:200]}"
                pause(time.monotonic() - began)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            return str(error)
        raise
    return None
