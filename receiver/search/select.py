"""Which events match a search: their ids, in order, without reading more of the log than that takes.

Most searches walk along indexes of events. One for words, for problems or for both ends walks along the index
of words. What that index has not reached yet is read instead, up to a limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import Connection, bindparam, select

from receiver.contacts.book import numbers_named
from receiver.models import EVENTS, Event, IndexState
from receiver.providers.registry import DEFAULT
from receiver.search.by_words import ids_by_words
from receiver.search.conditions import prepared
from receiver.search.entries import indexed_words
from receiver.search.home import at_home
from receiver.search.match import holds
from receiver.search.mistakes import SearchError
from receiver.search.query import Search
from receiver.search.span import Span
from receiver.search.walks import ids_by_walks, judged_beyond

UNINDEXED = 20_000
"""How many of the newest events are searched for words before they are indexed: a few seconds' work. After a
flood the index may be further behind; the events in between are not found by words until it catches up."""
MOST_LOOKED_AT = 4_000
"""How many events are looked at for a page where no index knows what is asked for, as what became of a call.
A page of what is rare may be short, or empty, and the next goes on where it stopped."""
PORTION = 1_000
"""How many of them are read at once."""
MOST_NAMED = 200
"""The most numbers that a part of a name may stand for: each is looked for by itself."""


def matching_ids(
    connection: Connection, wanted: Search, span: Span, limit: int, *, oldest: bool = False
) -> list[int]:
    """The ids in `span` of the newest events that match, newest first; with `oldest`, the reverse."""
    return _found(connection, wanted, span, limit, oldest=oldest).ids


@dataclass(frozen=True, slots=True)
class Found:
    """Ids of events, and below which id none was looked at. None: all were, or enough were found."""

    ids: list[int]
    below: int | None = None


def ids_of_page(connection: Connection, wanted: Search, span: Span, limit: int) -> Found:
    """The same, newest first, for somebody who waits: it stops after `MOST_LOOKED_AT` events that have to be
    judged one by one."""
    return _found(connection, wanted, span, limit, most=MOST_LOOKED_AT)


def _found(
    connection: Connection,
    wanted: Search,
    span: Span,
    limit: int,
    *,
    oldest: bool = False,
    most: int | None = None,
) -> Found:
    wanted = at_home(connection, wanted)
    if wanted.contact is not None:
        return Found(_by_name(connection, wanted, span, limit, oldest))
    found: list[int] = []
    by_words = wanted.text is not None or (not oldest and _best_by_words(wanted))
    for part in _parts(connection, wanted, span, by_words, oldest):
        if len(found) < limit and part.span.below - part.span.above > 1:
            walk = ids_by_words if by_words and part.indexed else _by_reading if wanted.text else ids_by_walks
            beyond = None if most is None else judged_beyond(connection, wanted, part.span, most)
            looked_at = part.span if beyond is None else replace(part.span, above=beyond)
            found += walk(connection, wanted, looked_at, limit - len(found), oldest)
            if beyond is not None and len(found) < limit:
                return Found(found, beyond + 1)
    return Found(found)


def _by_name(connection: Connection, wanted: Search, span: Span, limit: int, oldest: bool) -> list[int]:
    """The same for a search that names a contact: whatever came from one of its numbers."""
    named = few_named(connection, wanted.contact or "")
    senders = [number for number in named if wanted.sender in {None, number}]
    searches = (replace(wanted, contact=None, sender=number) for number in senders)
    found = {
        one for search in searches for one in matching_ids(connection, search, span, limit, oldest=oldest)
    }
    return sorted(found, reverse=not oldest)[:limit]


def few_named(connection: Connection, name: str) -> Sequence[str]:
    """The numbers of the contacts with this in their name; `SearchError` if they are more than are searched
    for."""
    numbers = numbers_named(connection, name, MOST_NAMED + 1)
    if len(numbers) > MOST_NAMED:
        raise SearchError(
            f"contact: more than {MOST_NAMED} numbers have {name[:40]!r} in their name; write more of it"
        )
    return numbers


def _best_by_words(wanted: Search) -> bool:
    """Whether no index of events has the wanted order, while the index of words has marks for all of it."""
    if wanted.session is not None or wanted.txn_ref is not None or wanted.quarantined or wanted.handled:
        return False
    if wanted.voicemail:
        return False
    ends = sum(end is not None for end in (wanted.sender, wanted.recipient, wanted.number))
    marked = wanted.provider not in (None, DEFAULT.name)
    return wanted.problems is not None or ends > 1 or (marked and not ends)


@dataclass(frozen=True, slots=True)
class _Part:
    span: Span
    indexed: bool


_SPANS = (
    "SELECT (SELECT event_id FROM index_state), min(first_id), max(last_id) FROM hours"
    " WHERE hour >= :since AND hour < :until"
)


def _parts(connection: Connection, wanted: Search, span: Span, by_words: bool, oldest: bool) -> list[_Part]:
    """The parts of `span` that can hold what is wanted, in the order in which they are read."""
    if wanted.since is wanted.until is None:
        if not by_words:
            return [_Part(span, True)]
        indexed = connection.scalar(select(IndexState.event_id)) or 0
        low, high = 0, indexed
    else:
        since = wanted.since or datetime(1, 1, 2, tzinfo=UTC)
        values = {
            "since": since.replace(minute=0, second=0, microsecond=0),
            "until": wanted.until or datetime(9999, 12, 30, tzinfo=UTC),
        }
        indexed, first, last = connection.execute(prepared(_SPANS), values).one()
        low, high = (0, 0) if first is None else (first - 1, min(last, indexed))
    parts = [
        _Part(Span(max(span.above, indexed), span.below), False),
        _Part(Span(max(span.above, low), min(span.below, high + 1)), True),
    ]
    return parts[::-1] if oldest else parts


def _by_reading(connection: Connection, wanted: Search, span: Span, limit: int, oldest: bool) -> list[int]:
    """Reads events that are not in the index of words yet, and searches them here."""
    found: list[int] = []
    for _ in range(0, UNINDEXED, PORTION):
        ids = ids_by_walks(connection, wanted, span, PORTION, oldest)
        events = connection.execute(_WHOLE, {"ids": ids}).all()
        holding = {event.id for event in events if holds(indexed_words(event), wanted.phrases)}
        found += [event_id for event_id in ids if event_id in holding]
        if len(found) >= limit or len(ids) < PORTION:
            break
        span = Span(above=ids[-1], below=span.below) if oldest else Span(above=span.above, below=ids[-1])
    return found[:limit]


_WHOLE = select(*EVENTS.columns).where(Event.id.in_(bindparam("ids", expanding=True)))
