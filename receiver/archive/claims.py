"""Who fetches what: a worker claims links for a while, and says what became of each.

What is written here does not wait for the disk: after a power cut a link is claimed or tried once more.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Engine, delete, or_, select, update

from receiver.archive.links import LINKS, link_of
from receiver.archive.states import MOST_ATTEMPTS, State, delay
from receiver.db.engine import writing_lazily
from receiver.models import ARCHIVED, EVENTS
from receiver.outbound.fetch_error import Cause, FetchError

LEASE = timedelta(minutes=4)
"""Longer than a fetch may take. What a worker that died had claimed waits for as long."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One link that is ours to fetch. The end of its lease tells this claim from a later one."""

    id: int
    event_id: int
    field: str
    position: int
    attempts: int
    lease_until: datetime


def claim(engine: Engine, most: int) -> list[Claim]:
    """Links that are due, the newest event first: those of old ones may have lapsed long ago."""
    if most <= 0:
        return []
    now = datetime.now(UTC)
    table = ARCHIVED.c
    due = (table.state == State.WAITING.value) & (table.due_at <= now) & free(now)
    chosen = select(table.id).where(due).order_by(table.event_id.desc(), table.id).limit(most)
    # Before SQLite's lock is taken, which callbacks need: there may be thousands that are not due.
    with engine.connect() as connection:
        ids = connection.scalars(chosen).all()
    if not ids:
        return []
    # Elsewhere they are chosen once more, so that workers that claim at the same time get past each other.
    past = chosen.with_for_update(skip_locked=True)
    which = table.id.in_(ids if engine.dialect.name == "sqlite" else past) & due
    taken = (
        update(ARCHIVED)
        .where(which)
        .values(lease_until=now + LEASE, attempts=table.attempts + 1)
        .returning(*(table[one.name] for one in fields(Claim)))
    )
    with writing_lazily(engine) as connection:
        return [Claim(*row) for row in connection.execute(taken)]


def free(now: datetime) -> ColumnElement[bool]:
    """Whether nobody is fetching it right now."""
    lease = ARCHIVED.c.lease_until
    return or_(lease.is_(None), lease <= now)


def source_of(engine: Engine, claimed: Claim) -> tuple[str, str] | None:
    """The provider and the link. If the event is gone, or not trusted any more, None, and so is the claim."""
    columns = (EVENTS.c.provider, *(EVENTS.c[name] for name in LINKS))
    query = select(*columns).where(EVENTS.c.id == claimed.event_id, EVENTS.c.quarantine.is_(None))
    with engine.connect() as connection:
        event = connection.execute(query).one_or_none()
    link = None if event is None else link_of(event, claimed.field, claimed.position)
    if event is None or link is None:
        with writing_lazily(engine) as connection:
            connection.execute(delete(ARCHIVED).where(mine(claimed)))
        return None
    return event.provider, link


def failed(engine: Engine, claimed: Claim, error: FetchError) -> State:
    """Note why it could not be fetched, and when to try again, if ever."""
    state, reason = State.WAITING, str(error)
    if error.cause is Cause.LAPSED:
        state = State.LAPSED
    elif error.cause is Cause.REFUSED:
        state = State.REFUSED
    elif claimed.attempts >= MOST_ATTEMPTS:
        state, reason = State.LAPSED, f"Given up after {claimed.attempts} tries. {reason}"
    due = datetime.now(UTC) + delay(claimed.attempts, error.retry_after)
    noted = (
        update(ARCHIVED)
        .where(mine(claimed))
        .values(state=state.value, reason=reason, due_at=due, lease_until=None)
    )
    with writing_lazily(engine) as connection:
        connection.execute(noted)
    return state


def mine(claimed: Claim) -> ColumnElement[bool]:
    """Whether a row is still as it was claimed."""
    table = ARCHIVED.c
    return (
        (table.id == claimed.id)
        & (table.lease_until == claimed.lease_until)
        & (table.state == State.WAITING.value)
    )
