"""What we know about our numbers and callback keys, which processes serve, and what the watch found."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from receiver.models.base import Base, Lines, Money, UtcTime, Words


class NumberRow(Base):
    """A number as the provider last described it; with `lost_at`, one that it no longer lists."""

    __tablename__ = "known_numbers"

    provider: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(primary_key=True)
    country: Mapped[str]
    state: Mapped[str]
    capabilities: Mapped[list[str] | None] = mapped_column(Lines)
    voice_url: Mapped[str | None] = mapped_column(Text)
    fax_url: Mapped[str | None] = mapped_column(Text)
    sms_url: Mapped[str | None] = mapped_column(Text)
    """Where it sends each kind: NULL if it does not take the kind, empty if it sends it nowhere."""
    others: Mapped[dict[str, str] | None] = mapped_column(Words)
    """Its further settings, by the provider's names."""
    overruled: Mapped[dict[str, str] | None] = mapped_column(Words)
    """What the provider uses instead of the URL of a kind; empty if it did not tell whether it does."""
    sort: Mapped[str | None]
    expires_on: Mapped[date | None]
    """In the provider's calendar."""
    auto_extend: Mapped[bool | None]
    renewal_price: Mapped[Decimal | None] = mapped_column(Money)
    """The price of another month, in the balance's currency; NULL if that is not known."""
    were_here: Mapped[list[str] | None] = mapped_column(Lines)
    """Kinds that have come to this service, so that it is a finding if they go elsewhere."""
    checked_at: Mapped[datetime] = mapped_column(UtcTime)
    lost_at: Mapped[datetime | None] = mapped_column(UtcTime)


class AccountRow(Base):
    """The result of the last check of a provider's account. None before the first check."""

    __tablename__ = "account"

    provider: Mapped[str] = mapped_column(primary_key=True)
    checked_at: Mapped[datetime | None] = mapped_column(UtcTime)
    """When the provider last answered."""
    currency: Mapped[str]
    balance: Mapped[Decimal | None] = mapped_column(Money)
    failures: Mapped[int]
    """How many in a row, since it last answered."""
    failure: Mapped[str | None] = mapped_column(Text)
    """What was wrong, in a sentence."""
    refused: Mapped[bool]
    """Whether our settings or the account are to blame, so that waiting does not help."""


class CallbackKey(Base):
    """A callback key. One that is in CALLBACK_KEYS has no `secret` here."""

    __tablename__ = "callback_keys"

    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    """SHA-256 in hexadecimal."""
    secret: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    current_since: Mapped[datetime | None] = mapped_column(UtcTime)
    """Since when new URLs are made with it."""
    moved_at: Mapped[datetime | None] = mapped_column(UtcTime)
    """When the rotation to it was complete."""
    retires_at: Mapped[datetime | None] = mapped_column(UtcTime)
    retired_at: Mapped[datetime | None] = mapped_column(UtcTime)
    uses: Mapped[int]
    """How many callbacks came with it while another key was current."""
    used_at: Mapped[datetime | None] = mapped_column(UtcTime)


class Process(Base):
    """A serving process and the keys it accepts."""

    __tablename__ = "processes"

    name: Mapped[str] = mapped_column(primary_key=True)
    keys: Mapped[list[str] | None] = mapped_column(Lines)
    """Fingerprints."""
    seen_at: Mapped[datetime] = mapped_column(UtcTime)


class FindingRow(Base):
    """Something about numbers, keys or the account that an operator should know."""

    __tablename__ = "findings"

    code: Mapped[str] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(primary_key=True)
    """Whose account or number it is about; empty for what concerns no provider."""
    subject: Mapped[str] = mapped_column(primary_key=True)
    """A number or the fingerprint of a key; empty for the account."""
    severity: Mapped[str]
    sentence: Mapped[str] = mapped_column(Text)
    mend: Mapped[str] = mapped_column(Text)
    """The command that fixes it, or what to do."""
    since: Mapped[datetime] = mapped_column(UtcTime)
