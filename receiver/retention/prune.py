"""Retention: how long events are kept, by kind. Older ones go in small steps while callbacks arrive."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import product

from sqlalchemy import Engine, func, select

from receiver.access.record import Action
from receiver.db import clock
from receiver.db.clock import Doubt
from receiver.db.space import give_back
from receiver.models import EVENTS
from receiver.numbers import findings
from receiver.numbers.findings import Finding, error
from receiver.retention.remove import Act, Removed, remove_gently, remove_orphans
from receiver.vocabulary.job import Job
from receiver.vocabulary.kinds import EventType, Kind

GRACE = timedelta(days=1)
"""How far past its retention an event gets before the periodic job deletes it: so that it works once a day,
not all the time."""
SLICE = 5.0
"""Seconds that the job works at a time, since other jobs wait for it."""
CLOCK_JUMPED = "clock-jumped"
CONFIRM = "Look at the clock. If it is right: receiver events prune --trust-clock"
_PAGE = 1000


def jobs(engine: Engine, retention: Mapping[str, timedelta]) -> tuple[Job, ...]:
    """Deleting what is older than its retention."""
    return (Job("retention", 60, lambda: prune_due(engine, retention)),)


def doubted(doubt: Doubt | None) -> tuple[Finding, ...]:
    """What somebody should know about the clock."""
    if doubt is None:
        return ()
    sentence = f"{doubt.sentence} Meanwhile nothing is deleted because of its age."
    return (error(CLOCK_JUMPED, sentence, CONFIRM),)


def older(engine: Engine, age: timedelta, kinds: Sequence[Kind] = tuple(Kind)) -> dict[Kind, int]:
    """How many events of each kind were received longer ago than `age`."""
    query = (
        select(EVENTS.c.kind, func.count())
        .where(
            EVENTS.c.received_at < datetime.now(UTC) - age, EVENTS.c.kind.in_([kind.value for kind in kinds])
        )
        .group_by(EVENTS.c.kind)
    )
    with engine.connect() as connection:
        return {Kind(kind): count for kind, count in connection.execute(query)}


def prune(
    engine: Engine,
    age: timedelta,
    kinds: Sequence[Kind] = tuple(Kind),
    *,
    who: str,
    now: datetime | None = None,
    told: Callable[[int], None] | None = None,
    until: float | None = None,
) -> Removed:
    """Delete the events of these kinds that were received longer ago than `age`, with their repeats.

    Leaves room for callbacks that arrive meanwhile. `told` is called with how many more are gone; `until` (of
    `time.monotonic`) ends it early.
    """
    what = ", ".join(kind.value for kind in kinds)
    limit = (now or datetime.now(UTC)) - age
    with Act(Action.PRUNE, who, why=f"{what} older than {age.days} days") as act:
        remove_gently(engine, _older(engine, limit, kinds), act, told=told, until=until)
        if act.done.events:
            remove_orphans(engine)
    return act.done


def prune_due(engine: Engine, retention: Mapping[str, timedelta]) -> None:
    """What the periodic job does: a slice of the pruning that is due, then free disk space.

    Nothing while the clock is doubted; the heartbeat by which it is judged is written here.
    """
    doubt = clock.beat(engine)
    findings.replace(engine, CLOCK_JUMPED, doubted(doubt), now=datetime.now(UTC))
    if doubt:
        return
    until, now = time.monotonic() + SLICE, datetime.now(UTC)
    done = 0
    for kind, age in retention.items():
        limit = now - age - GRACE
        overdue = _front(engine, limit, [Kind(kind)], _first_kept(engine, limit))
        if time.monotonic() < until and next(overdue, None):
            done += prune(engine, age, [Kind(kind)], who="receiver", now=now, until=until).events
    if done and engine.dialect.name == "sqlite":  # PostgreSQL vacuums by itself
        give_back(engine, until=time.monotonic() + SLICE)


def _older(engine: Engine, limit: datetime, kinds: Sequence[Kind]) -> Iterator[int]:
    """All events received before `limit`, read outside of any writing transaction."""
    first_kept = _first_kept(engine, limit)
    yield from _front(engine, limit, kinds, first_kept)
    if first_kept is None:
        return
    # Events that waited in a spool are older than their neighbours. The index by time holds id and time, so
    # events of other kinds cost no look at their rows; the sum keeps the database from walking by id instead.
    behind = select(EVENTS.c.id).where(
        EVENTS.c.received_at < limit,
        EVENTS.c.id + 0 >= first_kept,
        EVENTS.c.kind.in_([kind.value for kind in kinds]),
    )
    with engine.connect() as connection:
        late = connection.scalars(behind).all()
    yield from late


def _first_kept(engine: Engine, limit: datetime) -> int | None:
    by_time = select(EVENTS.c.id).order_by(EVENTS.c.received_at, EVENTS.c.id)
    with engine.connect() as connection:
        return connection.scalar(by_time.where(EVENTS.c.received_at >= limit).limit(1))


def _front(engine: Engine, limit: datetime, kinds: Sequence[Kind], first_kept: int | None) -> Iterator[int]:
    """Those below the first event that is kept, which are nearly all. In order, because neighbours share
    pages of the database, and so that a conversation's last message goes last."""
    return merge(
        *(_walk(engine, limit, kind, type_, first_kept) for kind, type_ in product(kinds, EventType))
    )


def _walk(
    engine: Engine, limit: datetime, kind: Kind, type_: EventType, first_kept: int | None
) -> Iterator[int]:
    """By pages, in the order of an index."""
    mine = select(EVENTS.c.id).where(
        EVENTS.c.kind == kind.value, EVENTS.c.type == type_.value, EVENTS.c.received_at < limit
    )
    if first_kept is not None:
        mine = mine.where(EVENTS.c.id < first_kept)
    last, more = 0, True
    while more:
        page = mine.where(EVENTS.c.id > last).order_by(EVENTS.c.id).limit(_PAGE)
        with engine.connect() as connection:
            ids = connection.scalars(page).all()
        yield from ids
        more = len(ids) == _PAGE
        last = ids[-1] if ids else last
