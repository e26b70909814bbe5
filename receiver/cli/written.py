"""A file that a command writes: whole or not at all, and private."""

from __future__ import annotations

import io
import os
import secrets
import signal
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO, NoReturn, TextIO


@contextmanager
def written(path: Path) -> Iterator[TextIO]:
    """`written_bytes` for a text, in UTF-8."""
    with written_bytes(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        try:
            yield text
        finally:
            text.detach()


@contextmanager
def written_bytes(path: Path) -> Iterator[BinaryIO]:
    """A file to fill, that stands at `path` once the block ends without an error. `OSError` if it cannot.

    A regular file is replaced at that moment and keeps its mode and owner; a new one is its owner's only.
    Where a link leads there it stays a link. A device, a pipe or our own output is written to directly.
    """
    with _ending_in_order():
        if _takes_writes_only(path):
            with os.fdopen(_opened(path), "wb") as file:
                yield file
            return
        place = Path(os.path.realpath(path))
        # Beside its place, so that it can be renamed. Nobody else has this name.
        part = place.with_name(f".receiver-{secrets.token_hex(8)}.part")
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                _dress_like(place, descriptor)
                os.fsync(descriptor)
            part.replace(place)
        finally:
            part.unlink(missing_ok=True)
        _sync_folder(place.parent)


def _takes_writes_only(path: Path) -> bool:
    """Whether what is there is no file that could be replaced."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    return not stat.S_ISREG(found.st_mode) or _is_ours(found)


def _is_ours(found: os.stat_result) -> bool:
    """Whether it is where our standard output goes, as with `-o /dev/stdout >> file`."""
    with suppress(OSError, ValueError, AttributeError):
        return os.path.samestat(found, os.fstat(sys.stdout.fileno()))
    return False


def _opened(path: Path) -> int:
    if _is_ours(path.stat()):
        return os.dup(sys.stdout.fileno())
    return os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOCTTY)


def _dress_like(place: Path, descriptor: int) -> None:
    """Give a file the mode and owner of what it will replace."""
    try:
        found = place.stat()
    except FileNotFoundError:
        return
    mode = stat.S_IMODE(found.st_mode)
    try:
        os.fchown(descriptor, found.st_uid, found.st_gid)
    except PermissionError:
        mode &= 0o700  # what another group could read is not for ours
    os.fchmod(descriptor, mode)


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # not every file system can, and the file is there
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """A signal to end runs what is to be done at the end, as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [
        number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is signal.SIG_DFL
    ]
    before: dict[signal.Signals, Any] = {number: signal.signal(number, _end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, _: FrameType | None) -> NoReturn:
    signal.signal(number, signal.SIG_IGN)  # once is enough
    raise SystemExit(128 + number)
