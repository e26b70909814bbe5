"""What is kept of the log to answer quickly: counts by hour and number, conversations, how far that goes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index
from sqlalchemy.orm import Mapped, mapped_column

from receiver.models.base import Base, Id, UtcTime


class IndexState(Base):
    """One row: how far the words and counts go."""

    __tablename__ = "index_state"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Always 1."""
    event_id: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    """Every event up to this one is in them, and no other."""
    version: Mapped[int]
    """Of the words; see `receiver.search.words.INDEX_VERSION`."""


class Hour(Base):
    """Which ids the events of an hour have. They rise with time but for what waited in a spool."""

    __tablename__ = "hours"

    hour: Mapped[datetime] = mapped_column(UtcTime, primary_key=True)
    """Its beginning; by `received_at`."""
    first_id: Mapped[int] = mapped_column(BigInteger)
    last_id: Mapped[int] = mapped_column(BigInteger)


class HourCount(Base):
    """Trusted events received in an hour, of one kind and type, at one number."""

    __tablename__ = "hour_counts"

    hour: Mapped[datetime] = mapped_column(UtcTime, primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(primary_key=True)
    """The recipient; empty where the notification named none."""
    events: Mapped[int] = mapped_column(BigInteger)


class NumberCount(Base):
    """Trusted events of one kind and type at one number, since the beginning of the log."""

    __tablename__ = "number_counts"

    number: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(primary_key=True)
    events: Mapped[int] = mapped_column(BigInteger)


class ConversationCount(Base):
    """One sender's SMS at one of our numbers: how many trusted ones, and the newest."""

    __tablename__ = "conversations"

    number: Mapped[str] = mapped_column(primary_key=True)
    sender: Mapped[str] = mapped_column(primary_key=True)
    messages: Mapped[int] = mapped_column(BigInteger)
    last_id: Mapped[int] = mapped_column(Id)

    __table_args__ = (
        Index(None, "last_id"),
        Index(None, "number", "last_id"),
        Index(None, "sender", "last_id"),
    )
