"""What programs show to be let in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from receiver.models.base import Base, Id, UtcTime


class Token(Base):
    """One token of the query API. The token itself is nowhere: it is shown once, when it is made."""

    __tablename__ = "tokens"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    digest: Mapped[str] = mapped_column(unique=True)
    """SHA-256 of it, in hex. It is random and long, so a slow hash would protect nothing more."""
    name: Mapped[str] = mapped_column(unique=True)
    """Who or what uses it. A revoked one keeps its name, so that an old trace stays clear."""
    scope: Mapped[str]
    """A `receiver.access.scopes.Scope`."""
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcTime)
    """To the minute or so: a write for each request would be a waste."""
    revoked_at: Mapped[datetime | None] = mapped_column(UtcTime)

    __table_args__ = ({"sqlite_autoincrement": True},)
