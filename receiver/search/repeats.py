"""The repeats of an event: later callbacks with the same content, each as it was received."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Engine, select

from receiver.models import REPEATS, Event, Repeat
from receiver.search.came import raw_json
from receiver.search.events import event_json, iso

MOST = 100
"""The most repeats that are read of one event: somebody may have sent it a million times."""


def repeats_of(engine: Engine, event: Event, *, limit: int = MOST) -> Sequence[Repeat]:
    """The first repeats, oldest first. `event.repeats` says how many there are."""
    if not event.repeats:
        return []
    query = select(*REPEATS.columns).where(REPEATS.c.identity == event.identity)
    with engine.connect() as connection:
        found = connection.execute(query.order_by(REPEATS.c.id).limit(limit)).all()
    return cast(Sequence[Repeat], found)


def whole_json(engine: Engine, event: Event) -> dict[str, Any]:
    """The JSON form of one event with its raw request, and with its repeats in `repeated`."""
    repeated = [repeat_json(repeat) for repeat in repeats_of(engine, event)]
    return event_json(event, raw=True) | {"repeated": repeated}


def repeat_json(repeat: Repeat) -> dict[str, Any]:
    """When it was received, the verdict on its signature, and the request in the form of an event's `raw`."""
    return {
        "received_at": iso(repeat.received_at),
        "signature": repeat.signature,
        "raw": raw_json(repeat),
    }
