"""Copies on the local disk of what the database told, for a process that starts while it is away."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from receiver.db.asking import Asking
from receiver.logs.log import get_logger

logger = get_logger(__name__)

_Value = TypeVar("_Value")


class OnDisk(Generic[_Value]):
    """One copy, a file with JSON. A disk that fails or hangs is logged, and otherwise ignored."""

    def __init__(
        self,
        path: Path,
        nothing: _Value,
        *,
        as_json: Callable[[_Value], Any],
        from_json: Callable[[Any], _Value],
    ) -> None:
        """`nothing` is the value without a copy. `from_json` may raise what unexpected JSON leads to."""
        self._path, self._nothing = path, nothing
        self._as_json, self._from_json = as_json, from_json
        self._asking = Asking()
        self.content = nothing
        """The value as this process last read or wrote it."""
        self.unread = False
        """Whether there may be another one, on a disk that hung when it was to be read."""

    def read(self) -> _Value:
        """The value as it was last kept; nothing if there is no copy."""
        self.unread = False
        try:
            value = self._from_json(json.loads(self._asking.ask(self._path.read_bytes)))
        except (FileNotFoundError, NotADirectoryError):
            return self._nothing
        except (OSError, ValueError, KeyError, TypeError) as error:
            self.unread = isinstance(error, TimeoutError)
            logger.error(
                "cannot read a copy of what the database told", file=self._path, error=type(error).__name__
            )
            return self._nothing
        self.content = value
        return value

    def keep(self, value: _Value) -> None:
        """Write it, if it has changed: whole or not at all, and readable by its owner only."""
        if value == self.content:
            return
        content = json.dumps(self._as_json(value)).encode()
        try:
            self._asking.ask(lambda: self._replace(content))
        except OSError as error:
            reason = error.strerror or "its disk hangs"
            logger.error("cannot keep a copy of what the database told", file=self._path, reason=reason)
        # Also after a failure: one line in the log is enough until it changes again.
        self.content = value

    def _replace(self, content: bytes) -> None:
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh.unlink(missing_ok=True)
        _write_synced(fresh, content)
        fresh.replace(self._path)
        _sync_directory(self._path.parent)


def _write_synced(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
