"""Reading a document as if it were any file, but for the errors."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, cast

Telling = Callable[[], AbstractContextManager[None]]
"""Turns an error into one of the store's own."""


def reading(file: Any, telling: Telling) -> BinaryIO:
    """What an opened file holds. An error that it has later is told as one at opening it."""
    return cast(BinaryIO, _Reader(file, telling))


class _Reader:
    """All of a file that those who read documents use."""

    def __init__(self, file: Any, telling: Telling) -> None:
        self._file = file
        self._telling = telling

    def read(self, size: int = -1) -> bytes:
        with self._telling():
            return bytes(self._file.read() if size < 0 else self._file.read(size))

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with self._telling():
            return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
