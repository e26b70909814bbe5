"""The words of events as the index of words holds them, on either database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from receiver.search.entries import block_marks, indexed_words, tsvector


def words_of(dialect: str, events: Sequence[Any]) -> list[tuple[int, str]]:
    """The words of each event by its id."""
    if dialect == "sqlite":
        return [(event.id, " ".join(indexed_words(event))) for event in events]
    return [(event.id, tsvector([*indexed_words(event), *block_marks(event.id)])) for event in events]


def add_words(connection: Connection, found: list[tuple[int, str]]) -> None:
    """Add them to the index, in the caller's transaction."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("INSERT INTO event_words (rowid, words) VALUES (?, ?)", found)
        return
    connection.exec_driver_sql(
        "INSERT INTO event_words (id, words) SELECT * FROM unnest(%s::bigint[], %s::text[]::tsvector[])",
        ([row[0] for row in found], [row[1] for row in found]),
    )
