"""Ways to lose a database without an error: its server falls silent, its file or the log of it is gone."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
from pathlib import Path
from typing import Any
from weakref import WeakSet

from sqlalchemy import Engine, event


class Moved(Exception):
    """Writes go to a file that is no longer the database, or no longer belongs to it."""

    def __init__(self) -> None:
        super().__init__(
            "its file, or the -wal beside it, was moved, deleted or replaced: put the file back, or restart "
            "the service"
        )


class Reach:
    """Tells whether an engine still reaches its database. Safe to use from any thread."""

    def __init__(self, engine: Engine) -> None:
        self._path = Path(engine.url.database or "") if engine.dialect.name == "sqlite" else None
        self._file: tuple[int, int] | None = None
        self._connections: WeakSet[Any] = WeakSet()
        self._keeper: sqlite3.Connection | None = None
        self._journal: tuple[int, int] | None = None
        event.listen(engine, "connect", self._opened)

    @property
    def moved(self) -> bool:
        """Whether the SQLite database is gone from where it was opened, or another file is there.

        SQLite silently goes on with the file that it has open, wherever that is by now. The same goes for its
        write-ahead log, if that is watched.
        """
        if self._path is None or self._file is None:
            return False
        return self._file != _identity(self._path) or self._journal_gone

    @property
    def _journal_gone(self) -> bool:
        if self._path is None or self._journal is None:
            return False
        return self._journal != _identity(_journal_of(self._path))

    def watch_journal(self) -> None:
        """Watch the write-ahead log too, from now on.

        A connection of its own keeps it: SQLite deletes the log once nobody has the database open.
        """
        if self._path is None or self._file is None or self._keeper is not None:
            return
        with contextlib.suppress(sqlite3.Error):  # another time, then
            address = f"{self._path.absolute().as_uri()}?mode=rw"
            keeper = sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None)
            keeper.execute("SELECT count(*) FROM sqlite_master").fetchone()
            self._keeper, self._journal = keeper, _identity(_journal_of(self._path))

    def save_journal(self) -> None:
        """If the write-ahead log is gone, write what is committed in it into the database."""
        if self._keeper is not None and self._journal_gone:
            with contextlib.suppress(sqlite3.Error):  # somebody reads; it is tried again
                self._keeper.execute("PRAGMA wal_checkpoint(FULL)")

    def close(self) -> None:
        """Watch no longer."""
        if self._keeper is not None:
            self._keeper.close()
        self._keeper = self._journal = None

    def forget(self) -> None:
        """Accept the file that is opened next."""
        self._file = None

    def hang_up(self) -> bool:
        """Break every connection to the server, so that whoever waits on one gets an error at once.

        Returns whether there was any. Needed because neither side notices when a firewall in between forgets
        a connection, and because a server may hang.
        """
        broken = False
        for connection in list(self._connections):
            with (
                contextlib.suppress(Exception),  # it was closed meanwhile, which is fine
                socket.socket(fileno=os.dup(connection.fileno())) as line,
            ):
                line.shutdown(socket.SHUT_RDWR)
                broken = True
        return broken

    def _opened(self, connection: Any, _: Any) -> None:
        if self._path is None:
            self._connections.add(connection)
        elif self._file is None:
            self._file = _identity(self._path)


def _journal_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
