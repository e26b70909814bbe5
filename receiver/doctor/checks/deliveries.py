"""Does somebody deliver, and do the targets take it?"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, select

from receiver.doctor.check import Check, Patient
from receiver.doctor.report import in_words
from receiver.models import EVENTS, RelayState
from receiver.numbers.findings import Finding, error
from receiver.relay import findings
from receiver.relay.deliveries import Deliveries
from receiver.relay.delivery import DeliveryState
from receiver.relay.target import all_targets
from receiver.vocabulary.printable import count_of

WAITS = timedelta(minutes=1)
"""Events are looked at within a second, where somebody delivers."""
_PATIENCE = 2.0
"""Seconds in which whoever is catching up with an old event gets further."""


def look(patient: Patient, found: list[Finding]) -> str:
    engine = patient.engine
    targets = all_targets(engine)
    if not targets:
        return "there are no targets"
    now = datetime.now(UTC)
    since = _next_event(engine)
    if since is not None and now - since > WAITS and not _moves(engine):
        said = f"Nobody delivers: an event has waited for that for {in_words(now - since)}."
        found.append(error("not-delivering", said, "receiver serve, or receiver work beside it"))
    log = Deliveries(engine)
    found += findings.look(targets, log.dead(), now)
    waiting = sum(counts.get(DeliveryState.WAITING, 0) for counts in log.counts().values())
    return f"{count_of(len(targets), 'target')}, {waiting or 'nothing'} waiting"


def _next_event(engine: Engine) -> datetime | None:
    """When the first event came that nobody has made deliveries of."""
    query = (
        select(EVENTS.c.received_at)
        .where(EVENTS.c.id > select(RelayState.event_id).scalar_subquery())
        .order_by(EVENTS.c.id)
        .limit(1)
    )
    with engine.connect() as connection:
        return connection.scalar(query)


def _moves(engine: Engine) -> bool:
    """Whether somebody gets on with it right now."""
    until = time.monotonic() + _PATIENCE
    before = _place(engine)
    while time.monotonic() < until:
        if _place(engine) != before:
            return True
        time.sleep(0.1)
    return False


def _place(engine: Engine) -> int | None:
    with engine.connect() as connection:
        return connection.scalar(select(RelayState.event_id))


CHECK = Check("deliveries", look, afresh=findings.CODES)
