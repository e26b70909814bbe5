"""Two ways to lose a database without an error: its server falls silent, or its file is moved away."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path
from typing import Any
from weakref import WeakSet

from sqlalchemy import Engine, event


class Moved(Exception):
    """Writes go to a file that is no longer the database."""

    def __init__(self) -> None:
        super().__init__("its file was moved, deleted or replaced: put it back, or restart the service")


class Reach:
    """Tells whether an engine still reaches its database. Safe to use from any thread."""

    def __init__(self, engine: Engine) -> None:
        self._path = Path(engine.url.database or "") if engine.dialect.name == "sqlite" else None
        self._file: tuple[int, int] | None = None
        self._connections: WeakSet[Any] = WeakSet()
        event.listen(engine, "connect", self._opened)

    @property
    def moved(self) -> bool:
        """Whether the SQLite database is gone from where it was opened, or another file is there.

        SQLite silently goes on with the file that it has open, wherever that is by now.
        """
        return self._path is not None and self._file is not None and self._file != _identity(self._path)

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


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
