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
        self._complained = False
        self.content: _Value | None = None
        """What is on the disk; None as long as that is not known: it hung, or could not be written."""

    def read(self) -> _Value:
        """The value as it was last kept; nothing if there is no copy."""
        self.content = None
        try:
            self.content = self._from_json(json.loads(self._asking.ask(self._path.read_bytes)))
        except (FileNotFoundError, NotADirectoryError):
            self.content = self._nothing
        except (OSError, ValueError, KeyError, TypeError) as error:
            self._complain("cannot read a copy of what the database told", type(error).__name__)
            if not isinstance(error, TimeoutError):  # what cannot be read is as good as nothing
                self.content = self._nothing
        return self._nothing if self.content is None else self.content

    def keep(self, value: _Value) -> None:
        """Write it, unless it is there: whole or not at all, and readable by its owner only. After a failure
        the next call tries again."""
        if value != self.content:
            content = json.dumps(self._as_json(value)).encode()
            self.content = None
            try:
                self._asking.ask(lambda: self._replace(content))
            except OSError as error:
                reason = error.strerror or "its disk hangs"
                self._complain("cannot keep a copy of what the database told", reason)
                return
            self.content = value
        self._complained = False

    def _complain(self, what: str, reason: str) -> None:
        """One line in the log is enough until the disk is well again."""
        if not self._complained:
            logger.error(what, file=self._path, reason=reason)
        self._complained = True

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
