"""One statement that adds many rows to a table, in the form each database takes fastest.

It is also the shortest on SQLite, where whatever happens between two statements happens under its only lock.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache, partial
from operator import itemgetter
from typing import Any, Protocol

from sqlalchemy import BigInteger, Boolean, Column, Connection, Dialect, Integer, LargeBinary, Numeric, Table
from sqlalchemy.types import DateTime, TypeDecorator

from receiver.models.base import Files, Lines

COUNTED = {"preserve_rowcount": True}
"""Without it an INSERT does not say on every database how many rows it added."""

Row = Mapping[str, object]


class Inserter(Protocol):
    """Adds rows inside the transaction of a connection."""

    largest: int
    """Rows in one statement."""

    def __call__(self, connection: Connection, rows: Sequence[Row]) -> int:
        """How many of at most `largest` rows were new. Each row has a value for all columns."""


def inserter(dialect: Dialect, table: Table, columns: Sequence[str], on_conflict: str = "") -> Inserter:
    """For these columns of a table. A clause `on_conflict` leaves out rows that are there already."""
    chosen = [table.columns[name] for name in columns]
    made = _Json if dialect.name == "postgresql" else _Values
    return made(dialect, table, chosen, on_conflict)


def insert_all(insert: Inserter, connection: Connection, rows: Sequence[Row]) -> None:
    """Add them in as few statements as may be."""
    for start in range(0, len(rows), insert.largest):
        insert(connection, rows[start : start + insert.largest])


def _named(columns: Sequence[Column[Any]]) -> str:
    return ", ".join(f'"{column.name}"' for column in columns)


class _Values:
    """`VALUES (…), (…)`. Not `executemany`: SQLite's driver releases the GIL at each step, and
    getting it back from a busy server can take longer than the step."""

    def __init__(
        self, dialect: Dialect, table: Table, columns: Sequence[Column[Any]], on_conflict: str
    ) -> None:
        self.largest = _MOST_VALUES // len(columns)
        head = f"INSERT INTO {table.name} ({_named(columns)}) VALUES "  # noqa: S608  # our own names
        row = "(" + ", ".join("?" * len(columns)) + ")"
        # Few enough for the driver to keep those compiled that are used.
        self._statement = cache(lambda count: f"{head}{', '.join([row] * count)} {on_conflict}")
        self._read = itemgetter(*(column.name for column in columns))
        # Text, whole numbers and bytes go to the driver as they are: only our own types change a value.
        self._processors = [
            (at, processor)
            for at, column in enumerate(columns)
            if isinstance(column.type, TypeDecorator)
            and (processor := column.type.dialect_impl(dialect).bind_processor(dialect)) is not None
        ]

    def __call__(self, connection: Connection, rows: Sequence[Row]) -> int:
        values: list[Any] = []
        for row in rows:
            start = len(values)
            values += self._read(row)
            for at, processor in self._processors:
                if values[start + at] is not None:
                    values[start + at] = processor(values[start + at])
        statement = self._statement(len(rows))
        return connection.exec_driver_sql(statement, tuple(values), execution_options=COUNTED).rowcount


_MOST_VALUES = 1536
"""Well below what SQLite takes in one statement."""


class _Json:
    """All rows as one JSON parameter, which PostgreSQL takes apart: a value costs the driver several times
    what it costs the server. The statement is the same for every number of rows, and needs no preparing."""

    largest = 256

    def __init__(
        self, dialect: Dialect, table: Table, columns: Sequence[Column[Any]], on_conflict: str
    ) -> None:
        fields = ", ".join(f'"{column.name}" {_postgres_type(column.type)}' for column in columns)
        names = _named(columns)
        self._statement = (
            f"INSERT INTO {table.name} ({names}) SELECT {names} "  # noqa: S608  # our own names
            f"FROM json_to_recordset(%s::json) AS given({fields}) {on_conflict}"
        )
        self._written = [
            (column.name, partial(column.type.process_bind_param, dialect=dialect))
            for column in columns
            if isinstance(column.type, Lines | Files)
        ]

    def __call__(self, connection: Connection, rows: Sequence[Row]) -> int:
        given = json.dumps([self._said(row) for row in rows], default=_in_json)
        return connection.exec_driver_sql(self._statement, (given,), execution_options=COUNTED).rowcount

    def _said(self, row: Row) -> Row:
        """The row without its NULLs, which most fields are: PostgreSQL takes a name that is not there for
        one."""
        said = {name: value for name, value in row.items() if value is not None}
        for name, write in self._written:
            said[name] = write(said.get(name))
        return said


def _in_json(value: object) -> str:
    """The text from which PostgreSQL reads what JSON has no form for."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in a row")


def _postgres_type(type_: object) -> str:
    kind = type_.impl_instance if isinstance(type_, TypeDecorator) else type_
    for known, name in (
        (DateTime, "timestamptz"),
        (Numeric, "numeric"),
        (BigInteger, "bigint"),
        (Integer, "integer"),
        (Boolean, "boolean"),
        (LargeBinary, "bytea"),
    ):
        if isinstance(kind, known):
            return name
    return "text"
