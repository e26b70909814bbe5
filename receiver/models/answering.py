"""What answering calls keeps: switches set by hand, and the rules with which a call may have begun."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from sqlalchemy import JSON, Index, Table, Text
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from receiver.models.base import Base, Id, UtcTime


class RulesSwitch(Base):
    """A switch that is on."""

    __tablename__ = "rules_switches"

    name: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime] = mapped_column(UtcTime)


class RulesVersion(Base):
    """A rules file as it was: a call is answered to its end by the version with which it began."""

    __tablename__ = "rules_versions"

    version: Mapped[str] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime | None] = mapped_column(UtcTime)
    """When it came into force, the last time; None if that was before this was kept."""
    used_at: Mapped[datetime] = mapped_column(UtcTime)
    """When it was last known to be in force."""


class Decision(Base):
    """What was decided about a call or an SMS by the rules, and why."""

    __tablename__ = "decisions"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    provider: Mapped[str]
    session: Mapped[str]
    """Of the call; of an SMS its reference. A trigger deletes what was decided along with its events."""
    identity: Mapped[str | None] = mapped_column(unique=True)
    """Of the event that led to it, which may come several times; None if nothing came."""
    decided_at: Mapped[datetime] = mapped_column(UtcTime)
    why: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    told: Mapped[str | None] = mapped_column(Text)
    """What was to be done, in words; None for nothing."""
    asks_keys: Mapped[bool | None]
    """Whether that was to ask for keys; None without it."""
    state: Mapped[str | None] = mapped_column(Text)
    """Where the call was then; None where nothing followed."""
    is_over: Mapped[bool | None]
    """Whether it was over there; None without it."""
    number: Mapped[str | None]
    sender: Mapped[str | None]
    """Both ends of an SMS that was answered, or was to be and could not: then nothing is `told`."""
    open_until: Mapped[datetime | None] = mapped_column(UtcTime)
    """When a call is at a loss of which nothing more is heard; None if it needs nothing more."""
    lease_until: Mapped[datetime | None] = mapped_column(UtcTime)
    """Until when a process has it to itself to go on with it."""

    __table_args__ = (
        Index(None, "session", "id"),
        Index(
            None,
            "decided_at",
            sqlite_where=sql("sender IS NOT NULL"),
            postgresql_where=sql("sender IS NOT NULL"),
        ),
        Index(
            None,
            "open_until",
            sqlite_where=sql("open_until IS NOT NULL"),
            postgresql_where=sql("open_until IS NOT NULL"),
        ),
        {"sqlite_autoincrement": True},
    )


DECISIONS = cast(Table, Decision.__table__)
"""The table, for statements of SQLAlchemy Core."""
