"""The event log: a row for each distinct notification, and one for each repeat of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Index, Integer, LargeBinary, String, Table, Text, select
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TypeEngine

from receiver.models.base import Base, Files, Id, Lines, Money, UtcTime
from receiver.models.contacts import CONTACTS
from receiver.vocabulary.fields import KNOWN, SAID, Known, Said, Sort

_TYPES: dict[Sort, type[TypeEngine[Any]]] = {
    **dict.fromkeys((Sort.WORD, Sort.NUMBER, Sort.KEYS, Sort.LABEL), String),
    **dict.fromkeys((Sort.TEXT, Sort.LINK), Text),
    Sort.FILES: Files,
    Sort.TIME: UtcTime,
    Sort.AMOUNT: Money,
    Sort.COUNT: Integer,
}

_NAMELESS = (
    "kind = 'voice' AND session IS NOT NULL AND quarantine IS NULL AND (sender IS NULL OR recipient IS NULL)"
)

if TYPE_CHECKING:

    class _SaidColumns(Said, Known):
        pass
else:
    _said = {name: mapped_column(_TYPES[field.sort]) for name, field in SAID.items()}
    _SaidColumns = type("_SaidColumns", (), _said | dict.fromkeys(KNOWN))


class Event(Base, _SaidColumns):
    """One distinct notification. Each repeat of it adds one to `repeats` and a row to the table `repeats`.

    Each field of `receiver.vocabulary.fields.Said` has a nullable column. What is `Known` of an event besides
    is read along with it: see `WHOLE_EVENT`.
    """

    __tablename__ = "events"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    identity: Mapped[str] = mapped_column(unique=True)
    """Equal for notifications that say the same; see `receiver.intake.arrival.identity_of`."""
    arrival: Mapped[str]
    """Our own mark on the callback that brought it. The same arrival stored twice is not a repeat."""

    provider: Mapped[str]
    kind: Mapped[str]
    type: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(UtcTime)
    """Our time at which the callback was complete."""
    signature: Mapped[str]
    quarantine: Mapped[str | None]
    """Why it is not trusted; NULL if it is."""
    repeats: Mapped[int] = mapped_column(default=0, server_default="0")
    problems: Mapped[list[str] | None] = mapped_column(Lines)

    method: Mapped[str]
    query_string: Mapped[bytes] = mapped_column(LargeBinary)
    headers: Mapped[bytes] = mapped_column(LargeBinary)
    """The headers we keep, as `Name: value` lines."""
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
        Index("ix_events_nameless", "session", sqlite_where=sql(_NAMELESS), postgresql_where=sql(_NAMELESS)),
        Index(
            "ix_events_recorded",
            *("id", "sender", "recipient", "kind", "type", "provider", "ivr_block"),
            sqlite_where=sql("record_url IS NOT NULL"),
            postgresql_where=sql("record_url IS NOT NULL"),
        ),
        Index(
            None,
            "dest",
            sqlite_where=sql("dest IS NOT NULL"),
            postgresql_where=sql("dest IS NOT NULL"),
        ),
        Index(
            None,
            "forwarded_from",
            sqlite_where=sql("forwarded_from IS NOT NULL"),
            postgresql_where=sql("forwarded_from IS NOT NULL"),
        ),
        {"sqlite_autoincrement": True},
    )


class Repeat(Base):
    """A callback that repeated an event: its own time and raw bytes."""

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


EVENTS = cast(Table, Event.__table__)
REPEATS = cast(Table, Repeat.__table__)
"""The tables, for statements of SQLAlchemy Core."""
CONTACT_OF_EVENT = (
    select(CONTACTS.c.name).where(CONTACTS.c.number == EVENTS.c.sender).correlate(EVENTS).scalar_subquery()
)
"""The name that the contacts have for the sender of an event."""
WHOLE_EVENT = (*EVENTS.columns, CONTACT_OF_EVENT.label("contact"))
"""All that is read of an event: its columns, and what is `receiver.vocabulary.fields.Known` of it."""
