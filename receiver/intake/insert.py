"""One statement that adds many events, in the form each database takes fastest.

Either way a row whose identity is there already is left out, and the count of added rows tells that it was.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any, Protocol, cast

from sqlalchemy import Connection, Dialect, Integer, LargeBinary, Numeric
from sqlalchemy.types import DateTime, TypeDecorator

from receiver.intake.arrival import Row
from receiver.models import EVENTS

_COLUMNS = [column for column in EVENTS.columns if column.name != "id"]
_NAMES = ", ".join(f'"{column.name}"' for column in _COLUMNS)
_ON_CONFLICT = "ON CONFLICT (identity) DO NOTHING"

COUNTED = {"preserve_rowcount": True}
"""Without it an INSERT does not say on every database how many rows it added."""


class Inserter(Protocol):
    """Adds rows inside the transaction of a connection."""

    largest: int
    """Rows in one statement."""

    def __call__(self, connection: Connection, rows: Sequence[Row]) -> int:
        """How many of at most `largest` rows were new."""


def inserter(dialect: Dialect) -> Inserter:
    return _Json() if dialect.name == "postgresql" else _Values(dialect)


class _Values:
    """`VALUES (…), (…)`. Not `executemany`: SQLite's driver releases the GIL at each step, and
    getting it back from a busy server can take longer than the step."""

    largest = 32
    """With some 40 values each, well below what SQLite takes in one statement."""

    def __init__(self, dialect: Dialect) -> None:
        head = f"INSERT INTO events ({_NAMES}) VALUES "  # noqa: S608  # our own column names
        row = "(" + ", ".join("?" * len(_COLUMNS)) + ")"
        # Few enough for the driver to keep all of them compiled.
        self._statements = [
            f"{head}{', '.join([row] * count)} {_ON_CONFLICT}" for count in range(1, self.largest + 1)
        ]
        self._read = itemgetter(*(column.name for column in _COLUMNS))
        # Text, whole numbers and bytes go to the driver as they are: only our own types change a value.
        self._processors = [
            (at, processor)
            for at, column in enumerate(_COLUMNS)
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
        statement = self._statements[len(rows) - 1]
        return connection.exec_driver_sql(statement, tuple(values), execution_options=COUNTED).rowcount


class _Json:
    """All rows as one JSON parameter, which PostgreSQL takes apart: a value costs the driver several times
    what it costs the server. The statement is the same for every number of rows, and needs no preparing."""

    largest = 256

    def __init__(self) -> None:
        fields = ", ".join(f'"{column.name}" {_postgres_type(column.type)}' for column in _COLUMNS)
        self._statement = (
            f"INSERT INTO events ({_NAMES}) SELECT {_NAMES} "  # noqa: S608  # our own column names
            f"FROM json_to_recordset(%s::json) AS given({fields}) {_ON_CONFLICT}"
        )

    def __call__(self, connection: Connection, rows: Sequence[Row]) -> int:
        given = json.dumps([_said(row) for row in rows], default=_in_json)
        return connection.exec_driver_sql(self._statement, (given,), execution_options=COUNTED).rowcount


def _said(row: Row) -> Row:
    """The row without its NULLs, which most fields are: PostgreSQL takes a name that is not there for one."""
    said = {name: value for name, value in row.items() if value is not None}
    said["problems"] = "\n".join(cast(Sequence[str], row["problems"])) or None
    return said


def _in_json(value: object) -> str:
    """The text from which PostgreSQL reads what JSON has no form for."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in an event")


def _postgres_type(type_: object) -> str:
    kind = type_.impl_instance if isinstance(type_, TypeDecorator) else type_
    for known, name in (
        (DateTime, "timestamptz"),
        (Numeric, "numeric"),
        (Integer, "integer"),
        (LargeBinary, "bytea"),
    ):
        if isinstance(kind, known):
            return name
    return "text"
