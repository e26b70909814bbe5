"""Versions of the rules that were in force, kept in the database for calls that outlive a restart."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, insert, select, update

from receiver.db.engine import writing
from receiver.models import RulesVersion

KEPT_FOR = timedelta(days=7)
"""How long a version is kept that is in force no more: far longer than a call."""


def versions(engine: Engine, known: Collection[str]) -> list[tuple[str, str]]:
    """Versions and their texts other than those known already, the newest first."""
    query = (
        select(RulesVersion.version, RulesVersion.text)
        .where(RulesVersion.version.not_in(known))
        .order_by(RulesVersion.used_at.desc())
    )
    with engine.connect() as connection:
        return [(row.version, row.text) for row in connection.execute(query)]


def since(engine: Engine, version: str) -> datetime | None:
    """When a version came into force, if that is known."""
    with engine.connect() as connection:
        return connection.scalar(select(RulesVersion.since).where(RulesVersion.version == version))


def keep(engine: Engine, version: str, text: str, *, now: datetime) -> None:
    """Keep the version that is in force now, and forget those that have long not been."""
    with writing(engine) as connection:
        newest = connection.scalar(
            select(RulesVersion.version).order_by(RulesVersion.used_at.desc()).limit(1)
        )
        connection.execute(
            delete(RulesVersion).where(RulesVersion.used_at < now - KEPT_FOR, RulesVersion.version != version)
        )
        values = {"used_at": now} if newest == version else {"used_at": now, "since": now}
        known = RulesVersion.version == version
        if not connection.execute(update(RulesVersion).where(known).values(values)).rowcount:
            connection.execute(insert(RulesVersion).values(version=version, text=text, **values))
