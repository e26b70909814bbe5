"""A copy of the database's keys in SPOOL_DIR, for a process that starts while the database is away."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from receiver.keys.stored import MadeKey
from receiver.logs.log import get_logger

logger = get_logger(__name__)

_NAME = "keys.json"


class KeysOnDisk:
    """The copy. A disk that fails is logged, and otherwise ignored."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / _NAME
        self.content: tuple[MadeKey, ...] = ()
        """The keys as this process last read or wrote them."""

    def read(self) -> tuple[MadeKey, ...]:
        """The keys as they were last kept; none if there is no copy."""
        try:
            entries = json.loads(self._path.read_bytes())["keys"]
            made = tuple(MadeKey(str(entry["secret"]), _time(entry["moved_to"])) for entry in entries)
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.error("cannot read the callback keys", file=self._path, error=type(error).__name__)
            return ()
        self.content = made
        return made

    def keep(self, made: tuple[MadeKey, ...]) -> None:
        """Write them, if they have changed: whole or not at all, and readable by their owner only."""
        if made == self.content:
            return
        content = json.dumps({"keys": [each._asdict() for each in made]}, default=datetime.isoformat).encode()
        fresh = self._path.with_name(f"{_NAME}.{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh.unlink(missing_ok=True)
            _write_synced(fresh, content)
            fresh.replace(self._path)
            _sync_directory(self._path.parent)
        except OSError as error:
            logger.error("cannot keep the callback keys", file=self._path, reason=error.strerror)
        # Also after a failure: one line in the log is enough until the keys change again.
        self.content = made


def _time(written: object) -> datetime | None:
    if isinstance(written, str):
        return datetime.fromisoformat(written)
    return datetime.now(UTC) if written else None  # earlier versions wrote only whether, not when


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
