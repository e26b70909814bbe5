"""Contacts: what people call the numbers that call and write."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from sqlalchemy import Table
from sqlalchemy.orm import Mapped, mapped_column

from receiver.models.base import Base, Id, UtcTime


class Contact(Base):
    """A number and its name. Several numbers may have the same name."""

    __tablename__ = "contacts"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    number: Mapped[str] = mapped_column(unique=True)
    """As the log spells it."""
    name: Mapped[str]
    folded: Mapped[str] = mapped_column(index=True)
    """The name without case and accents, by which it is looked for and put in order."""
    made_at: Mapped[datetime] = mapped_column(UtcTime)
    changed_at: Mapped[datetime] = mapped_column(UtcTime)

    __table_args__ = ({"sqlite_autoincrement": True},)


CONTACTS = cast(Table, Contact.__table__)
