"""When each periodic job is due; shared by all processes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from receiver.models.base import Base, UtcTime


class JobState(Base):
    """One periodic job. The process that advances `due_at` runs it."""

    __tablename__ = "jobs"

    name: Mapped[str] = mapped_column(primary_key=True)
    due_at: Mapped[datetime] = mapped_column(UtcTime)
    ran_at: Mapped[datetime | None] = mapped_column(UtcTime)
    """When it last ended."""
    failure: Mapped[str | None]
    """The type of error that it last ended with; NULL if it succeeded."""
