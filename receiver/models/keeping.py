"""The record of what operators did: to the log, without the content, and to users and tokens."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from receiver.models.base import Base, Id, UtcTime


class Intervention(Base):
    """One thing that somebody did."""

    __tablename__ = "interventions"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    made_at: Mapped[datetime] = mapped_column(UtcTime)
    action: Mapped[str]
    """A `receiver.access.record.Action`."""
    who: Mapped[str]
    why: Mapped[str | None]
    events: Mapped[int]
    repeats: Mapped[int]
    spooled: Mapped[int]
    """How many callbacks still waited in a spool."""
    first_at: Mapped[datetime | None] = mapped_column(UtcTime)
    last_at: Mapped[datetime | None] = mapped_column(UtcTime)
    """When the first and the last of the events were received."""
    subject: Mapped[str | None]
    """For an erasure: a keyed and salted digest of the telephone number; see `receiver.retention.erase`."""
    whom: Mapped[str | None]
    """The name of the user, token, target or switch that it was done to."""
    detail: Mapped[str | None]
    """What exactly was done to them, in a few words; never a secret."""

    __table_args__ = ({"sqlite_autoincrement": True},)


class Released(Base):
    """An event that was taken out of quarantine a short while ago, so that it can be put back."""

    __tablename__ = "released"

    event_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    release_id: Mapped[int] = mapped_column(Id, index=True)
    """The intervention."""
    reason: Mapped[str]
    """Why it was in quarantine."""
    released_at: Mapped[datetime] = mapped_column(UtcTime)
    """By the clock of the database, as deliveries have it."""
