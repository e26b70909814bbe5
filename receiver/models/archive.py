"""The archive: which links of events were fetched, and the documents that they led to."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from sqlalchemy import BigInteger, Index, Table, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from receiver.models.base import Base, Id, UtcTime


class Document(Base):
    """What a link led to. Kept once, however many events name it; its bytes are in the archive's store."""

    __tablename__ = "documents"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str]
    """As its bytes tell, whatever the server said."""
    pages: Mapped[int | None]
    preview: Mapped[str]
    """`waiting`, `yes`, `no` (it has no pages) or `failed`."""
    kept_at: Mapped[datetime] = mapped_column(UtcTime)

    __table_args__ = (
        Index(
            None,
            "preview",
            sqlite_where=sql("preview = 'waiting'"),
            postgresql_where=sql("preview = 'waiting'"),
        ),
    )


class Archived(Base):
    """One link of one event, and what became of it."""

    __tablename__ = "archived"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    event_id: Mapped[int] = mapped_column(BigInteger)
    """No foreign key: its lock would collide with that of the receive path. A trigger follows deletion."""
    field: Mapped[str]
    position: Mapped[int]
    """Which of several links in the field, from 0."""
    state: Mapped[str]
    """`waiting`, `kept`, `lapsed` or `refused`."""
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    due_at: Mapped[datetime] = mapped_column(UtcTime)
    lease_until: Mapped[datetime | None] = mapped_column(UtcTime)
    """Until when a worker has it to itself."""
    reason: Mapped[str | None]
    """Why it is not kept, or not yet."""
    sha256: Mapped[str | None]

    __table_args__ = (
        UniqueConstraint("event_id", "field", "position"),
        Index(None, "state", "event_id"),
        Index(
            None,
            "sha256",
            sqlite_where=sql("sha256 IS NOT NULL"),
            postgresql_where=sql("sha256 IS NOT NULL"),
        ),
        {"sqlite_autoincrement": True},
    )


class ArchiveState(Base):
    """How far the archive has read the log. A single row."""

    __tablename__ = "archive_state"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Always 1."""
    event_id: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")


class ArchiveLate(Base):
    """An event that left quarantine, and may stand behind the cursor. Written by a trigger."""

    __tablename__ = "archive_late"

    event_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


class ArchiveOrphan(Base):
    """A document that lost an event, and is deleted if it has no other. Written by a trigger."""

    __tablename__ = "archive_orphans"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    lease_until: Mapped[datetime | None] = mapped_column(UtcTime)
    """Until when somebody is deleting its bytes; NULL if nobody is."""


ARCHIVED = cast(Table, Archived.__table__)
DOCUMENTS = cast(Table, Document.__table__)
"""The tables, for statements of SQLAlchemy Core."""
