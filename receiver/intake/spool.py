"""The spool: local and durable, for callbacks that the database cannot take now.

It holds arrivals, not events: raw bytes do not depend on the version that reads them, so a spool written
before an upgrade can be drained after it. Draining twice changes nothing: each arrival has its own mark.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import (
    URL,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    RowMapping,
    Table,
    Text,
    delete,
    event,
    func,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.schema import CreateColumn

from receiver.db.engine import connect_file, make_private, reason_of, writing
from receiver.db.reach import Reach
from receiver.db.space import compact
from receiver.intake.arrival import ROW_BYTES, Arrival, Row, event_row
from receiver.intake.writer import PROBE_BYTES, EventWriter
from receiver.logs.log import get_logger
from receiver.models import UtcTime
from receiver.providers.registry import DEFAULT
from receiver.vocabulary.errors import OperatorError
from receiver.vocabulary.kinds import Kind
from receiver.vocabulary.verdict import Verdict

logger = get_logger(__name__)

DRAIN_BATCH = 100
"""Arrivals moved in one transaction. A live callback may have to wait for that long."""
_PAGE_BYTES = 4096

_metadata = MetaData()
_arrivals = Table(
    "arrivals",
    _metadata,
    Column("position", Integer, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False),
    Column("provider", Text, nullable=False, server_default=DEFAULT.name),
    Column("kind", Text, nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("method", Text, nullable=False),
    Column("query", LargeBinary, nullable=False),
    Column("headers", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("peer", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("signature", Text, nullable=False),
    Column("distrust", Text),
    Column("set_aside", Text),  # why the database refused it for good; NULL while it waits
    sqlite_autoincrement=True,
)
_PROBE: dict[str, str | bytes] = {
    **dict.fromkeys(("id", "provider", "kind", "method", "peer", "content_type", "signature"), "probe"),
    **dict.fromkeys(("query", "headers"), b""),
    "body": bytes(PROBE_BYTES),
}


class SpoolError(OperatorError):
    """The spool cannot be used. The message says why, and what to look at."""


@dataclass(frozen=True, slots=True)
class SpoolState:
    """How much is in the spool."""

    waiting: int
    set_aside: int
    oldest: datetime | None


class Spool:
    """Arrivals on local stable storage, in the order in which they came."""

    def __init__(self, directory: Path, *, limit_mb: int) -> None:
        self._directory = directory
        self._path = directory / "spool.db"
        self._most_pages = limit_mb * 1024 * 1024 // _PAGE_BYTES
        self._ready = False
        # The file is created when it is first needed: most commands need no spool.
        self._engine = connect_file(URL.create("sqlite", database=str(self._path)), patience=1.0)
        event.listen(self._engine, "connect", self._limit)
        self._reach = Reach(self._engine)

    def prove(self) -> None:
        """Write, sync and delete a probe, the way an arrival is written; `SpoolError` if that fails."""
        with self._using(), writing(self._engine) as connection:
            connection.execute(insert(_arrivals).values(received_at=datetime.now(UTC), **_PROBE))
            connection.execute(delete(_arrivals).where(_arrivals.c.id == _PROBE["id"]))

    def put(self, arrivals: Sequence[Arrival]) -> None:
        """Keep these; on return they are on stable storage. `SpoolError` means that none of them is."""
        with self._using(), writing(self._engine) as connection:
            connection.execute(insert(_arrivals), [_columns(arrival) for arrival in arrivals])

    def drain(self, writer: EventWriter) -> int:
        """Move the oldest few into the database, and return how many were dealt with.

        An arrival that the database refuses is set aside and blocks nothing. If the whole database fails,
        this raises what `EventWriter.write` raises, and all stay here. `SpoolError` means the spool failed.
        """
        oldest = select(_arrivals).where(_arrivals.c.set_aside.is_(None)).order_by(_arrivals.c.position)
        with self._using(), self._engine.connect() as connection:
            waiting = connection.execute(oldest.limit(DRAIN_BATCH)).mappings().all()
        if not waiting:
            return 0
        refusals: dict[int, Exception] = {}
        rows: dict[int, Row] = {}
        for row in waiting:
            try:
                rows[row["position"]] = event_row(_arrival(row))
            except Exception as error:  # whatever is wrong with it must not block the others
                refusals[row["position"]] = error
        results = writer.write(list(rows.values())) if rows else []
        refusals |= {place: error for place, error in zip(rows, results, strict=True) if error is not None}
        with self._using(), writing(self._engine) as connection:
            stored = [place for place in rows if place not in refusals]
            connection.execute(delete(_arrivals).where(_arrivals.c.position.in_(stored)))
            for place, refusal in refusals.items():
                reason = (
                    reason_of(refusal) if isinstance(refusal, SQLAlchemyError) else type(refusal).__name__
                )
                logger.critical(
                    "set aside an arrival that cannot become an event", see="receiver spool status"
                )
                mine = _arrivals.c.position == place
                connection.execute(update(_arrivals).where(mine).values(set_aside=reason))
        return len(waiting)

    def state(self) -> SpoolState:
        """How many wait and how many were set aside."""
        waits = _arrivals.c.set_aside.is_(None)
        query = select(
            func.count().filter(waits), func.count().filter(~waits), func.min(_arrivals.c.received_at)
        )
        with self._using(), self._engine.connect() as connection:
            return SpoolState(*connection.execute(query).one())

    def room(self) -> tuple[int, int]:
        """Bytes in use, and the limit."""
        with self._using(), self._engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            free = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
        return (pages - free) * _PAGE_BYTES, self._most_pages * _PAGE_BYTES

    def size_of_untrusted(self) -> int:
        """About how many bytes the untrusted callbacks in here will take in the database."""
        raw = (
            func.length(_arrivals.c.body) + func.length(_arrivals.c.headers) + func.length(_arrivals.c.query)
        )
        query = select(func.coalesce(func.sum(raw + ROW_BYTES), 0)).where(_arrivals.c.distrust.is_not(None))
        with self._using(), self._engine.connect() as connection:
            return int(connection.scalar(query) or 0)

    def discard(self, unwanted: Callable[[Arrival], bool], *, only_count: bool = False) -> int:
        """Delete the arrivals for which `unwanted` is true, set aside or not, and return how many those are.

        The file is rewritten, so that nothing of them is left in it.
        """
        places: list[int] = []
        last = taken = 0
        with self._using():
            while True:
                after = select(_arrivals).where(_arrivals.c.position > last).order_by(_arrivals.c.position)
                with self._engine.connect() as connection:
                    page = connection.execute(after.limit(DRAIN_BATCH)).mappings().all()
                if not page:
                    break
                last = page[-1]["position"]
                places += [row["position"] for row in page if unwanted(_arrival(row))]
            if only_count:
                return len(places)
            for start in range(0, len(places), DRAIN_BATCH):
                some = _arrivals.c.position.in_(places[start : start + DRAIN_BATCH])
                with writing(self._engine) as connection:
                    taken += connection.execute(delete(_arrivals).where(some)).rowcount
            compact(self._engine)
        return taken

    def close(self) -> None:
        self._engine.dispose()

    @contextlib.contextmanager
    def _using(self) -> Iterator[None]:
        """Turns whatever fails inside into a `SpoolError`."""
        try:
            self._prepare()
            yield
        except (SQLAlchemyError, OSError) as error:
            raise self._unusable(error) from None

    def _prepare(self) -> None:
        if self._ready and self._reach.moved:
            logger.critical("the file in SPOOL_DIR was moved, deleted or replaced, a new one is begun")
            self._engine.dispose()
            self._reach.forget()
            self._ready = False
        if self._ready:
            return
        make_private(self._path)
        with writing(self._engine) as connection:
            _metadata.create_all(connection)
            _complete(connection)
        self._ready = True

    def _limit(self, connection: object, _: object) -> None:
        connection.execute(f"PRAGMA max_page_count={self._most_pages}")  # type: ignore[attr-defined]

    def _unusable(self, error: SQLAlchemyError | OSError) -> SpoolError:
        reason = reason_of(error) if isinstance(error, SQLAlchemyError) else error.strerror
        if isinstance(error, OperationalError) and "full" in str(reason):
            reason = f"{reason} (SPOOL_LIMIT_MB or the file system)"
        return SpoolError(f"the spool in SPOOL_DIR {self._directory} cannot be written: {reason}")


def _complete(connection: Connection) -> None:
    """Add the columns that a file made by an earlier version lacks: what waits in it was for the default."""
    there = {column["name"] for column in inspect(connection).get_columns(_arrivals.name)}
    for column in _arrivals.columns:
        if column.name not in there:
            declared = CreateColumn(column).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {_arrivals.name} ADD COLUMN {declared}")


def _columns(arrival: Arrival) -> dict[str, object]:
    return {
        name: getattr(arrival, name)
        for name in (column.name for column in _arrivals.columns)
        if name not in {"position", "set_aside"}
    }


def _arrival(row: RowMapping) -> Arrival:
    given = {name: value for name, value in row.items() if name not in {"position", "set_aside"}}
    return Arrival(**given | {"kind": Kind(row["kind"]), "signature": Verdict(row["signature"])})
