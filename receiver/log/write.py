"""How events enter a database: many in one statement, or, when one of them is special, one by one."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import Connection, Engine, Table, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from receiver.db import writing
from receiver.log.arrival import Row
from receiver.models import Event, Repeat

EVENTS = cast(Table, Event.__table__)
REPEATS = cast(Table, Repeat.__table__)
_COLUMNS = [column for column in EVENTS.columns if column.name != "id"]
_REPEAT_COLUMNS = [column.name for column in REPEATS.columns if column.name != "id"]
_LARGEST_STATEMENT = 32
"""Rows; with 36 values each, well below what either database takes in one statement."""

_COUNTED = {"preserve_rowcount": True}
"""Without it an INSERT does not say on every database how many rows it added."""


class EventWriter:
    """Writes rows of `events`. The database's unique constraint, not a look beforehand, finds repeats."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        dialect = engine.dialect
        self._processors = [
            (column.name, column.type.dialect_impl(dialect).bind_processor(dialect)) for column in _COLUMNS
        ]
        mark = "?" if dialect.paramstyle == "qmark" else "%s"
        self._values = "(" + ", ".join([mark] * len(_COLUMNS)) + ")"
        names = ", ".join(dialect.identifier_preparer.quote(column.name) for column in _COLUMNS)
        self._head = f"INSERT INTO events ({names}) VALUES "  # noqa: S608  # our own column names

    def write(self, rows: Sequence[Row]) -> list[Exception | None]:
        """Store all rows in one transaction; on return it is committed.

        Gives an error for each row the database refused for itself, None for the others. Raises when the
        database as a whole failed; then nothing was stored.
        """
        try:
            with writing(self._engine) as connection:
                if self._insert_all(connection, rows):
                    return [None] * len(rows)
                connection.rollback()
        except DBAPIError as error:
            if not _is_about_a_row(error):
                raise
        # A repeat, or a row that the database will not have: go one by one, each behind its own savepoint.
        with writing(self._engine) as connection:
            return [self._insert_one(connection, row) for row in rows]

    def probe(self) -> None:
        """Raise unless an event could be committed now: one comes and goes in one transaction.

        A statement that changes no row would not do: it writes nothing, so it succeeds on a full disk.
        """
        mark = f"probe/{secrets.token_hex(8)}"
        row: dict[str, object] = dict.fromkeys(
            ("arrival", "kind", "type", "signature", "method", "peer"), "probe"
        )
        row |= dict.fromkeys(("query_string", "headers", "body"), b"")
        with writing(self._engine) as connection:
            connection.execute(insert(EVENTS).values(identity=mark, received_at=datetime.now(UTC), **row))
            connection.execute(delete(EVENTS).where(EVENTS.c.identity == mark))

    def _insert_all(self, connection: Connection, rows: Sequence[Row]) -> bool:
        """Whether every row was new."""
        start = 0
        while start < len(rows):
            # Sizes are powers of two, so that there are few statements to prepare and they stay cached.
            # One statement, not executemany: SQLite's driver gives the interpreter away at each step, and
            # getting it back from a busy server can take longer than the step.
            size = 1 << min(len(rows) - start, _LARGEST_STATEMENT).bit_length() - 1
            chunk = rows[start : start + size]
            statement = self._head + ", ".join([self._values] * size) + " ON CONFLICT (identity) DO NOTHING"
            values = [self._bound(row) for row in chunk]
            flat = tuple(value for row in values for value in row)
            result = connection.exec_driver_sql(statement, flat, execution_options=_COUNTED)
            if result.rowcount != size:
                return False
            start += size
        return True

    def _bound(self, row: Row) -> list[Any]:
        return [
            row[name] if processor is None else processor(row[name]) for name, processor in self._processors
        ]

    def _insert_one(self, connection: Connection, row: Row) -> Exception | None:
        try:
            with connection.begin_nested():
                add = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
                statement = add(EVENTS).values(row).on_conflict_do_nothing(index_elements=["identity"])
                added = connection.execute(statement.inline(), execution_options=_COUNTED)
                if not added.rowcount:
                    self._count_repeat(connection, row)
        except DBAPIError as error:
            if not _is_about_a_row(error):
                raise
            return error
        return None

    @staticmethod
    def _count_repeat(connection: Connection, row: Row) -> None:
        same = EVENTS.c.identity == row["identity"]
        known = connection.scalar(select(EVENTS.c.id).where(same, EVENTS.c.arrival == row["arrival"]))
        known = known or connection.scalar(select(REPEATS.c.id).where(REPEATS.c.arrival == row["arrival"]))
        if known:
            return  # this very callback was stored before, and its answer got lost
        connection.execute(update(EVENTS).where(same).values(repeats=EVENTS.c.repeats + 1))
        connection.execute(insert(REPEATS).values({name: row[name] for name in _REPEAT_COLUMNS}))


def _is_about_a_row(error: DBAPIError) -> bool:
    """A value or constraint, as opposed to the connection, the disk or a lock."""
    return type(error).__name__ in {"DataError", "IntegrityError", "StatementError"}
