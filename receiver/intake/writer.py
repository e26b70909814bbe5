"""How events enter a database: many in one transaction, with repeats counted and a bad row set apart."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import Connection, Engine, bindparam, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError, StatementError

from receiver.db.engine import bounded, unless_broken, writing, writing_at_once
from receiver.db.insert import inserter
from receiver.db.reach import Moved, Reach
from receiver.intake.arrival import AGAIN, Row
from receiver.models import EVENTS, REPEATS

_COLUMNS = [column.name for column in EVENTS.columns if column.name != "id"]
_REPEAT_COLUMNS = [column.name for column in REPEATS.columns if column.name != "id"]
PROBE_BYTES = 16 * 1024
"""About the size of a batch of callbacks."""
_ATTEMPTS = 3
"""How often a transaction is tried that the database ended only because of another one."""
_IN_THE_WAY = {"40P01", "40001"}  # deadlock, serialization failure
_LOCKED = "55P03"
_TOO_MUCH = "54"
"""How a SQLSTATE begins that says that something is larger than the server takes."""
_NOT_BOUND = (StatementError, ValueError, TypeError, ArithmeticError, AttributeError, LookupError)
"""What a driver, or a type of ours, raises before a value is sent that it cannot bind."""
LONGEST_ALONE = 0.5
"""Seconds for the rows of a batch that meets a lock, each written alone; the rest of them count as locked."""


class EventWriter:
    """Writes rows of `events`. Repeats are found by the unique constraint, not by looking first."""

    def __init__(self, engine: Engine) -> None:
        self.engine = bounded(engine)
        self.reach = Reach(self.engine)
        self._insert = inserter(engine.dialect, EVENTS, _COLUMNS, "ON CONFLICT (identity) DO NOTHING")
        add: Any = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert
        self._add_repeats = (
            add(REPEATS).on_conflict_do_nothing(index_elements=["arrival"]).returning(REPEATS.c.identity)
        )

    def write(self, rows: Sequence[Row]) -> list[Exception | None]:
        """Store all rows; on return they are committed.

        Returns an error for each row that the database or its driver refused, None for the others. If
        `is_locked` is true of the error, the row can be stored later. Raises if the database as a whole
        failed; some rows may be stored then, and writing them again changes nothing.
        """
        for attempt in range(_ATTEMPTS):
            try:
                return unless_broken(lambda: self._write(rows))
            except DBAPIError as error:
                in_the_way = getattr(error.orig, "sqlstate", None) in _IN_THE_WAY
                if not in_the_way or attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def probe(self) -> None:
        """Raise unless an event could be committed now: insert one and delete it, in one transaction.

        A statement that changes no row is not enough: it writes nothing, so it succeeds on a full disk. Nor
        is a small row: it may fit where a batch of callbacks does not.
        """
        if self.reach.moved:
            raise Moved
        mark = f"probe/{secrets.token_hex(8)}"
        row: dict[str, object] = dict.fromkeys(
            ("arrival", "provider", "kind", "type", "signature", "method", "peer"), "probe"
        )
        row |= {"query_string": b"", "headers": b"", "body": bytes(PROBE_BYTES)}

        def insert_and_delete() -> None:
            with writing(self.engine) as connection:
                connection.execute(insert(EVENTS).values(identity=mark, received_at=datetime.now(UTC), **row))
                connection.execute(delete(EVENTS).where(EVENTS.c.identity == mark))

        unless_broken(insert_and_delete)

    def _write(self, rows: Sequence[Row]) -> list[Exception | None]:
        try:
            if len(rows) <= self._insert.largest:
                self._store_at_once(rows)
            else:
                with writing(self.engine) as connection:
                    self._store(connection, rows)
            return [None] * len(rows)
        except Exception as error:
            if is_locked(error):
                return self._write_around_locks(rows, error)
            if not _is_about_a_row(error):
                raise
        # The database refuses some row: write them one by one, each behind its own savepoint.
        with writing(self.engine) as connection:
            return [self._store_alone(connection, row) for row in rows]

    def _write_around_locks(self, rows: Sequence[Row], locked: Exception) -> list[Exception | None]:
        """Somebody holds a lock on one of the events, or on all: write what can be written around it."""
        until = time.monotonic() + LONGEST_ALONE
        with writing(self.engine) as connection:
            connection.exec_driver_sql("SET LOCAL lock_timeout TO '5ms'")
            results = [
                self._store_alone(connection, row) if time.monotonic() < until else locked for row in rows
            ]
        if all(result is not None and is_locked(result) for result in results):
            self.probe()  # raises if nothing at all can be written
        return results

    def _store_at_once(self, rows: Sequence[Row]) -> None:
        """One statement, which is its own transaction; repeats, which are rare, take a second one."""
        with writing_at_once(self.engine) as connection:
            added = self._insert(connection, rows)
        if added < len(rows):
            with writing(self.engine) as connection:
                self._settle_repeats(connection, rows)

    def _store(self, connection: Connection, rows: Sequence[Row]) -> None:
        start = 0
        while start < len(rows):
            chunk = rows[start : start + self._insert.largest]
            if self._insert(connection, chunk) < len(chunk):
                self._settle_repeats(connection, chunk)
            start += len(chunk)

    def _store_alone(self, connection: Connection, row: Row) -> Exception | None:
        try:
            with connection.begin_nested():
                self._store(connection, [row])
        except Exception as error:
            if not (_is_about_a_row(error) or is_locked(error)):
                raise
            return error
        return None

    def _settle_repeats(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Count the rows whose identity another arrival holds. Any row may have been stored before by this
        very arrival, if the answer to that transaction was lost."""
        same = EVENTS.c.identity.in_([row["identity"] for row in rows])
        # Locked, so that no event is deleted or released before its repeat is added to it.
        query = select(EVENTS.c.identity, EVENTS.c.arrival).where(same).order_by(EVENTS.c.identity)
        holders = {row.identity: row.arrival for row in connection.execute(query.with_for_update())}
        repeats = [
            row for row in rows if holders.get(cast(str, row["identity"])) not in {None, row["arrival"]}
        ]
        if repeats:
            for row in repeats:
                row[AGAIN] = True
            given = [{name: row[name] for name in _REPEAT_COLUMNS} for row in repeats]
            added = Counter(connection.scalars(self._add_repeats, given))
            if added:
                connection.execute(
                    update(EVENTS)
                    .where(EVENTS.c.identity == bindparam("same"))
                    .values(repeats=EVENTS.c.repeats + bindparam("more")),
                    [{"same": identity, "more": more} for identity, more in sorted(added.items())],
                )
        # The event that held the identity when we inserted has been deleted: ours can be stored now. Unless
        # that event was ours and was released since, which gave it another identity.
        if homeless := [row for row in rows if row["identity"] not in holders]:
            kept = _kept(connection, homeless)
            self._store(connection, [row for row in homeless if row["arrival"] not in kept])


def _kept(connection: Connection, rows: Sequence[Row]) -> set[str]:
    """The arrivals among these rows that the log holds, under any identity."""
    arrivals = [row["arrival"] for row in rows]
    times = [cast(datetime, row["received_at"]) for row in rows]
    # By time as well, since events have an index by time and none by arrival.
    events = select(EVENTS.c.arrival).where(
        EVENTS.c.received_at.between(min(times), max(times)), EVENTS.c.arrival.in_(arrivals)
    )
    repeats = select(REPEATS.c.arrival).where(REPEATS.c.arrival.in_(arrivals))
    return {*connection.scalars(events), *connection.scalars(repeats)}


def is_locked(error: Exception) -> bool:
    """Whether the row was not stored only because somebody else holds a lock for long."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) == _LOCKED


def _is_about_a_row(error: Exception) -> bool:
    """Whether a value or constraint is to blame, rather than the connection, the disk or a lock."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, _NOT_BOUND)
    if isinstance(error, DataError | IntegrityError):
        return True
    if (state := getattr(error.orig, "sqlstate", None)) is not None:
        return str(state).startswith(_TOO_MUCH)
    # Without a code of SQLite either, it is the driver that does not know how to pass a value on.
    return isinstance(error, ProgrammingError) and not hasattr(error.orig, "sqlite_errorcode")
