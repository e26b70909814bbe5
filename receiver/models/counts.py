"""Counts by hour and number, conversations, and how far the index has got: what makes answers fast."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index
from sqlalchemy.orm import Mapped, mapped_column

from receiver.models.base import Base, Id, UtcTime


class IndexState(Base):
    """The cursor of the index: how far words and counts are indexed. A single row."""

    __tablename__ = "index_state"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Always 1."""
    event_id: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    """Every event up to this one is indexed, and no other."""
    version: Mapped[int]
    """The version of the words; see `receiver.search.words.INDEX_VERSION`."""


class Hour(Base):
    """The ids of the events of an hour. Ids rise with time, except for events that waited in a spool."""

    __tablename__ = "hours"

    hour: Mapped[datetime] = mapped_column(UtcTime, primary_key=True)
    """Its start, by `received_at`."""
    first_id: Mapped[int] = mapped_column(BigInteger)
    last_id: Mapped[int] = mapped_column(BigInteger)


class HourCount(Base):
    """Trusted events received in an hour, of one kind and type, at one number."""

    __tablename__ = "hour_counts"

    hour: Mapped[datetime] = mapped_column(UtcTime, primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(primary_key=True)
    """The recipient; empty if the notification named none."""
    events: Mapped[int] = mapped_column(BigInteger)


class NumberCount(Base):
    """Trusted events of one kind and type at one number, in the whole log."""

    __tablename__ = "number_counts"

    number: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(primary_key=True)
    events: Mapped[int] = mapped_column(BigInteger)


class ConversationCount(Base):
    """The SMS of one sender to one of our numbers: how many are trusted, and which is the newest."""

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
