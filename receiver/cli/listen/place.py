"""The last event that the local program acknowledged, kept on this machine over restarts."""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from receiver.vocabulary.errors import OperatorError


class PlaceError(OperatorError):
    """The place cannot be kept."""


class Place:
    """One place for each service and search, which one process holds at a time, from `with` to its end.

    The file holds an id and nothing else; not even its name tells what was searched for.
    """

    def __init__(self, url: str, search: str) -> None:
        name = hashlib.sha256(f"{url}\n{search}".encode()).hexdigest()[:32]
        self._path = _state_home() / "receiver" / "listen" / name
        self._file = -1

    def __enter__(self) -> Self:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise PlaceError(f"cannot keep the place in {self._path}: {error.strerror}") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise PlaceError(
                "another `receiver listen` with this service and search is running here: end it, or add a"
                " word to the search of this one"
            ) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def last(self) -> int | None:
        """The id that was kept, None if there is none."""
        text = os.pread(self._file, 64, 0).strip()
        return int(text) if text.isdigit() else None

    def keep(self, event_id: int) -> None:
        """Have this id on the disk. It is overwritten where it stands, always with as many digits."""
        try:
            os.pwrite(self._file, f"{event_id:020}\n".encode(), 0)
            os.fdatasync(self._file)
        except OSError as error:
            raise PlaceError(f"cannot keep the place in {self._path}: {error.strerror}") from None


def _state_home() -> Path:
    given = Path(os.environ.get("XDG_STATE_HOME", ""))
    return given if given.is_absolute() else Path.home() / ".local" / "state"
