"""What all tables share: aware UTC times, exact money, and constraint names that migrations rely on."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, MetaData, Numeric, String, Text
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

from receiver.vocabulary.linked import Linked, lines_of, read_lines


class UtcTime(TypeDecorator[datetime]):
    """An aware time, stored in UTC. SQLite has no time zones: there the naive value is UTC by definition."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Money(TypeDecorator[Decimal]):
    """An exact amount. SQLite would round it through a float, so there it is text."""

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(String() if dialect.name == "sqlite" else Numeric())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        return str(value) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


class Lines(TypeDecorator[list[str]]):
    """Short sentences, one per line; NULL if there are none, so that "has some" can be indexed."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: list[str] | None, dialect: Dialect) -> str | None:
        return "\n".join(value) if value else None

    def process_result_value(self, value: str | None, dialect: Dialect) -> list[str]:
        return value.split("\n") if value else []


class Files(TypeDecorator[tuple[Linked, ...]]):
    """Links to files, one per line; NULL if there are none."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[Linked, ...] | None, dialect: Dialect) -> str | None:
        return lines_of(value) if value else None

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[Linked, ...]:
        return read_lines(value)


class Words(TypeDecorator[dict[str, str]]):
    """Words by name, as a JSON object; NULL if there are none."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: dict[str, str] | None, dialect: Dialect) -> str | None:
        return json.dumps(value, ensure_ascii=False, sort_keys=True) if value else None

    def process_result_value(self, value: str | None, dialect: Dialect) -> dict[str, str]:
        return json.loads(value) if value else {}


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


Id = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows only in INTEGER
