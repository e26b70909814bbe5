"""What the archive holds of events: for pages, the API and commands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select, func, select, update

from receiver.archive.claims import free
from receiver.archive.links import links_of
from receiver.archive.states import State
from receiver.db.engine import writing
from receiver.models import ARCHIVED, DOCUMENTS, ArchiveOrphan

_KEPT = ("size", "media_type", "pages", "preview", "kept_at")
_MOST_IDS = 1000


@dataclass(frozen=True, slots=True)
class Item:
    """One link of an event, and what became of it."""

    event_id: int
    field: str
    position: int
    state: State
    reason: str | None = None
    """Why it is not kept, or not yet: our own words, without the link."""
    attempts: int = 0
    due_at: datetime | None = None
    """When it is tried next, if it waits."""
    sha256: str | None = None
    size: int | None = None
    media_type: str | None = None
    pages: int | None = None
    preview: str | None = None
    kept_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ItemPage:
    """Links, and the event below which the next page begins (None: there is none)."""

    items: list[Item]
    next: int | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How much the archive holds."""

    states: dict[str, int]
    documents: int
    bytes: int
    oldest_waiting: int | None
    """The oldest event with a link that waits."""
    deleting: int
    """Documents that nothing names any more, and that are still to be deleted."""


def of_events(engine: Engine, events: Sequence[Any]) -> dict[int, tuple[Item, ...]]:
    """The links of these events by the id of each. One that no worker has seen yet waits."""
    linked = {event.id: links_of(event) for event in events}
    ids = [event_id for event_id, links in linked.items() if links]
    known = {(item.event_id, item.field, item.position): item for item in _of_ids(engine, ids)}
    return {
        event_id: tuple(
            known.get((event_id, *link)) or Item(event_id, *link, state=State.WAITING) for link in links
        )
        for event_id, links in linked.items()
    }


def _of_ids(engine: Engine, ids: Sequence[int]) -> Iterable[Item]:
    for some in _pages(ids):
        with engine.connect() as connection:
            yield from map(_item, connection.execute(_items().where(ARCHIVED.c.event_id.in_(some))))


def find(
    engine: Engine, *, state: State | None = None, before: int | None = None, limit: int = 50
) -> ItemPage:
    """Links of events below id `before`, those of the newest event first, and those of one event together."""
    query = _items().order_by(ARCHIVED.c.event_id.desc(), ARCHIVED.c.field, ARCHIVED.c.position)
    if state is not None:
        query = query.where(ARCHIVED.c.state == state.value)
    if before is not None:
        query = query.where(ARCHIVED.c.event_id < before)
    with engine.connect() as connection:
        found = [_item(row) for row in connection.execute(query.limit(limit + 1))]
        if len(found) <= limit:
            return ItemPage(found, None)
        first, last = found[0].event_id, found[-1].event_id
        if first == last:
            found = [_item(row) for row in connection.execute(query.where(ARCHIVED.c.event_id == last))]
            return ItemPage(found, last)
    whole = [item for item in found if item.event_id != last]
    return ItemPage(whole, whole[-1].event_id)


def counts(engine: Engine) -> Counts:
    """How many links are in which state, and how much room their documents take."""
    by_state = select(ARCHIVED.c.state, func.count()).group_by(ARCHIVED.c.state)
    room = select(func.count(), func.coalesce(func.sum(DOCUMENTS.c.size), 0))
    oldest = select(func.min(ARCHIVED.c.event_id)).where(ARCHIVED.c.state == State.WAITING.value)
    with engine.connect() as connection:
        found = {state: count for state, count in connection.execute(by_state)}  # noqa: C416  # rows, not pairs
        documents, size = connection.execute(room).one()
        return Counts(
            {state.value: found.get(state.value, 0) for state in State},
            documents,
            int(size),
            connection.scalar(oldest),
            connection.scalar(select(func.count()).select_from(ArchiveOrphan)) or 0,
        )


def only_of(connection: Connection, event_ids: Sequence[int]) -> int:
    """How many documents are kept for these events, and for no other."""
    sha256 = ARCHIVED.c.sha256
    theirs: Counter[str] = Counter()
    for some in _pages(event_ids):
        named = select(sha256).where(ARCHIVED.c.event_id.in_(some), sha256.is_not(None))
        theirs.update(connection.scalars(named))
    only = 0
    for some in _pages(list(theirs)):
        in_all = select(sha256, func.count()).where(sha256.in_(some)).group_by(sha256)
        only += sum(theirs[one] == count for one, count in connection.execute(in_all))
    return only


def retry(engine: Engine, event_ids: Sequence[int] = (), *, state: State | None = None) -> int:
    """Let links be fetched again that are not kept: those of these events, or all in this state.

    What is being fetched right now is left alone."""
    now = datetime.now(UTC)
    again = update(ARCHIVED).where(ARCHIVED.c.state != State.KEPT.value, free(now))
    if state is not None:
        again = again.where(ARCHIVED.c.state == state.value)
    else:
        again = again.where(ARCHIVED.c.event_id.in_(event_ids))
    fresh = again.values(state=State.WAITING.value, attempts=0, due_at=now, reason=None)
    with writing(engine) as connection:
        return connection.execute(fresh).rowcount


def _items() -> Select[Any]:
    names = ("event_id", "field", "position", "state", "reason", "attempts", "due_at", "sha256")
    return select(
        *(ARCHIVED.c[name] for name in names), *(DOCUMENTS.c[name] for name in _KEPT)
    ).outerjoin_from(ARCHIVED, DOCUMENTS, ARCHIVED.c.sha256 == DOCUMENTS.c.sha256)


def _item(row: Any) -> Item:
    given = dict(row._mapping)
    waits = given["state"] == State.WAITING.value
    return Item(**given | {"state": State(given["state"]), "due_at": given["due_at"] if waits else None})


def _pages(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _MOST_IDS):
        yield values[start : start + _MOST_IDS]


def item_json(item: Item) -> dict[str, Any]:
    """The form of a link in the API and on the command line."""
    return {
        "event_id": item.event_id,
        "field": item.field,
        "position": item.position,
        "state": item.state.value,
        "reason": item.reason,
        "attempts": item.attempts,
        "due_at": item.due_at,
        "media_type": item.media_type,
        "size": item.size,
        "pages": item.pages,
        "sha256": item.sha256,
        "preview": item.preview,
        "kept_at": item.kept_at,
    }
