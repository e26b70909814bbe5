"""From the log to what is to be fetched. The cursor moves in the transaction that notes the links."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from receiver.archive.links import LINKS, links_of
from receiver.archive.states import State
from receiver.db.engine import writing, writing_lazily
from receiver.db.settled import settled_id
from receiver.models import ARCHIVED, EVENTS, ArchiveLate, ArchiveState

BATCH = 2000

_STATE = select(ArchiveState.event_id)
_LINKED = select(EVENTS.c.id, *(EVENTS.c[name] for name in LINKS)).where(
    EVENTS.c.quarantine.is_(None), or_(*(EVENTS.c[name].is_not(None) for name in LINKS))
)
_INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def plan(engine: Engine) -> int:
    """Note the links of the next events, and return how many events were read.

    Events in quarantine are passed over. What is released later is read then.
    """
    return _late(engine) + _next(engine)


def _next(engine: Engine) -> int:
    with engine.connect() as connection:
        before = connection.scalar(_STATE) or 0
        settled = settled_id(connection, before, BATCH)
        if settled == before:
            return 0
        linked = connection.execute(_LINKED.where(EVENTS.c.id > before, EVENTS.c.id <= settled)).all()
    # A power cut may undo this step: then it is done again.
    with writing_lazily(engine) as connection:
        if connection.scalar(_STATE.with_for_update()) == before:  # or else another worker was faster
            _note(connection, linked)
            connection.execute(update(ArchiveState).values(event_id=settled))
    return settled - before


def _late(engine: Engine) -> int:
    some = select(ArchiveLate.event_id).order_by(ArchiveLate.event_id).limit(BATCH)
    with engine.connect() as connection:
        ids = connection.scalars(some).all()
    if not ids:
        return 0
    with writing(engine) as connection:
        _note(connection, connection.execute(_LINKED.where(EVENTS.c.id.in_(ids))).all())
        connection.execute(delete(ArchiveLate).where(ArchiveLate.event_id.in_(ids)))
    return len(ids)


def _note(connection: Connection, events: Sequence[Any]) -> None:
    now = datetime.now(UTC)
    rows = [
        {
            "event_id": event.id,
            "field": field,
            "position": position,
            "state": State.WAITING.value,
            "attempts": 0,
            "due_at": now,
        }
        for event in events
        for field, position in links_of(event)
    ]
    if rows:
        insert = _INSERT[connection.dialect.name](ARCHIVED).on_conflict_do_nothing()
        connection.execute(insert, rows)
