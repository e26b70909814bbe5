"""The event log: one row for each distinct notification, one for each repeat of it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Index, LargeBinary, Text
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from receiver.models.base import Base, Id, Lines, Money, UtcTime


class Event(Base):
    """One distinct notification. A repeat of it raises `repeats` and stands in `repeats`, the table."""

    __tablename__ = "events"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    identity: Mapped[str] = mapped_column(unique=True)
    """What makes two notifications the same one; see `receiver.intake.arrival.identity_of`."""
    arrival: Mapped[str]
    """Our own mark on the callback that brought it: the same arrival stored twice is not a repeat."""

    kind: Mapped[str]
    type: Mapped[str]
    txn_ref: Mapped[str | None]
    session: Mapped[str | None]
    sender: Mapped[str | None]
    recipient: Mapped[str | None]
    text: Mapped[str | None] = mapped_column(Text)
    occurred_at: Mapped[datetime | None] = mapped_column(UtcTime)
    """The provider's date."""
    received_at: Mapped[datetime] = mapped_column(UtcTime)
    """Ours, when the callback was whole."""
    signature: Mapped[str]
    quarantine: Mapped[str | None]
    """Why it is not trusted; NULL when it is."""
    repeats: Mapped[int] = mapped_column(default=0, server_default="0")
    problems: Mapped[list[str] | None] = mapped_column(Lines)

    ivr_block: Mapped[str | None]
    call_state: Mapped[str | None]
    digits: Mapped[str | None]
    dest: Mapped[str | None]
    dial_status: Mapped[str | None]
    transfer_status: Mapped[str | None]
    record_url: Mapped[str | None] = mapped_column(Text)
    monitor_url: Mapped[str | None] = mapped_column(Text)
    fax_status: Mapped[str | None]
    fax_url: Mapped[str | None] = mapped_column(Text)
    fax_error_code: Mapped[str | None]
    duration: Mapped[int | None]
    """Minutes, as billed."""
    currency: Mapped[str | None]
    rate: Mapped[Decimal | None] = mapped_column(Money)
    debit: Mapped[Decimal | None] = mapped_column(Money)
    tag: Mapped[str | None]

    method: Mapped[str]
    query_string: Mapped[bytes] = mapped_column(LargeBinary)
    headers: Mapped[bytes] = mapped_column(LargeBinary)
    """`Name: value` lines as they came, of the headers we keep."""
    body: Mapped[bytes] = mapped_column(LargeBinary)
    peer: Mapped[str]

    __table_args__ = (
        Index(None, "kind", "type", "id"),
        Index(None, "sender", "kind", "type", "id"),
        Index(None, "recipient", "kind", "type", "id"),
        Index(None, "session", "id"),
        Index(None, "received_at", "id"),
        Index(
            "ix_events_quarantined",
            *("id", "sender", "recipient", "kind", "type"),
            sqlite_where=sql("quarantine IS NOT NULL"),
            postgresql_where=sql("quarantine IS NOT NULL"),
        ),
        Index(
            None,
            "quarantine",
            "recipient",
            sqlite_where=sql("quarantine IS NOT NULL"),
            postgresql_where=sql("quarantine IS NOT NULL"),
        ),
        Index(
            None,
            "dest",
            sqlite_where=sql("dest IS NOT NULL"),
            postgresql_where=sql("dest IS NOT NULL"),
        ),
        {"sqlite_autoincrement": True},
    )


class Repeat(Base):
    """A callback that said what an event already says: its own time and raw bytes."""

    __tablename__ = "repeats"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    identity: Mapped[str] = mapped_column(index=True)
    arrival: Mapped[str] = mapped_column(unique=True)
    received_at: Mapped[datetime] = mapped_column(UtcTime)
    signature: Mapped[str]
    method: Mapped[str]
    query_string: Mapped[bytes] = mapped_column(LargeBinary)
    headers: Mapped[bytes] = mapped_column(LargeBinary)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    peer: Mapped[str]

    __table_args__ = ({"sqlite_autoincrement": True},)
