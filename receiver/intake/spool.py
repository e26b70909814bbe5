"""The spool: local and durable, for callbacks that the database cannot take now.

It holds arrivals, not events: raw bytes do not depend on the version that reads them, so a spool written
before an upgrade can be drained after it. Draining twice changes nothing: each arrival has its own mark.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import ParamSpec, TypeVar

from sqlalchemy import ColumnElement, RowMapping, delete, exists, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from receiver.db.asking import Asking
from receiver.db.engine import writing
from receiver.db.failure import words_of
from receiver.db.space import compact
from receiver.intake.arrival import ROW_BYTES, Arrival, Arrived, Row, event_row
from receiver.intake.in_spool import Drained, SetAside, SetAsideLine, SetAsidePage, SpoolState
from receiver.intake.spool_file import ARRIVALS, PAGE_BYTES, SpoolDamaged, SpoolError, SpoolFile, SpoolSilent
from receiver.intake.writer import PROBE_BYTES, EventWriter, is_locked
from receiver.logs.log import get_logger
from receiver.vocabulary.kinds import Kind
from receiver.vocabulary.verdict import Verdict

__all__ = ["Spool", "SpoolError", "SpoolSilent"]

logger = get_logger(__name__)

DRAIN_BATCH = 100
"""Arrivals moved in one transaction. A live callback may have to wait for that long."""
LOCKED_FOR = 5.0
"""Seconds until an arrival is tried again that waits for somebody's lock in the database."""
MOST_LOCKED = 1000
"""With so many of them, the drain waits too."""
_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")
_FIELDS = tuple(field.name for field in fields(Arrived))
_PROBE: dict[str, str | bytes] = {
    **dict.fromkeys(("id", "provider", "kind", "method", "peer", "content_type", "signature"), "probe"),
    **dict.fromkeys(("query", "headers"), b""),
    "body": bytes(PROBE_BYTES),
}


def _anew(method: Callable[_Given, _Result]) -> Callable[_Given, _Result]:
    """Run it, and once more with a new file if the old one turns out to be damaged."""

    @functools.wraps(method)
    def run(*args: _Given.args, **given: _Given.kwargs) -> _Result:
        try:
            return method(*args, **given)
        except SpoolDamaged:
            return method(*args, **given)

    return run


class Spool:
    """Arrivals on local stable storage, in the order in which they came.

    Its disk may hang, and with it whoever calls one of these methods, but for `ask`.
    """

    def __init__(self, directory: Path, *, limit_mb: int) -> None:
        self._directory = directory
        self._most_pages = limit_mb * 1024 * 1024 // PAGE_BYTES
        # The file is created when it is first needed: most commands need no spool.
        self._file = SpoolFile(directory, most_pages=self._most_pages)
        self._locked: dict[int, float] = {}
        self._asking = Asking()

    def ask(self, question: Callable[[Spool], _Result]) -> _Result:
        """For a thread that others need: what the question finds, or `SpoolError` if the disk gives no answer
        in time. What the question does may still happen then."""
        try:
            return self._asking.ask(lambda: question(self))
        except TimeoutError:
            raise SpoolSilent(self._directory) from None

    @_anew
    def prove(self) -> None:
        """Write, sync and delete a probe, the way an arrival is written; `SpoolError` if that fails."""
        with self._file.using() as engine, writing(engine) as connection:
            connection.execute(insert(ARRIVALS).values(received_at=datetime.now(UTC), **_PROBE))
            connection.execute(delete(ARRIVALS).where(ARRIVALS.c.id == _PROBE["id"]))

    @_anew
    def put(self, arrivals: Sequence[Arrival]) -> None:
        """Keep these; on return they are on stable storage. `SpoolError` means that none of them is."""
        with self._file.using() as engine, writing(engine) as connection:
            connection.execute(insert(ARRIVALS), [_columns(arrival) for arrival in arrivals])

    @_anew
    def drain(self, writer: EventWriter) -> Drained:
        """Move the oldest few into the database.

        An arrival that the database refuses is set aside; one that meets a lock stays and is tried again
        later. Neither blocks the others. If the whole database fails, this raises what `EventWriter.write`
        raises, and all stay here. `SpoolError` means the spool failed.
        """
        now = time.monotonic()
        self._locked = {place: until for place, until in self._locked.items() if until > now}
        if len(self._locked) >= MOST_LOCKED:
            return Drained()
        free = ARRIVALS.c.set_aside.is_(None) & ARRIVALS.c.position.not_in(self._locked)
        oldest = select(ARRIVALS).where(free).order_by(ARRIVALS.c.position).limit(DRAIN_BATCH)
        with self._file.using() as engine, engine.connect() as connection:
            waiting = connection.execute(oldest).mappings().all()
        refusals: dict[int, Exception] = {}
        rows: dict[int, Row] = {}
        for row in waiting:
            try:
                rows[row["position"]] = event_row(_arrival(row))
            except Exception as error:  # whatever is wrong with it must not block the others
                refusals[row["position"]] = error
        results = dict(zip(rows, writer.write(list(rows.values())) if rows else [], strict=True))
        stored = [place for place, error in results.items() if error is None]
        locked = [place for place, error in results.items() if error is not None and is_locked(error)]
        self._locked |= dict.fromkeys(locked, time.monotonic() + LOCKED_FOR)
        refusals |= {
            place: error
            for place, error in results.items()
            if error is not None and place not in self._locked
        }
        if stored or refusals:
            with self._file.using() as engine, writing(engine) as connection:
                connection.execute(delete(ARRIVALS).where(ARRIVALS.c.position.in_(stored)))
                for place, refusal in refusals.items():
                    mine = ARRIVALS.c.position == place
                    connection.execute(update(ARRIVALS).where(mine).values(set_aside=_why(refusal)))
        if refusals:
            logger.critical(
                "set aside callbacks that cannot become events",
                callbacks=len(refusals),
                see="receiver spool list",
            )
        return Drained(len(stored), len(refusals), len(locked))

    def set_aside(self) -> list[SetAside]:
        """What was set aside, oldest first."""
        aside = select(ARRIVALS).where(ARRIVALS.c.set_aside.is_not(None)).order_by(ARRIVALS.c.position)
        with self._file.using() as engine, engine.connect() as connection:
            return [SetAside(**row) for row in connection.execute(aside).mappings()]

    @_anew
    def set_aside_page(self, *, before: int | None, limit: int) -> SetAsidePage:
        """What was set aside, newest first, below position `before`. No bodies are read."""
        size = func.length(ARRIVALS.c.body).label("size")
        columns = [ARRIVALS.c[name] for name in ("position", "received_at", "provider", "kind", "set_aside")]
        aside = select(*columns, size).where(_aside(None)).order_by(ARRIVALS.c.position.desc())
        if before is not None:
            aside = aside.where(ARRIVALS.c.position < before)
        with self._file.using() as engine, engine.connect() as connection:
            found = [SetAsideLine(**row) for row in connection.execute(aside.limit(limit + 1)).mappings()]
        more = len(found) > limit
        return SetAsidePage(found[:limit], found[limit - 1].position if more else None)

    @_anew
    def set_aside_at(self, position: int) -> SetAside | None:
        """What was set aside at this position; None if nothing was."""
        query = select(ARRIVALS).where(_aside([position]))
        with self._file.using() as engine, engine.connect() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else SetAside(**row)

    @_anew
    def waits(self) -> bool:
        """Whether anything waits for the database."""
        waiting = exists(select(ARRIVALS.c.position).where(ARRIVALS.c.set_aside.is_(None)))
        with self._file.using() as engine, engine.connect() as connection:
            return bool(connection.scalar(select(waiting)))

    @_anew
    def has_set_aside(self) -> bool:
        """Whether anything was set aside."""
        with self._file.using() as engine, engine.connect() as connection:
            return bool(connection.scalar(select(exists(select(ARRIVALS.c.position).where(_aside(None))))))

    def retry(self, positions: Sequence[int] | None = None, *, who: str) -> int:
        """Let these, or all that were set aside, wait for the database again. Returns how many those are."""
        with self._file.using() as engine, writing(engine) as connection:
            again = update(ARRIVALS).where(_aside(positions)).values(set_aside=None)
            retried = connection.execute(again).rowcount
        logger.info("callbacks that were set aside wait again", callbacks=retried, who=who)
        return retried

    def drop(self, positions: Sequence[int] | None = None, *, who: str) -> int:
        """Delete these, or all that were set aside. Returns how many those are."""
        with self._file.using() as engine, writing(engine) as connection:
            dropped = connection.execute(delete(ARRIVALS).where(_aside(positions))).rowcount
        logger.warning("dropped callbacks that had been set aside", callbacks=dropped, who=who)
        return dropped

    def moved_aside(self) -> list[Path]:
        """Damaged files of this spool that wait for somebody to look at them."""
        return self._file.moved_aside()

    @_anew
    def state(self) -> SpoolState:
        """How many wait and how many were set aside."""
        waits = ARRIVALS.c.set_aside.is_(None)
        query = select(
            func.count().filter(waits), func.count().filter(~waits), func.min(ARRIVALS.c.received_at)
        )
        with self._file.using() as engine, engine.connect() as connection:
            return SpoolState(*connection.execute(query).one())

    @_anew
    def room(self) -> tuple[int, int]:
        """Bytes in use, and the limit."""
        with self._file.using() as engine, engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            free = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
        return (pages - free) * PAGE_BYTES, self._most_pages * PAGE_BYTES

    @_anew
    def size_of_untrusted(self) -> int:
        """About how many bytes the untrusted callbacks in here will take in the database."""
        raw = func.length(ARRIVALS.c.body) + func.length(ARRIVALS.c.headers) + func.length(ARRIVALS.c.query)
        query = select(func.coalesce(func.sum(raw + ROW_BYTES), 0)).where(ARRIVALS.c.distrust.is_not(None))
        with self._file.using() as engine, engine.connect() as connection:
            return int(connection.scalar(query) or 0)

    def discard(self, unwanted: Callable[[Arrival], bool], *, only_count: bool = False) -> int:
        """Delete the arrivals for which `unwanted` is true, set aside or not, and return how many those are.

        The file is rewritten, so that nothing of them is left in it.
        """
        places: list[int] = []
        last = taken = 0
        with self._file.using() as engine:
            while True:
                after = select(ARRIVALS).where(ARRIVALS.c.position > last).order_by(ARRIVALS.c.position)
                with engine.connect() as connection:
                    page = connection.execute(after.limit(DRAIN_BATCH)).mappings().all()
                if not page:
                    break
                last = page[-1]["position"]
                places += [row["position"] for row in page if unwanted(_arrival(row))]
            if only_count:
                return len(places)
            for start in range(0, len(places), DRAIN_BATCH):
                some = ARRIVALS.c.position.in_(places[start : start + DRAIN_BATCH])
                with writing(engine) as connection:
                    taken += connection.execute(delete(ARRIVALS).where(some)).rowcount
            compact(engine)
        return taken

    def close(self) -> None:
        self._file.close()


def _columns(arrival: Arrival) -> dict[str, object]:
    return {name: getattr(arrival, name) for name in _FIELDS}


def _arrival(row: RowMapping) -> Arrival:
    given = {name: row[name] for name in _FIELDS}
    return Arrival(**given | {"kind": Kind(row["kind"]), "signature": Verdict(row["signature"])})


def _aside(positions: Sequence[int] | None) -> ColumnElement[bool]:
    aside = ARRIVALS.c.set_aside.is_not(None)
    return aside if positions is None else aside & ARRIVALS.c.position.in_(positions)


def _why(refusal: Exception) -> str:
    return words_of(refusal) if isinstance(refusal, SQLAlchemyError) else type(refusal).__name__
