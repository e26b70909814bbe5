"""Signing in to the console: attempts are slowed down, tokens are kept as digests and expire.

Guessing is made slow without locking anybody out. A browser that a person has signed in with before is
counted by itself; all others are counted by where they come from and by the name they try. So neither a
stranger who hammers a name, nor a proxy that gives everybody the same address, locks people out of the
browser they use.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from receiver.access import users
from receiver.access.scopes import Scope
from receiver.db.engine import writing
from receiver.models import SignIn, SignInFailure, User

IDLE = timedelta(hours=12)
"""A sign-in that is not used ends."""
LONGEST = timedelta(days=7)
"""A sign-in ends, used or not."""
FORGOTTEN_AFTER = timedelta(minutes=15)
"""Failures count until so long after the last one."""

_CLOCKS_APART = timedelta(minutes=1)
"""How far the clocks of two machines may be apart."""
_SEEN_EVERY = timedelta(minutes=1)


class WrongPassword(Exception):
    """Name or password is wrong; it does not say which."""


class TooManyAttempts(Exception):
    """There were too many wrong attempts; try again in `wait` seconds."""

    def __init__(self, wait: int) -> None:
        super().__init__(f"Too many attempts. Wait {wait} second{'' if wait == 1 else 's'} and try again.")
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is signed in, in one browser."""

    name: str
    scope: Scope
    masked: bool
    digest: str
    """Of the token."""


@dataclass(frozen=True, slots=True)
class _Subject:
    """What attempts are counted by: so many are free, then the wait doubles up to `longest` seconds."""

    name: str
    free: int
    longest: int

    @property
    def key(self) -> str:
        return _digest(self.name)

    def wait(self, failures: int) -> timedelta:
        if failures < self.free:
            return timedelta(0)
        return timedelta(seconds=min(self.longest, 2 ** min(failures - self.free, 16)))


class SignIns:
    """The browsers people are signed in with."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def sign_in(self, name: str, password: str, *, peer: str, browser: str | None) -> str:
        """A new token for the right password; else `WrongPassword` or `TooManyAttempts`.

        `browser` marks one that this person has signed in with before.
        """
        name = name.strip().lower()
        subjects = _subjects(name, peer, browser)
        self._count_attempt(subjects)
        with self._engine.connect() as connection:
            user = connection.execute(select(User.id, User.password).where(User.name == name)).one_or_none()
        if not users.matches(user.password if user else None, password) or user is None:
            raise WrongPassword
        token, now = secrets.token_urlsafe(32), datetime.now(UTC)
        with writing(self._engine) as connection:
            self._forgive(connection, subjects)
            connection.execute(
                delete(SignIn).where((SignIn.created_at < now - LONGEST) | (SignIn.seen_at < now - IDLE))
            )
            connection.execute(update(User).values(signed_in_at=now).where(User.id == user.id))
            row = {
                "token": _digest(token),
                "user_id": user.id,
                "created_at": now,
                "seen_at": now,
                "masked": False,
            }
            connection.execute(insert(SignIn).values(row))
        return token

    def who(self, token: str, *, used: bool = True) -> Visitor | None:
        """Whose token this is; None if it was never issued, has expired or was withdrawn.

        If it is not `used`, since nobody may be at the browser that shows it, it goes on becoming idle.
        """
        digest, now = _digest(token), datetime.now(UTC)
        query = (
            select(User.name, User.role, SignIn.masked, SignIn.seen_at)
            .join(User, User.id == SignIn.user_id)
            .where(SignIn.token == digest, lasting(now))
        )
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        if used and row.seen_at < now - _SEEN_EVERY:
            self._change(digest, seen_at=now)
        return Visitor(row.name, Scope(row.role), row.masked, digest)

    def sign_out(self, visitor: Visitor) -> None:
        """Withdraw the token."""
        with writing(self._engine) as connection:
            connection.execute(delete(SignIn).where(SignIn.token == visitor.digest))

    def mask(self, visitor: Visitor, on: bool) -> None:
        """Hide numbers and texts on this browser's pages, or show them again."""
        self._change(visitor.digest, masked=on)

    def change_password(self, visitor: Visitor, password: str, new: str) -> None:
        """Set a new password, given the old one; ends the person's other sign-ins.

        Raises `WrongPassword`, `TooManyAttempts` or `users.UserError`.
        """
        subjects = _subjects(visitor.name, "", visitor.digest)
        self._count_attempt(subjects)
        with self._engine.connect() as connection:
            kept = connection.scalar(select(User.password).where(User.name == visitor.name))
        if not users.matches(kept, password):
            raise WrongPassword
        users.Users(self._engine).set_password(visitor.name, new, by=visitor.name, keep=visitor.digest)
        with writing(self._engine) as connection:
            self._forgive(connection, subjects)

    def _change(self, digest: str, **values: object) -> None:
        with writing(self._engine) as connection:
            connection.execute(update(SignIn).values(values).where(SignIn.token == digest))

    def _count_attempt(self, subjects: Sequence[_Subject]) -> None:
        """Count an attempt before it is looked at, so that many at once do not slip through together."""
        try:
            self._count(subjects, datetime.now(UTC))
        except IntegrityError:  # another attempt wrote the first row at the same moment
            raise TooManyAttempts(1) from None

    def _count(self, subjects: Sequence[_Subject], now: datetime) -> None:
        with writing(self._engine) as connection:
            # One in the future was made while the clock was ahead, and would lock out until then.
            ahead = SignInFailure.last_at > now + _CLOCKS_APART
            old = SignInFailure.last_at < now - FORGOTTEN_AFTER
            connection.execute(delete(SignInFailure).where(old | ahead))
            known = {
                row.subject: row
                for row in connection.execute(
                    select(SignInFailure.subject, SignInFailure.failures, SignInFailure.last_at)
                    .where(SignInFailure.subject.in_([subject.key for subject in subjects]))
                    .with_for_update()
                )
            }
            waits = [
                (known[subject.key].last_at + subject.wait(known[subject.key].failures) - now).total_seconds()
                for subject in subjects
                if subject.key in known
            ]
            if (longest := max(waits, default=0.0)) > 0:
                raise TooManyAttempts(math.ceil(longest))
            for subject in subjects:
                if subject.key in known:
                    connection.execute(
                        update(SignInFailure)
                        .values(failures=SignInFailure.failures + 1, last_at=now)
                        .where(SignInFailure.subject == subject.key)
                    )
                else:
                    row = {"subject": subject.key, "failures": 1, "last_at": now}
                    connection.execute(insert(SignInFailure).values(row))

    @staticmethod
    def _forgive(connection: Connection, subjects: Sequence[_Subject]) -> None:
        """Take back this one attempt only: with all, anybody with an account could clear the way to guess at
        others."""
        keys = [subject.key for subject in subjects]
        connection.execute(
            update(SignInFailure)
            .values(failures=SignInFailure.failures - 1)
            .where(SignInFailure.subject.in_(keys), SignInFailure.failures > 0)
        )


def lasting(now: datetime) -> ColumnElement[bool]:
    """Which sign-ins have not ended by themselves."""
    return and_(SignIn.created_at > now - LONGEST, SignIn.seen_at > now - IDLE)


def _subjects(name: str, peer: str, browser: str | None) -> list[_Subject]:
    if browser is not None:
        return [_Subject(f"browser {name} {browser}", free=10, longest=30)]
    return [
        _Subject(f"peer {_network(peer)}", free=10, longest=60),
        _Subject(f"name {name[:100]}", free=20, longest=10),
    ]


def _network(peer: str) -> str:
    """An address; of IPv6 the part that one household or machine is given."""
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return peer[:100]
    return peer if address.version == 4 else str(ipaddress.ip_network((address, 64), strict=False))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
