"""The journal of setup: what it set out to do at the provider, how that ended, and who is working there."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Index
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from receiver.models.base import Base, Id, Money, UtcTime

_UNSETTLED = sql("action <> 'configure' AND (outcome IS NULL OR outcome = 'bought')")


class SetupStep(Base):
    """One request that spends or changes something. Written before it is sent, and again once its outcome is
    known."""

    __tablename__ = "setup_steps"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    provider: Mapped[str]
    account: Mapped[str]
    """Digest of provider and account; see `receiver.setup.journal.account_of`."""
    action: Mapped[str]
    number: Mapped[str]
    country: Mapped[str]
    state: Mapped[str]
    duration: Mapped[str | None]
    price: Mapped[Decimal | None] = mapped_column(Money)
    """As quoted."""
    currency: Mapped[str | None]
    before: Mapped[str | None]
    """The term that a number had before it was extended."""
    begun_at: Mapped[datetime] = mapped_column(UtcTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime)
    outcome: Mapped[str | None]
    """NULL while it is not known."""
    detail: Mapped[str | None]

    __table_args__ = (
        Index("ix_setup_steps_unsettled", "account", sqlite_where=_UNSETTLED, postgresql_where=_UNSETTLED),
        {"sqlite_autoincrement": True},
    )


class SetupLease(Base):
    """The lease on an account: which run of setup may spend and change there now."""

    __tablename__ = "setup_leases"

    account: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str]
    who: Mapped[str]
    since: Mapped[datetime] = mapped_column(UtcTime)
    until: Mapped[datetime] = mapped_column(UtcTime)
