"""What is left to do for the events of calls whose callbacks do not name the ends."""

from __future__ import annotations

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from receiver.models.base import Base


class EndsLate(Base):
    """An event that left quarantine: others of its call may get their ends from it. Written by a trigger."""

    __tablename__ = "ends_late"

    event_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
