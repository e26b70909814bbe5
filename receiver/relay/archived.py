"""The documents of events, as the archive has them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from sqlalchemy import Engine

from receiver.archive.documents import Item, of_events
from receiver.archive.states import Preview, State
from receiver.archive.store import NotThere, Store, preview_of
from receiver.models import Event
from receiver.relay.documents import Document

_GONE = {
    State.LAPSED: "its link had lapsed before it was fetched",
    State.REFUSED: "it was refused, as the page of the event says",
}


class Archive:
    """See `receiver.relay.documents.Documents`."""

    def __init__(self, engine: Engine, store: Callable[[], Store]) -> None:
        self._engine = engine
        self._store = store

    def find(self, event: Event) -> tuple[Document, ...]:
        return tuple(self._document(item) for item in of_events(self._engine, [event]).get(event.id, ()))

    def _document(self, item: Item) -> Document:
        if item.state is not State.KEPT or item.sha256 is None:
            reason = None if item.state is State.WAITING else item.reason or _GONE.get(item.state)
            return Document(waiting=item.state is State.WAITING, reason=reason)
        name = item.sha256
        drawn = item.preview == Preview.YES.value
        return Document(
            waiting=item.preview == Preview.WAITING.value,
            media_type=item.media_type or "application/octet-stream",
            size=item.size or 0,
            pages=item.pages,
            read=lambda: self._read(name),
            picture=lambda: self._read(preview_of(name)) if drawn else None,
        )

    def _read(self, name: str) -> bytes | None:
        try:
            with closing(self._store().open(name)) as content:
                return content.read()
        except NotThere:
            return None
