"""One clock for all processes that share a database."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, text


def database_now(connection: Connection) -> datetime:
    """The time as the database has it: the machines that use PostgreSQL may disagree about it. SQLite's
    processes are all on one machine."""
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    now: datetime = connection.execute(_NOW).scalar_one()
    return now


_NOW = text("SELECT clock_timestamp()")
