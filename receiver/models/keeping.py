"""What was done to the log on purpose: that it happened, never the content it was done to."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from receiver.models.base import Base, Id, UtcTime


class Intervention(Base):
    """One release, drop, erasure or pruning."""

    __tablename__ = "interventions"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    made_at: Mapped[datetime] = mapped_column(UtcTime)
    action: Mapped[str]
    """`release`, `drop`, `erase` or `prune`."""
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

    __table_args__ = ({"sqlite_autoincrement": True},)
