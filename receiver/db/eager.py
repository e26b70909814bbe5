"""Waiting for SQLite's lock in short steps, for those who write callbacks.

SQLite's own waiting sleeps longer each time, up to 100 ms, so whoever waits sleeps on while the lock is free.
All other writers wait that way: whenever the lock is given up, a callback has looked before they do.
"""

from __future__ import annotations

import sqlite3
import time
from functools import partial
from typing import Any

from sqlalchemy import Engine, event

_FIRST_STEP, _LONGEST_STEP, _GROWTH = 0.0005, 0.01, 1.1
"""Seconds between looks. Steps grow, or a lock that is held for long would cost a processor."""


def wait_eagerly(engine: Engine, patience: float) -> None:
    """Have every statement of this SQLite engine wait `patience` seconds for the lock, in short steps."""
    event.listen(engine, "connect", _stop_own_waiting)
    event.listen(engine, "do_execute", partial(_execute, patience))


def _stop_own_waiting(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA busy_timeout=0")


def _execute(patience: float, cursor: Any, statement: str, parameters: Any, _: Any) -> bool:
    """Execute it in SQLAlchemy's place, which True tells."""
    until, step = None, _FIRST_STEP
    while True:
        try:
            cursor.execute(statement, parameters)
            return True
        except sqlite3.OperationalError as error:
            now = time.monotonic()
            until = until or now + patience
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or now >= until:
                raise
        time.sleep(step)
        step = min(step * _GROWTH, _LONGEST_STEP)
