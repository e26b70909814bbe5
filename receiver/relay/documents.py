"""The documents of an event, for those who send them on. Where they are kept is no concern of theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from receiver.models import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What an event links to."""

    waiting: bool = False
    """It, or the picture of its first page, is still being fetched or made."""
    reason: str | None = None
    """Why it is not kept, in a sentence; None if it is, or may still be."""
    media_type: str = "application/pdf"
    size: int = 0
    pages: int | None = None
    read: Callable[[], bytes | None] = lambda: None
    """Its bytes; None if they are gone."""
    picture: Callable[[], bytes | None] = lambda: None
    """Its first page as PNG; None if there is no such picture."""


class Documents(Protocol):
    """Finds what is kept of an event."""

    def find(self, event: Event) -> tuple[Document, ...]:
        """Its documents; none if it has none, or nothing is kept here."""
        ...


class NoDocuments:
    """Nothing is kept."""

    def find(self, event: Event) -> tuple[Document, ...]:
        return ()
