"""The quarantine desk: what is kept but not trusted, and how an operator releases or drops it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, RowMapping, func, select

from receiver.access.record import Action
from receiver.db.engine import writing
from receiver.intake.arrival import QUARANTINED
from receiver.intake.quarantined import HELD, Reason, reasons_of
from receiver.models import EVENTS, UtcTime
from receiver.retention import undo
from receiver.retention.moving import moved
from receiver.retention.remove import Act, Removed, in_batches, remove

BATCH = 100
"""Events in one transaction: bounds how long a callback that arrives meanwhile waits."""


@dataclass(frozen=True, slots=True)
class QuarantineState:
    """How much is quarantined, repeats included, and since when. Bytes are as QUARANTINE_LIMIT_MB counts."""

    events: int
    bytes: int
    limit: int
    reasons: tuple[Reason, ...]
    oldest: datetime | None

    @property
    def full(self) -> bool:
        """Whether the next callback that is not trusted will be answered 503."""
        return self.bytes >= self.limit


@dataclass(frozen=True, slots=True)
class Held:
    """Some quarantined events: how many for which reason, and when the first and last were received."""

    ids: tuple[int, ...]
    reasons: dict[str, int]
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True)
class Released:
    """What became of the events that were to be released."""

    released: int
    merged: int
    """Of those, the ones whose trusted twin is in the log: each is now a repeat of it."""
    id: int | None
    """By which the release can be undone; None if there was nothing to release."""


def state(engine: Engine, limit_mb: int) -> QuarantineState:
    """What is in quarantine. Reads the quarantined rows, of which the limit allows only so many."""
    with engine.connect() as connection:
        reasons = reasons_of(connection)
        oldest = connection.scalar(select(func.min(EVENTS.c.received_at, type_=UtcTime)).where(HELD))
    return QuarantineState(
        events=sum(reason.events for reason in reasons),
        bytes=sum(reason.bytes for reason in reasons),
        limit=limit_mb * 1024 * 1024,
        reasons=tuple(reasons),
        oldest=oldest,
    )


def look(engine: Engine, ids: Iterable[int]) -> Held:
    """Which of these events are in quarantine, and why."""
    found: list[tuple[int, str, datetime]] = []
    for batch in in_batches(ids, BATCH):
        query = select(EVENTS.c.id, EVENTS.c.quarantine, EVENTS.c.received_at).where(
            EVENTS.c.id.in_(batch), HELD
        )
        with engine.connect() as connection:
            found += [tuple(row) for row in connection.execute(query.order_by(EVENTS.c.id))]
    times = [when for _, _, when in found]
    return Held(
        ids=tuple(event_id for event_id, _, _ in found),
        reasons=dict(Counter(reason for _, reason, _ in found)),
        first=min(times, default=None),
        last=max(times, default=None),
    )


def held_for(engine: Engine, reason: str, *, before: int | None, limit: int) -> list[int]:
    """What is in quarantine for this reason: the newest ids below `before`."""
    query = select(EVENTS.c.id).where(EVENTS.c.quarantine == reason).order_by(EVENTS.c.id.desc()).limit(limit)
    with engine.connect() as connection:
        return list(connection.scalars(query if before is None else query.where(EVENTS.c.id < before)))


def release(
    engine: Engine, ids: Iterable[int], who: str, why: str | None = None, *, undoable: bool = True
) -> Released:
    """Take events out of quarantine; ids that are not in it are ignored.

    One whose trusted twin is in the log already becomes a repeat of it, as it would have on arrival. The
    others can be put back for a while (`receiver.retention.undo`).
    """
    merged = 0
    with Act(Action.RELEASE, who, why) as act:
        for batch in in_batches(ids, BATCH):
            with writing(engine) as connection:
                rows = _held(connection, batch)
                if rows:
                    free = [row for row in rows if not _release(connection, row)]
                    merged += len(rows) - len(free)
                    times = [row["received_at"] for row in rows]
                    act.add(connection, Removed(len(rows), 0, min(times), max(times)))
                    if undoable and act.id is not None:
                        undo.note(connection, act.id, {row["id"]: row["quarantine"] for row in free})
    return Released(act.done.events, merged, act.id)


def drop(engine: Engine, ids: Iterable[int], who: str, why: str | None = None) -> Removed:
    """Delete quarantined events with their repeats and raw bytes; other ids are ignored.

    The record that it was done stays.
    """
    with Act(Action.DROP, who, why) as act:
        for batch in in_batches(ids, BATCH):
            with writing(engine) as connection:
                if rows := _held(connection, batch):
                    act.add(connection, remove(connection, [row["id"] for row in rows]))
    return act.done


def _held(connection: Connection, ids: Sequence[int]) -> Sequence[RowMapping]:
    query = select(EVENTS).where(EVENTS.c.id.in_(ids), HELD).order_by(EVENTS.c.id).with_for_update()
    return connection.execute(query).mappings().all()


def _release(connection: Connection, row: RowMapping) -> bool:
    """Whether it became a repeat of its twin."""
    identity = row["identity"].removesuffix(QUARANTINED)
    return moved(connection, row, identity=identity, quarantine=None)
