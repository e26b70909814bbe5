"""Calls of which something is not known yet: who their events are between, or that they ended."""

from __future__ import annotations

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from receiver.models.base import Base


class EndsLate(Base):
    """An event that left quarantine: others of its call may get their ends from it. Written by a trigger."""

    __tablename__ = "ends_late"

    event_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


class CallWithoutEnd(Base):
    """A call whose end was not reported when its newest event was indexed: it goes on, or that got lost. A
    trigger deletes it along with the last of its events."""

    __tablename__ = "calls_without_end"

    session: Mapped[str] = mapped_column(primary_key=True)
