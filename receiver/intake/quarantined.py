"""How much is quarantined. Reads all quarantined rows; the limit bounds how many there are."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, func, select

from receiver.intake.arrival import ROW_BYTES
from receiver.models import EVENTS, REPEATS

HELD = EVENTS.c.quarantine.is_not(None)
_BYTES = (
    func.length(EVENTS.c.body)
    + func.length(EVENTS.c.headers)
    + func.length(EVENTS.c.query_string)
    + func.length(func.coalesce(EVENTS.c.text, ""))
    + ROW_BYTES
)
_REPEAT_BYTES = (
    func.length(REPEATS.c.body)
    + func.length(REPEATS.c.headers)
    + func.length(REPEATS.c.query_string)
    + ROW_BYTES
)


@dataclass(frozen=True, slots=True)
class Reason:
    """How much is quarantined for one reason."""

    reason: str
    events: int
    bytes: int


def count(engine: Engine, most: int) -> int:
    """How many events are quarantined. Counts no further than `most`, so that the cost stays bounded."""
    some = select(EVENTS.c.id).where(HELD).limit(most).subquery()
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(some)) or 0


def size(connection: Connection) -> int:
    """Bytes of everything quarantined."""
    return sum(reason.bytes for reason in reasons_of(connection))


def reasons_of(connection: Connection) -> list[Reason]:
    events = connection.execute(
        select(EVENTS.c.quarantine, func.count(), func.sum(_BYTES)).where(HELD).group_by(EVENTS.c.quarantine)
    )
    found = {reason: (count, int(total)) for reason, count, total in events}
    repeats = connection.execute(
        select(EVENTS.c.quarantine, func.sum(_REPEAT_BYTES))
        .join(REPEATS, REPEATS.c.identity == EVENTS.c.identity)
        .where(HELD, EVENTS.c.repeats > 0)
        .group_by(EVENTS.c.quarantine)
    )
    more = {reason: int(total) for reason, total in repeats}
    return [
        Reason(reason, count, total + more.get(reason, 0))
        for reason, (count, total) in sorted(found.items(), key=lambda item: -item[1][1])
    ]
