"""Indexing events anew whose ends change after the index has passed them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, bindparam, select, text

from receiver.models import EVENTS, IndexState
from receiver.search.additions import ADD, Additions
from receiver.search.written_words import add_words, words_of


@contextmanager
def reindexing(connection: Connection, ids: Sequence[int]) -> Iterator[None]:
    """What the block changes in these events is changed in words and counts, too, in the caller's
    transaction."""
    if not ids:
        yield
        return
    # Locked, so that the index does not pass one of them meanwhile.
    indexed = connection.scalar(select(IndexState.event_id).with_for_update()) or 0
    passed = {"ids": [event_id for event_id in ids if event_id <= indexed]}
    before = _read(connection, passed)
    yield
    after = _read(connection, passed)
    _count(connection, before, -1)
    _count(connection, after, 1)
    if after:
        connection.execute(_FORGET[connection.dialect.name], [{"of": event.id} for event in after])
        add_words(connection, words_of(connection.dialect.name, after))


def _read(connection: Connection, passed: dict[str, list[int]]) -> Sequence[Any]:
    return connection.execute(_EVENTS, passed).all() if passed["ids"] else []


def _count(connection: Connection, events: Sequence[Any], sign: int) -> None:
    added = Additions()
    for event in events:
        added.add(event)
    # The hours stay as they were.
    _, *statements = zip(ADD[connection.dialect.name], added.rows(sign), strict=True)
    for statement, rows in statements:
        if rows:
            connection.execute(statement, rows)


_EVENTS = select(*EVENTS.columns).where(EVENTS.c.id.in_(bindparam("ids", expanding=True)))
_FORGET = {
    "sqlite": text("DELETE FROM event_words WHERE rowid = :of"),
    "postgresql": text("DELETE FROM event_words WHERE id = :of"),
}
