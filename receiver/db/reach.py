"""Two ways to lose a database without an error: a server that falls silent, a file that is moved away."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path
from typing import Any
from weakref import WeakSet

from sqlalchemy import Engine, event


class Moved(Exception):
    """What is written goes to a file that is no longer the database."""

    def __init__(self) -> None:
        super().__init__("its file was moved, deleted or replaced: put it back, or restart the service")


class Reach:
    """An engine's way to its database. Safe to use from any thread."""

    def __init__(self, engine: Engine) -> None:
        self._path = Path(engine.url.database or "") if engine.dialect.name == "sqlite" else None
        self._file: tuple[int, int] | None = None
        self._connections: WeakSet[Any] = WeakSet()
        event.listen(engine, "connect", self._opened)

    @property
    def moved(self) -> bool:
        """Whether another file, or none, is where the SQLite database was opened.

        SQLite goes on in the file that it has open, wherever that is by now, and says nothing.
        """
        return self._path is not None and self._file is not None and self._file != _identity(self._path)

    def forget(self) -> None:
        """Take the file that is opened next for the right one."""
        self._file = None

    def hang_up(self) -> bool:
        """Break every connection to a server; whether there was any. Who waits on one gets an error at once.

        Neither side of a connection notices when what is between them forgets it, and a server may hang.
        """
        broken = False
        for connection in list(self._connections):
            with (
                contextlib.suppress(Exception),  # closed meanwhile, which is what was wanted
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
