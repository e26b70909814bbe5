"""Taking events out of the log: a batch at a time, with their repeats, and with a record that it was done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from typing import cast

from sqlalchemy import Connection, Engine, Table, delete, exists, insert, select, update
from sqlalchemy.orm import Session

from receiver.db import LONGEST_LOCK, SHARE, writing, writing_lazily
from receiver.models import Event, Intervention, Repeat

EVENTS = cast(Table, Event.__table__)
REPEATS = cast(Table, Repeat.__table__)

_SMALLEST, _LARGEST = 8, 500
_LONGEST_STEP = 0.05  # seconds that count for the pause; a checkpoint in between may take longer


class Action(StrEnum):
    """What was done to the log."""

    RELEASE = "release"
    DROP = "drop"
    ERASE = "erase"
    PRUNE = "prune"


@dataclass(frozen=True, slots=True)
class Removed:
    """How much, and when the first and the last of the events had been received."""

    events: int = 0
    repeats: int = 0
    first: datetime | None = None
    last: datetime | None = None

    def __add__(self, other: Removed) -> Removed:
        times = [time for time in (self.first, self.last, other.first, other.last) if time is not None]
        return Removed(
            self.events + other.events,
            self.repeats + other.repeats,
            min(times, default=None),
            max(times, default=None),
        )


def interventions(engine: Engine, limit: int) -> Sequence[Intervention]:
    """What was done to the log, newest first."""
    with Session(engine, expire_on_commit=False) as session:
        return session.scalars(select(Intervention).order_by(Intervention.id.desc()).limit(limit)).all()


class Act:
    """The record of one act, written along with what is done: true after a crash half-way too."""

    def __init__(self, action: Action, who: str, why: str | None = None, subject: str | None = None) -> None:
        self._told = {"action": action.value, "who": who, "why": why, "subject": subject}
        self._id: int | None = None
        self.done = Removed()

    def add(self, connection: Connection, done: Removed, *, spooled: int = 0) -> None:
        """Note that this was done in the caller's transaction."""
        self.done += done
        table = Intervention
        counts: dict[str, object] = {
            "events": self.done.events,
            "repeats": self.done.repeats,
            "first_at": self.done.first,
            "last_at": self.done.last,
        }
        if self._id is None:
            row = self._told | counts | {"made_at": datetime.now(UTC), "spooled": spooled}
            self._id = connection.execute(insert(table).values(row).returning(table.id)).scalar_one()
            return
        counts["spooled"] = table.spooled + spooled
        connection.execute(update(table).where(table.id == self._id).values(counts))


def remove(connection: Connection, ids: Sequence[int]) -> Removed:
    """Delete these events with their repeats, inside the caller's transaction."""
    if not ids:
        return Removed()
    mine = EVENTS.c.id.in_(ids)
    rows = connection.execute(
        select(EVENTS.c.identity, EVENTS.c.repeats, EVENTS.c.received_at).where(mine).with_for_update()
    ).all()
    repeats = 0
    if repeated := [row.identity for row in rows if row.repeats]:
        repeats = connection.execute(delete(REPEATS).where(REPEATS.c.identity.in_(repeated))).rowcount
    connection.execute(delete(EVENTS).where(mine))
    times = [row.received_at for row in rows]
    return Removed(len(rows), repeats, min(times, default=None), max(times, default=None))


def remove_gently(
    engine: Engine,
    ids: Iterable[int],
    act: Act,
    *,
    told: Callable[[int], None] | None = None,
    until: float | None = None,
) -> None:
    """Delete many events, each once, while callbacks arrive.

    Batches are as large as `LONGEST_LOCK` allows on this machine, with pauses between them. `told` hears
    of each how large it was; `until` (of `time.monotonic`) ends it early.
    """
    size = _SMALLEST * 4
    left = iter(ids)
    while batch := list(islice(left, size)):
        began = time.monotonic()
        with writing_lazily(engine) as connection:
            locked = time.monotonic()
            act.add(connection, remove(connection, batch))
            done = time.monotonic()
        ended = time.monotonic()
        if told is not None:
            told(len(batch))
        if until is not None and ended >= until:
            break
        # Without the commit: it waits for no disk, and what it may do beyond needs no lock.
        wanted = size * LONGEST_LOCK / max(done - locked, 1e-6)
        size = int(min(max(wanted, size * 0.75, _SMALLEST), size * 1.5, _LARGEST))
        time.sleep(min(ended - began, _LONGEST_STEP) * (1 - SHARE) / SHARE)


def remove_orphans(engine: Engine) -> None:
    """Delete repeats without an event: one can come in just while its event is being deleted."""
    with writing(engine) as connection:
        alone = ~exists(select(EVENTS.c.id).where(EVENTS.c.identity == REPEATS.c.identity))
        connection.execute(delete(REPEATS).where(alone))


def in_batches(ids: Iterable[int], size: int) -> Iterator[list[int]]:
    """Few at a time, each once, in order."""
    ordered = iter(sorted(set(ids)))
    while batch := list(islice(ordered, size)):
        yield batch
