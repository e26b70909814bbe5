"""Callbacks that were kept by a process that did not live to decide what follows from them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Engine, exists, select

from receiver.intake.arrival import parameters_of
from receiver.models import DECISIONS, EVENTS
from receiver.providers.base import Kept
from receiver.providers.registry import PROVIDERS
from receiver.vocabulary.kinds import EventType, Kind


def undecided(engine: Engine, since: datetime, until: datetime) -> Iterator[tuple[str, Kept]]:
    """The newest callback of each call that is under way, with its provider, if it came between these two
    and no decision is noted."""
    newer = EVENTS.alias()
    query = select(EVENTS).where(
        EVENTS.c.received_at >= since,
        EVENTS.c.received_at < until,
        EVENTS.c.kind == Kind.VOICE,
        EVENTS.c.type != EventType.CALL_ENDED,
        EVENTS.c.session.is_not(None),
        EVENTS.c.quarantine.is_(None),
        ~exists().where(DECISIONS.c.identity == EVENTS.c.identity),
        ~exists().where(
            newer.c.session == EVENTS.c.session,
            newer.c.provider == EVENTS.c.provider,
            newer.c.id > EVENTS.c.id,
        ),
    )
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(EVENTS.c.id)).all()
    for row in rows:
        parameters = parameters_of(row)
        said = PROVIDERS[row.provider].read(Kind(row.kind), parameters)
        yield row.provider, Kept(said, parameters, True, row.sender, row.recipient, row.identity)
