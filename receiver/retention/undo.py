"""Undoing a release: events go back into quarantine, each for the reason that it was there for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, delete, exists, func, insert, select

from receiver.access.record import Action
from receiver.db.engine import writing
from receiver.db.now import database_now
from receiver.intake.arrival import QUARANTINED
from receiver.models import EVENTS, REPEATS, Intervention, Released
from receiver.retention.moving import moved
from receiver.retention.remove import Act, Removed, in_batches
from receiver.vocabulary.errors import OperatorError

UNDO_FOR = timedelta(hours=1)
"""How long a release can be undone: long enough to see a mistake."""
_BATCH = 100


class CannotUndo(OperatorError):
    """There is no such release, or it was too long ago."""


@dataclass(frozen=True, slots=True)
class Undoable:
    """A release that can be undone, and of how many events."""

    id: int
    made_at: datetime
    who: str
    events: int


@dataclass(frozen=True, slots=True)
class PutBack:
    """What went back into quarantine."""

    ids: tuple[int, ...]
    came_again: int
    """Those that stay released: a copy that is trusted came meanwhile."""
    since: datetime
    """When they had been released, by the clock of the database."""


def note(connection: Connection, release_id: int, reasons: dict[int, str]) -> None:
    """Remember what was released and why it had been held, and forget what cannot be undone any more."""
    now = database_now(connection)
    connection.execute(delete(Released).where(Released.released_at < now - UNDO_FOR))
    # One that was put back and is released again is of the newer release.
    connection.execute(delete(Released).where(Released.event_id.in_(list(reasons))))
    rows = [
        {"event_id": event_id, "release_id": release_id, "reason": reason, "released_at": now}
        for event_id, reason in reasons.items()
    ]
    if rows:
        connection.execute(insert(Released), rows)


def undoable(engine: Engine) -> Sequence[Undoable]:
    """The releases that can be undone, newest first."""
    with engine.connect() as connection:
        query = (
            select(Intervention.id, Intervention.made_at, Intervention.who, func.count())
            .join(Released, Released.release_id == Intervention.id)
            .join(EVENTS, EVENTS.c.id == Released.event_id)
            .where(Released.released_at >= database_now(connection) - UNDO_FOR)
            .where(EVENTS.c.quarantine.is_(None))
            .group_by(Intervention.id, Intervention.made_at, Intervention.who)
            .order_by(Intervention.id.desc())
        )
        return [Undoable(*row) for row in connection.execute(query)]


def undo(engine: Engine, release_id: int, who: str, why: str | None = None) -> PutBack:
    """Put the events of a release back. Deliveries that still wait for them go with them: a trigger removes
    them, so that another release delivers anew. What was delivered cannot be called back."""
    with engine.connect() as connection:
        now = database_now(connection)
        mine = (Released.release_id == release_id, Released.released_at >= now - UNDO_FOR)
        found = connection.execute(select(Released.event_id, Released.released_at).where(*mine)).all()
    if not found:
        raise CannotUndo(f"release {release_id} cannot be undone: that is possible for an hour, and once")
    back: list[int] = []
    came_again = 0
    with Act(Action.UNDO, who, why) as act:
        for batch in in_batches((row.event_id for row in found), _BATCH):
            with writing(engine) as connection:
                held, again = _put_back(connection, batch, act)
                back += held
                came_again += again
    return PutBack(tuple(back), came_again, min(row.released_at for row in found))


def _put_back(connection: Connection, ids: Sequence[int], act: Act) -> tuple[list[int], int]:
    """Those of the events that went back, and how many stay."""
    came_again = exists(
        select(REPEATS.c.id).where(
            REPEATS.c.identity == EVENTS.c.identity, REPEATS.c.received_at >= Released.released_at
        )
    )
    query = (
        select(*EVENTS.columns, Released.reason.label("reason"), came_again.label("again"))
        .join(Released, Released.event_id == EVENTS.c.id)
        .where(EVENTS.c.id.in_(ids), EVENTS.c.quarantine.is_(None))
        .order_by(EVENTS.c.id)
        .with_for_update(of=EVENTS)
    )
    rows = connection.execute(query).mappings().all()
    held = [row for row in rows if not row["again"]]
    for row in held:
        moved(connection, row, identity=row["identity"] + QUARANTINED, quarantine=row["reason"])
    # Now, not before: the trigger asks since when they were released.
    connection.execute(delete(Released).where(Released.event_id.in_(ids)))
    if held:
        times = [row["received_at"] for row in held]
        act.add(connection, Removed(len(held), 0, min(times), max(times)))
    return [row["id"] for row in held], len(rows) - len(held)
