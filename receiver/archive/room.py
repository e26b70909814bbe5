"""The files that documents are in before a store has them."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from receiver.archive.store import StoreError

_MARK = "receiver-archive-"
"""How their names begin."""


def room_of_our_own() -> Path:
    """A directory for them that nobody else can write to, where temporary files are. `StoreError`."""
    room = Path(tempfile.gettempdir(), f"receiver-{os.getuid()}")
    try:
        room.mkdir(mode=0o700, exist_ok=True)
        there = room.lstat()
    except OSError as error:
        raise StoreError(f"cannot make the directory {room}: {error.strerror}; see TMPDIR") from None
    if not stat.S_ISDIR(there.st_mode) or there.st_uid != os.getuid() or there.st_mode & 0o077:
        raise StoreError(f"{room} is there, and not a directory of ours alone: remove it, or see TMPDIR")
    return room


@contextlib.contextmanager
def new_file(room: Path) -> Iterator[BinaryIO]:
    """A new file, which is gone in the end unless a store took it."""
    with tempfile.NamedTemporaryFile(dir=room, prefix=_MARK, delete=False) as file:
        try:
            yield cast(BinaryIO, file)
        finally:
            Path(file.name).unlink(missing_ok=True)


def clear(room: Path, seconds: float) -> None:
    """Delete what a process that was killed left behind: files that were last written to so long ago."""
    old = time.time() - seconds
    for path in room.glob(f"{_MARK}*"):
        with contextlib.suppress(OSError):  # another worker was faster
            there = path.lstat()
            if stat.S_ISREG(there.st_mode) and there.st_mtime < old:
                path.unlink()
