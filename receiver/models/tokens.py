"""The tokens that give programs access."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from receiver.models.base import Base, Id, UtcTime


class Token(Base):
    """One token of the query API. The token itself is not stored: it is shown once, when it is made."""

    __tablename__ = "tokens"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    digest: Mapped[str] = mapped_column(unique=True)
    """SHA-256 of the token, in hex. It is long and random, so a slow hash would protect no better."""
    name: Mapped[str] = mapped_column(unique=True)
    """Who or what uses it. A revoked token keeps its name, so that old records stay clear."""
    scope: Mapped[str]
    """A `receiver.access.scopes.Scope`."""
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcTime)
    """Exact to a minute or so: a write per request would be a waste."""
    revoked_at: Mapped[datetime | None] = mapped_column(UtcTime)

    __table_args__ = ({"sqlite_autoincrement": True},)
