"""A store in a directory of this machine: `ab/cd/<sha256>`, readable by its owner only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from receiver.archive.reading import reading
from receiver.archive.store import Entry, NotThere, StoreError, Unreadable, is_name, place_of

_INCOMING = "incoming"


class Folder:
    """See `receiver.archive.store.Store`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def room(self) -> Path:
        """On the same file system, so that a file only needs another name."""
        with self._telling():
            room = self._path / _INCOMING
            room.mkdir(mode=0o700, parents=True, exist_ok=True)
            return room

    def put(self, name: str, source: Path) -> None:
        target = self._path / place_of(name)
        with self._telling():
            source.chmod(0o600)
            _sync(source)
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            source.rename(target)
            # A new directory is not there after a power cut if only its content was synced.
            for folder in (target.parent, target.parent.parent, self._path):
                _sync(folder)

    def open(self, name: str) -> BinaryIO:
        with self._reading():
            return reading((self._path / place_of(name)).open("rb"), self._reading)

    def exists(self, name: str) -> bool:
        with self._telling():
            return (self._path / place_of(name)).is_file()

    def delete(self, name: str) -> None:
        target = self._path / place_of(name)
        with self._telling():
            try:
                target.unlink()
            except FileNotFoundError:
                return
            _sync(target.parent)

    def list(self) -> Iterator[Entry]:
        with self._telling():
            for path in self._path.glob("??/??/*"):
                if not is_name(path.name):
                    continue
                with suppress(FileNotFoundError):  # deleted meanwhile
                    state = path.stat()
                    yield Entry(path.name, state.st_size, datetime.fromtimestamp(state.st_mtime, UTC))

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise NotThere("the archive does not hold this document") from None
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise Unreadable(f"a document in the archive in {self._path} cannot be read: {reason}") from None

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise StoreError(
                f"the archive in {self._path} cannot be used: {reason}; see ARCHIVE_DIR"
            ) from None


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
