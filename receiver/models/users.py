"""People who use the console, the browsers they are signed in with, and attempts that failed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from receiver.models.base import Base, Id, UtcTime


class User(Base):
    """One person."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(unique=True)
    """In lower case."""
    password: Mapped[str]
    """The Argon2id hash, with its parameters."""
    role: Mapped[str]
    """A `receiver.access.scopes.Scope`."""
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    signed_in_at: Mapped[datetime | None] = mapped_column(UtcTime)

    __table_args__ = ({"sqlite_autoincrement": True},)


class SignIn(Base):
    """One browser in which a person is signed in."""

    __tablename__ = "sign_ins"

    token: Mapped[str] = mapped_column(primary_key=True)
    """SHA-256 of the random token that the browser holds."""
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    seen_at: Mapped[datetime] = mapped_column(UtcTime)
    """Exact to the minute: a write per page would be a waste."""
    masked: Mapped[bool] = mapped_column(default=False)
    """Whether numbers and texts are hidden on its pages."""


class SignInFailure(Base):
    """Failed attempts to sign in, counted per user name, address or known browser."""

    __tablename__ = "sign_in_failures"

    subject: Mapped[str] = mapped_column(primary_key=True)
    """SHA-256 of what is counted: no name and no address is stored as it is."""
    failures: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(UtcTime, index=True)


class SavedSearch(Base):
    """A search of a list that a person keeps under a name."""

    __tablename__ = "saved_searches"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    list: Mapped[str]
    """`events`, `calls`, `conversations` or `faxes`."""
    name: Mapped[str]
    search: Mapped[str]
    """As it was typed, so that `since:1h` goes on meaning the last hour."""

    __table_args__ = (
        UniqueConstraint("user_id", "list", "name"),
        {"sqlite_autoincrement": True},
    )
