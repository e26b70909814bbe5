"""What people on duty did about calls, faxes and conversations."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from sqlalchemy import Table, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from receiver.models.base import Base, Id, UtcTime


class DutyRow(Base):
    """What was done about one thing. A trigger deletes it along with the thing's events."""

    __tablename__ = "duty"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    thing: Mapped[str]
    """A `receiver.duty.things.Thing`."""
    key: Mapped[str]
    """Of a call its session, of a fax the id of its event, of a conversation `number/sender`."""
    sender: Mapped[str | None]
    """Of a conversation, by which its events are found."""
    handled_by: Mapped[str | None]
    handled_at: Mapped[datetime | None] = mapped_column(UtcTime)
    up_to: Mapped[int | None] = mapped_column(Id)
    """The event up to which it was handled: what came to a conversation later is open."""
    note: Mapped[str | None] = mapped_column(Text)
    changed_by: Mapped[str]
    """Who wrote the note, or who handled it first if nobody did."""
    changed_at: Mapped[datetime] = mapped_column(UtcTime)

    __table_args__ = (UniqueConstraint("thing", "key"), {"sqlite_autoincrement": True})


DUTY = cast(Table, DutyRow.__table__)
