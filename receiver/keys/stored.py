"""The keys that rotations made, and what is remembered of every key: in the database.

A key is never dropped by the clock alone. It is marked as retired, after a look that nothing needs it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from receiver.db.engine import writing
from receiver.keys.key import fingerprint_of
from receiver.models import CallbackKey


class MadeKey(NamedTuple):
    """A key made by a rotation, and accepted."""

    secret: str
    moved_to: datetime | None
    """When it became the current one; None as long as it has not."""


def made(engine: Engine) -> tuple[MadeKey, ...]:
    """The accepted keys that were made by rotations, that of the last rotation first."""
    query = (
        select(CallbackKey.secret, CallbackKey.current_since)
        .where(CallbackKey.secret.is_not(None), CallbackKey.retired_at.is_(None))
        .order_by(CallbackKey.current_since.desc().nulls_last(), CallbackKey.created_at.desc())
    )
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    return tuple(MadeKey(str(row.secret), row.current_since) for row in rows)


def rows(engine: Engine) -> dict[str, Mapping[str, Any]]:
    """All that is remembered of keys, by fingerprint, in the order in which they were made."""
    query = select(*CallbackKey.__table__.columns).order_by(CallbackKey.created_at)
    with engine.connect() as connection:
        return {row["fingerprint"]: dict(row) for row in connection.execute(query).mappings()}


def make(engine: Engine) -> str:
    """Make a key and store it; every process accepts it within seconds. Gives its fingerprint."""
    secret = secrets.token_urlsafe(24)
    row = {
        "fingerprint": fingerprint_of(secret),
        "secret": secret,
        "created_at": datetime.now(UTC),
        "uses": 0,
    }
    with writing(engine) as connection:
        connection.execute(insert(CallbackKey).values(row))
    return fingerprint_of(secret)


def adopt(engine: Engine, known: Iterable[MadeKey]) -> tuple[str, ...]:
    """Store keys that the database has lost, not those that were retired. Gives their fingerprints."""
    now = datetime.now(UTC)
    adopted = []
    with writing(engine) as connection:
        for each in known:
            fingerprint = fingerprint_of(each.secret)
            _ensure_row(connection, fingerprint, now)
            found = connection.execute(
                update(CallbackKey)
                .where(CallbackKey.fingerprint == fingerprint)
                .where(CallbackKey.secret.is_(None), CallbackKey.retired_at.is_(None))
                .values(secret=each.secret, current_since=each.moved_to)
            )
            adopted += [fingerprint] * found.rowcount
    return tuple(adopted)


def make_current(engine: Engine, fingerprint: str) -> None:
    """From now on, make new callback URLs with this key."""
    with writing(engine) as connection:
        connection.execute(
            update(CallbackKey)
            .where(CallbackKey.fingerprint == fingerprint, CallbackKey.current_since.is_(None))
            .values(current_since=datetime.now(UTC))
        )


def complete(engine: Engine, fingerprint: str, older: Iterable[str], grace: timedelta) -> datetime:
    """All numbers were moved to this key: the older ones may go once the grace time is over. Gives when."""
    now = datetime.now(UTC)
    until = now + grace
    with writing(engine) as connection:
        connection.execute(
            update(CallbackKey).where(CallbackKey.fingerprint == fingerprint).values(moved_at=now)
        )
        for each in older:
            _ensure_row(connection, each, now)
            connection.execute(
                update(CallbackKey)
                .where(CallbackKey.fingerprint == each, CallbackKey.retires_at.is_(None))
                .values(retires_at=until)
            )
    return until


def retire(engine: Engine, fingerprint: str) -> None:
    """Accept this key no longer, and forget its secret. Look first that nothing needs it."""
    with writing(engine) as connection:
        connection.execute(
            update(CallbackKey)
            .where(CallbackKey.fingerprint == fingerprint)
            .values(retired_at=datetime.now(UTC), secret=None)
        )


def add_uses(engine: Engine, fingerprint: str, count: int) -> None:
    """Count callbacks that came with this key while another was current."""
    now = datetime.now(UTC)
    with writing(engine) as connection:
        _ensure_row(connection, fingerprint, now)
        connection.execute(
            update(CallbackKey)
            .where(CallbackKey.fingerprint == fingerprint)
            .values(uses=CallbackKey.uses + count, used_at=now)
        )


def _ensure_row(connection: Connection, fingerprint: str, now: datetime) -> None:
    """A key of the settings gets a row when there is something to remember about it."""
    # Not by looking first: two processes that count the same key could both find nothing.
    insert_if_new = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    row = insert_if_new(CallbackKey).values(fingerprint=fingerprint, created_at=now, uses=0)
    connection.execute(row.on_conflict_do_nothing())
