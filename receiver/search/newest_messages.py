"""Which conversations have a message that matches: the newest such message of each, newest first.

Of all there are, and of one end's, the table of conversations tells; else the messages are read.
"""

# ruff: noqa: S608  # SQL is put together from our own words; values are always bound

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, literal_column, select

from receiver.models import ConversationCount, Event, IndexState
from receiver.search.cursor import Cursor
from receiver.search.events import rows
from receiver.search.query import Search
from receiver.search.select import matching_ids
from receiver.search.span import END, Span
from receiver.vocabulary.kinds import EventType, Kind

UNCOUNTED_MESSAGES = 2_000
"""How many of the newest messages are read in addition to the table of conversations; see
`receiver.search.index_lag`."""
TRUSTED_SMS: dict[str, Any] = {
    "kind": Kind.SMS,
    "type": EventType.SMS_RECEIVED,
    "quarantined": False,
}


def newest_ids(connection: Connection, wanted: Search, cursor: Cursor, limit: int) -> list[int]:
    """The ids of those messages, as of the moment of the cursor and beyond it."""
    ends = wanted == Search(sender=wanted.sender, recipient=wanted.recipient, number=wanted.number)
    look = _newest_by_ends if ends else _newest_by_message
    return look(connection, _trusted_sms(wanted), cursor, limit)


def _trusted_sms(wanted: Search) -> Search | None:
    """The search, limited to messages of conversations; None if it asks for something else."""
    wrong = wanted.kind not in {None, Kind.SMS} or wanted.type not in {None, EventType.SMS_RECEIVED}
    return None if wrong or wanted.quarantined else replace(wanted, **TRUSTED_SMS)


def _newest_by_ends(connection: Connection, wanted: Search | None, cursor: Cursor, limit: int) -> list[int]:
    """The newest message of each conversation, from the table and from what is not in it yet."""
    if wanted is None:
        return []
    indexed = connection.scalar(select(IndexState.event_id)) or 0
    newest: dict[tuple[str | None, str | None], int] = {}
    uncounted = Span(above=indexed, below=cursor.end)
    for event in rows(connection, matching_ids(connection, wanted, uncounted, UNCOUNTED_MESSAGES)):
        if event.sender is not None and event.recipient is not None:
            newest.setdefault((event.recipient, event.sender), event.id)
    table = ConversationCount
    sides = [table.number, table.sender] if wanted.number is not None else [None]
    for last_id, among in (
        (table.last_id, _still(cursor)),
        (_last_until(connection, cursor.newest), _moved(cursor)),
    ):
        query = select(table.number, table.sender, last_id.label("last")).where(
            *among, last_id < cursor.before
        )
        if wanted.sender is not None:
            query = query.where(table.sender == wanted.sender)
        if wanted.recipient is not None:
            query = query.where(table.number == wanted.recipient)
        query = query.order_by(last_id.desc()).limit(limit + len(newest))
        for side in sides:
            for row in connection.execute(query if side is None else query.where(side == wanted.number)):
                newest.setdefault((row.number, row.sender), row.last)
    return sorted((last_id for last_id in newest.values() if last_id < cursor.before), reverse=True)[:limit]


def _still(cursor: Cursor) -> list[ColumnElement[bool]]:
    """Conversations in which nobody wrote since the first page was read."""
    return [ConversationCount.last_id > 0, ConversationCount.last_id <= cursor.newest]


def _moved(cursor: Cursor) -> list[ColumnElement[bool]]:
    """The others. Each stands where its newest message of that moment did."""
    return [ConversationCount.last_id > cursor.newest]


def _last_until(connection: Connection, newest: int) -> ColumnElement[int]:
    # Without statistics SQLite would walk along the ids.
    hint = " INDEXED BY ix_events_sender_kind_type_id" if connection.dialect.name == "sqlite" else ""
    return literal_column(
        f"(SELECT id FROM events{hint} WHERE sender = conversations.sender AND kind = 'sms'"
        " AND type = 'sms.received' AND recipient = conversations.number AND quarantine IS NULL"
        f" AND id <= {newest:d} ORDER BY id DESC LIMIT 1)",
        BigInteger,
    )


def _newest_by_message(
    connection: Connection, wanted: Search | None, cursor: Cursor, limit: int
) -> list[int]:
    """The newest matching message of each conversation."""
    found: list[int] = []
    seen: set[tuple[str | None, str | None]] = set()
    below = min(cursor.before, cursor.end)
    while wanted is not None and len(found) < limit:
        ids = matching_ids(connection, wanted, Span(below=below), 2 * limit)
        for event in rows(connection, ids):
            pair = (event.recipient, event.sender)
            if None in pair or pair in seen:
                continue
            seen.add(pair)
            if cursor.before == END or not _has_newer(connection, wanted, event, cursor):
                found.append(event.id)
        if len(ids) < 2 * limit:
            break
        below = ids[-1]
    return found[:limit]


def _has_newer(connection: Connection, wanted: Search, event: Event, cursor: Cursor) -> bool:
    """Whether the conversation was on a previous page already."""
    same = replace(wanted, sender=event.sender, recipient=event.recipient, number=None)
    between = Span(above=cursor.before - 1, below=cursor.end)
    return bool(matching_ids(connection, same, between, 1))
