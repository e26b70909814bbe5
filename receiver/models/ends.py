"""How far the events of calls have got the ends that their callbacks do not name."""

from __future__ import annotations

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from receiver.models.base import Base


class EndsState(Base):
    """Every event up to this one has the ends of its call, as far as they were known. A single row."""

    __tablename__ = "ends_state"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Always 1."""
    event_id: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")


class EndsLate(Base):
    """An event that left quarantine, and may stand behind the cursor. Written by a trigger."""

    __tablename__ = "ends_late"

    event_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
