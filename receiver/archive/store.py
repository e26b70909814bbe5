"""Where the bytes of documents are kept: what a store promises, and the names in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from receiver.vocabulary.errors import OperatorError

_NAME = re.compile(r"[0-9a-f]{64}(\.png)?")


class StoreError(OperatorError):
    """The store cannot be used as it is. The message says what to do, and holds no secret."""


class NotThere(StoreError):
    """The store has nothing of this name."""


class Unreadable(StoreError):
    """It is there, and cannot be read. Others may be."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something in a store."""

    name: str
    size: int
    changed_at: datetime


class Store(Protocol):
    """Bytes by name: the SHA-256 of a document, or that of its document and `.png` for a preview.

    What a name stands for never changes, so to put it twice is harmless. All methods raise `StoreError`.
    """

    @property
    def room(self) -> Path:
        """A directory of our own for files that are about to be put."""
        ...

    def put(self, name: str, source: Path) -> None:
        """Keep the content of a file; on stable storage when this returns. The file may be gone then."""
        ...

    def open(self, name: str) -> BinaryIO:
        """Read it, from any place in it; reading raises `StoreError`, too. `NotThere` if there is no such
        thing."""
        ...

    def exists(self, name: str) -> bool:
        """Whether it is there."""
        ...

    def delete(self, name: str) -> None:
        """Delete it, if it is there."""
        ...

    def list(self) -> Iterator[Entry]:
        """All that is there, in no order."""
        ...


def preview_of(sha256: str) -> str:
    """The name of a document's preview."""
    return f"{sha256}.png"


def place_of(name: str) -> str:
    """Where it stands: in one of 65,536 directories."""
    if not _NAME.fullmatch(name):
        raise ValueError("not a name of a store")
    return f"{name[:2]}/{name[2:4]}/{name}"


def is_name(word: str) -> bool:
    """Whether that may be the name of something in a store."""
    return _NAME.fullmatch(word) is not None
