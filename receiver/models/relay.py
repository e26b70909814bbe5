"""The outbox: where events are delivered, each delivery, and each attempt at it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from sqlalchemy import ForeignKey, Index, Table, Text, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from receiver.models.base import Base, Id, UtcTime


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sql(condition), "postgresql_where": sql(condition)}


_WAITING = _where("state = 'waiting'")


class TargetRow(Base):
    """Where events go that a search finds. Its breaker is here, so that it survives a restart."""

    __tablename__ = "targets"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(unique=True)
    sort: Mapped[str]
    """A `receiver.relay.target.TargetSort`."""
    search: Mapped[str] = mapped_column(Text)
    """In the search language; empty for every event."""
    settings: Mapped[str] = mapped_column(Text)
    """What the sort needs, as JSON: an address, headers, secrets. Never shown or logged as it is."""
    ordered: Mapped[bool]
    """Whether the events of one call or conversation go one after the other."""
    after_id: Mapped[int] = mapped_column(Id)
    """The newest event when it was made: only later ones are for it."""
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    created_by: Mapped[str]
    paused_at: Mapped[datetime | None] = mapped_column(UtcTime)
    paused_why: Mapped[str | None]
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    """Failed attempts since the last success."""
    failing_since: Mapped[datetime | None] = mapped_column(UtcTime)
    """When the first of these was."""
    failure: Mapped[str | None]
    """Why the last of them failed."""
    blocked_until: Mapped[datetime | None] = mapped_column(UtcTime)
    """Until then its breaker lets nothing through; after that, one delivery at a time until one succeeds."""
    delivered_at: Mapped[datetime | None] = mapped_column(UtcTime)
    """The last success."""

    __table_args__ = ({"sqlite_autoincrement": True},)


class DeliveryRow(Base):
    """One event on its way to one target."""

    __tablename__ = "deliveries"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    target_id: Mapped[int] = mapped_column(ForeignKey("targets.id", ondelete="CASCADE"))
    event_id: Mapped[int] = mapped_column(Id)
    """No foreign key: its lock on the event would be in the way of callbacks. A trigger follows deletions."""
    replay_id: Mapped[int] = mapped_column(Id, default=0, server_default="0")
    """The replay that it belongs to, or 0."""
    state: Mapped[str]
    """A `receiver.relay.delivery.DeliveryState`."""
    line: Mapped[str] = mapped_column(default="", server_default="")
    """What it must keep its order with: a call or a conversation; empty where order does not matter."""
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    due_at: Mapped[datetime] = mapped_column(UtcTime)
    """When it may be tried; while a worker has it, when that worker's lease ends."""
    leased_by: Mapped[str | None]
    status: Mapped[int | None]
    """The HTTP status of the last attempt."""
    reason: Mapped[str | None]
    """Why the last attempt failed, or the delivery was given up."""
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    done_at: Mapped[datetime | None] = mapped_column(UtcTime)

    __table_args__ = (
        # Begins with the event, for the trigger; the same event is not delivered twice by one cause.
        UniqueConstraint("event_id", "target_id", "replay_id"),
        Index("ix_deliveries_due", "target_id", "due_at", "id", **_WAITING),
        Index("ix_deliveries_line", "target_id", "line", "id", **_WAITING),
        Index(None, "target_id", "id"),
        Index("ix_deliveries_dead", "target_id", "id", **_where("state = 'dead'")),
        Index("ix_deliveries_replayed", "replay_id", "state", **_where("replay_id > 0")),
        {"sqlite_autoincrement": True},
    )


class AttemptRow(Base):
    """One try at a delivery."""

    __tablename__ = "attempts"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    delivery_id: Mapped[int] = mapped_column(ForeignKey("deliveries.id", ondelete="CASCADE"), index=True)
    began_at: Mapped[datetime] = mapped_column(UtcTime)
    milliseconds: Mapped[int]
    delivered: Mapped[bool]
    status: Mapped[int | None]
    reason: Mapped[str | None]
    request: Mapped[str]
    """What was sent where, in a line: no secret, no text of a message."""
    answer: Mapped[str | None] = mapped_column(Text)
    """The beginning of what the other side said."""

    __table_args__ = ({"sqlite_autoincrement": True},)


class RelayState(Base):
    """How far deliveries were made from the log: one row."""

    __tablename__ = "relay_state"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    event_id: Mapped[int] = mapped_column(Id, default=0, server_default="0")


class LateEvent(Base):
    """An event that was taken out of quarantine, or got the ends of its call after it was planned, and is to
    be delivered like a new one."""

    __tablename__ = "late_events"

    event_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)


class ReplayRow(Base):
    """Events sent once more, because a person asked."""

    __tablename__ = "replays"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    target_id: Mapped[int] = mapped_column(ForeignKey("targets.id", ondelete="CASCADE"))
    search: Mapped[str] = mapped_column(Text)
    asked_by: Mapped[str]
    asked_at: Mapped[datetime] = mapped_column(UtcTime)
    next_id: Mapped[int] = mapped_column(Id)
    """The events above this id are still to be looked at."""
    last_id: Mapped[int] = mapped_column(Id)
    """The newest event when it was asked for."""
    planned: Mapped[int] = mapped_column(default=0, server_default="0")
    """How many deliveries were made so far."""
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime)
    """When the last of its events was planned, or it was stopped."""
    stopped_by: Mapped[str | None]

    __table_args__ = ({"sqlite_autoincrement": True},)


DELIVERIES = cast(Table, DeliveryRow.__table__)
ATTEMPTS = cast(Table, AttemptRow.__table__)
"""The tables, for statements of SQLAlchemy Core."""
