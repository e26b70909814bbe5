"""The repeats of an event: each callback that said again what the event says, as it came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Engine, select

from receiver.models import REPEATS, Event, Repeat
from receiver.search.events import event_json, iso, raw_json

MOST = 100
"""Repeats read for one event: somebody may have sent it again a million times."""


def repeats_of(engine: Engine, event: Event, *, limit: int = MOST) -> Sequence[Repeat]:
    """The first of them, oldest first. `event.repeats` says how many there are."""
    if not event.repeats:
        return []
    query = select(*REPEATS.columns).where(REPEATS.c.identity == event.identity)
    with engine.connect() as connection:
        found = connection.execute(query.order_by(REPEATS.c.id).limit(limit)).all()
    return cast(Sequence[Repeat], found)


def whole_json(engine: Engine, event: Event) -> dict[str, Any]:
    """The JSON form of one event with its raw request; in `repeated` those that said the same again."""
    repeated = [repeat_json(repeat) for repeat in repeats_of(engine, event)]
    return event_json(event, raw=True) | {"repeated": repeated}


def repeat_json(repeat: Repeat) -> dict[str, Any]:
    """When it came, what its signature was worth, and the request, in the form of an event's `raw`."""
    return {
        "received_at": iso(repeat.received_at),
        "signature": repeat.signature,
        "raw": raw_json(repeat),
    }
