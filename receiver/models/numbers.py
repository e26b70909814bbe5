"""What is known of our numbers and callback keys, which processes serve, and what the watch found."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from receiver.models.base import Base, Lines, Money, UtcTime


class KnownNumber(Base):
    """A number as the provider last described it, or one that it no longer lists (`lost_at`)."""

    __tablename__ = "known_numbers"

    number: Mapped[str] = mapped_column(primary_key=True)
    provider: Mapped[str]
    country: Mapped[str]
    state: Mapped[str]
    capabilities: Mapped[list[str] | None] = mapped_column(Lines)
    mode: Mapped[str]
    forward_to: Mapped[str] = mapped_column(Text)
    forward_sms_to: Mapped[str] = mapped_column(Text)
    expires_on: Mapped[date | None]
    """By the provider's calendar."""
    auto_extend: Mapped[bool | None]
    renewal_price: Mapped[Decimal | None] = mapped_column(Money)
    """What one more month costs, in the account's currency; NULL where it was not asked for."""
    calls_were_here: Mapped[bool]
    """Its calls or faxes have come to this service, so their going elsewhere is worth a word."""
    sms_were_here: Mapped[bool]
    checked_at: Mapped[datetime] = mapped_column(UtcTime)
    lost_at: Mapped[datetime | None] = mapped_column(UtcTime)


class AccountState(Base):
    """How the last look at the provider's account went. One row, or none before the first."""

    __tablename__ = "account"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    checked_at: Mapped[datetime | None] = mapped_column(UtcTime)
    """When the provider last answered."""
    currency: Mapped[str]
    balance: Mapped[Decimal | None] = mapped_column(Money)
    failures: Mapped[int]
    """In a row, since it last answered."""
    failure: Mapped[str | None] = mapped_column(Text)
    """What was wrong, in a sentence."""
    refused: Mapped[bool]
    """Whether it was our settings or the account, so that waiting will not help."""


class CallbackKey(Base):
    """A callback key, by its fingerprint. One that stands in CALLBACK_KEYS has no `secret` here."""

    __tablename__ = "callback_keys"

    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    """SHA-256 in hexadecimal."""
    secret: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    current_since: Mapped[datetime | None] = mapped_column(UtcTime)
    """When new URLs began to be made with it."""
    moved_at: Mapped[datetime | None] = mapped_column(UtcTime)
    """When the rotation to it was complete."""
    retires_at: Mapped[datetime | None] = mapped_column(UtcTime)
    retired_at: Mapped[datetime | None] = mapped_column(UtcTime)
    uses: Mapped[int]
    """Callbacks that came with it while another key was current."""
    used_at: Mapped[datetime | None] = mapped_column(UtcTime)


class Process(Base):
    """A serving process, and which keys it accepts."""

    __tablename__ = "processes"

    name: Mapped[str] = mapped_column(primary_key=True)
    keys: Mapped[list[str] | None] = mapped_column(Lines)
    """Fingerprints."""
    seen_at: Mapped[datetime] = mapped_column(UtcTime)


class FoundByWatch(Base):
    """Something about numbers, keys or the account that somebody should know."""

    __tablename__ = "findings"

    code: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    """A number, the fingerprint of a key, or empty for the account."""
    severity: Mapped[str]
    sentence: Mapped[str] = mapped_column(Text)
    mend: Mapped[str] = mapped_column(Text)
    """The command that mends it, or what to do."""
    since: Mapped[datetime] = mapped_column(UtcTime)
