"""Conversations: what one sender wrote to one of our numbers. Only trusted messages are read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    func,
    select,
    text,
)

from receiver.duty.duty import NOTHING, Standing, duty_json, standings
from receiver.duty.things import Item
from receiver.duty.things import conversation as of_conversation
from receiver.models import Event, IndexState
from receiver.providers.registry import identity_prefix
from receiver.search.cursor import Cursor
from receiver.search.each import ForEach
from receiver.search.events import DEFAULT_PAGE, rows
from receiver.search.home import at_home
from receiver.search.messages import MOST_PARTS, Message, join_parts, message_json
from receiver.search.newest_messages import TRUSTED_SMS, UNCOUNTED_MESSAGES, newest_ids
from receiver.search.query import Search
from receiver.search.select import matching_ids
from receiver.search.span import END, Span
from receiver.vocabulary.telephone import spelled


@dataclass(frozen=True, slots=True)
class Conversation:
    """One sender's messages at one of our numbers, newest first; `next` is where older ones begin."""

    number: str
    sender: str
    count: int
    """All SMS; each part counts."""
    messages: Sequence[Message]
    next: int | None
    duty: Standing = NOTHING
    """What people on duty did about it."""

    @property
    def provider(self) -> str | None:
        """From which provider the newest of these messages came; None if there is none."""
        return next((part.provider for one in self.messages for part in one.parts), None)

    @property
    def item(self) -> Item:
        """For people on duty, up to the newest of these messages."""
        return of_conversation(self.number, self.sender, self.messages[0].id if self.messages else 0)


@dataclass(frozen=True, slots=True)
class ConversationPage:
    """Conversations, each with its newest (matching) message, and where the next older page begins."""

    conversations: Sequence[Conversation]
    next: Cursor | None


class ConversationLog:
    """Reads the log's SMS as conversations."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(
        self, wanted: Search, *, before: Cursor | None = None, limit: int = DEFAULT_PAGE
    ) -> ConversationPage:
        """Conversations with a message that matches, newest first by that message.

        All pages are of the moment at which the first was read: messages that came later change no order.
        """
        with self._engine.connect() as connection:
            wanted = at_home(connection, wanted)
            if before is None:
                before = Cursor(END, connection.scalar(select(func.max(Event.id))) or 0)
            found = newest_ids(connection, wanted, before, limit + 1)
            shown = _with_duty(connection, _conversations(connection, rows(connection, found[:limit])))
        following = Cursor(found[limit - 1], before.newest) if len(found) > limit else None
        return ConversationPage(shown, following)

    def get(
        self, number: str, sender: str, *, before: int | None = None, limit: int = DEFAULT_PAGE
    ) -> Conversation | None:
        """One conversation with its newest messages below id `before`; None if there never was one."""
        with self._engine.connect() as connection:
            ends = Search(recipient=spelled(number), sender=spelled(sender))
            ends = at_home(connection, ends)
            number, sender = ends.recipient or "", ends.sender or ""
            messages, following = _messages(connection, number, sender, before or END, limit)
            count = _counts(connection, [(number, sender)])[number, sender]
            if not messages and not count:
                return None
            found = Conversation(number, sender, max(count, len(messages)), messages, following)
            return _with_duty(connection, [found])[0]


def _with_duty(connection: Connection, found: Sequence[Conversation]) -> list[Conversation]:
    known = standings(connection, [one.item for one in found])
    return [replace(one, duty=known.get(one.item.place, one.duty)) for one in found]


def conversation_json(conversation: Conversation) -> dict[str, Any]:
    """The form of a conversation in the API and on the command line."""
    return {
        "number": conversation.number,
        "provider": conversation.provider,
        "sender": conversation.sender,
        "contact": next((part.contact for one in conversation.messages for part in one.parts), None),
        "count": conversation.count,
        "messages": [message_json(message) for message in conversation.messages],
        "next": None if conversation.next is None else str(conversation.next),
        **duty_json(conversation.duty, conversation.item.up_to),
    }


def _conversations(connection: Connection, newest: Sequence[Event]) -> list[Conversation]:
    """Each conversation with the message of which the event is the last part."""
    if not newest:
        return []
    pairs = [(event.recipient or "", event.sender or "") for event in newest]
    counts = _counts(connection, pairs)
    ids = list(dict.fromkeys(_latest(connection, newest)))
    parts: dict[tuple[str, str], list[Event]] = {pair: [] for pair in pairs}
    present = partial(_present, connection)
    for event in rows(connection, ids):
        pair = (event.recipient or "", event.sender or "")
        if pair in parts and event.quarantine is None:
            parts[pair].append(event)
    return [
        Conversation(
            *pair, max(1, counts[pair]), join_parts(_up_to(parts[pair], event.id), present)[:1], None
        )
        for pair, event in zip(pairs, newest, strict=True)
    ]


def _present(connection: Connection, provider: str, refs: Sequence[str]) -> set[str]:
    """Which of these references any event of this provider has; its identity begins with it, by which it is
    found. In some orders of text others lie between, so the reference is compared too."""
    found = set()
    for ref in refs:
        low = f"{identity_prefix(provider)}{ref[:64]}/"
        if connection.scalar(_WITH_REF, {"low": low, "high": low + "zz", "ref": ref}):
            found.add(ref)
    return found


_WITH_REF = text(
    "SELECT 1 FROM events WHERE identity >= :low AND identity < :high AND txn_ref = :ref LIMIT 1"
)


def _latest(connection: Connection, newest: Sequence[Event]) -> Sequence[int]:
    """The last few messages of each sender up to one of these events, to find the other parts among them."""
    asked: dict[str, list[Any]] = {
        "sender": [event.sender for event in newest],
        "newest": [event.id for event in newest],
    }
    return _UP_TO(connection, asked).scalars().all()


_UP_TO = ForEach(
    "SELECT id FROM events WHERE sender = {sender} AND kind = 'sms' AND type = 'sms.received'"
    " AND id <= {newest} ORDER BY id DESC LIMIT 5",
    {"sender": "text", "newest": "bigint"},
)


def _up_to(events: Sequence[Event], newest: int) -> list[Event]:
    return [event for event in events if event.id <= newest]


def _counts(connection: Connection, pairs: Sequence[tuple[str, str]]) -> Counter[tuple[str, str]]:
    if connection.dialect.name == "postgresql":
        columns = {"numbers": [number for number, _ in pairs], "senders": [sender for _, sender in pairs]}
        counted = connection.execute(_COUNTED, columns)
    else:
        counted = connection.execute(_COUNTED_SQLITE, {"pairs": json.dumps(pairs)})
    found = Counter({(row.number, row.sender): row.messages for row in counted})
    indexed = connection.scalar(select(IndexState.event_id)) or 0
    fresh = matching_ids(connection, Search(**TRUSTED_SMS), Span(above=indexed), UNCOUNTED_MESSAGES)
    found.update((event.recipient or "", event.sender or "") for event in rows(connection, fresh))
    return found


_COUNTED = text(
    "SELECT number, sender, messages FROM conversations JOIN unnest(CAST(:numbers AS text[]),"
    " CAST(:senders AS text[])) AS asked (number, sender) USING (number, sender)"
)
# Given a list of pairs, SQLite would read the whole table.
_COUNTED_SQLITE = text(
    "SELECT number, sender, messages FROM json_each(:pairs) AS asked CROSS JOIN conversations"
    " ON number = json_extract(asked.value, '$[0]') AND sender = json_extract(asked.value, '$[1]')"
)


def _messages(
    connection: Connection, number: str, sender: str, before: int, limit: int
) -> tuple[list[Message], int | None]:
    wanted = Search(recipient=number, sender=sender, **TRUSTED_SMS)
    size = limit + 2 * MOST_PARTS
    events = rows(connection, matching_ids(connection, wanted, Span(below=before), size))
    if not events:
        return [], None
    messages = join_parts(events, partial(_present, connection))
    whole = len(events) < size
    cut = _cut(messages, limit)
    shown = messages[:cut]
    more = cut < len(messages) or not whole
    return shown, min(part.id for message in shown for part in message.parts) if more and shown else None


def _cut(messages: Sequence[Message], limit: int) -> int:
    """How many to show, about `limit`, so that everything that is left out is older than what is shown."""
    lowest = END
    for place, message in enumerate(messages, start=1):
        lowest = min(lowest, *(part.id for part in message.parts))
        if place >= limit and (place == len(messages) or messages[place].id < lowest):
            return place
    return len(messages)
