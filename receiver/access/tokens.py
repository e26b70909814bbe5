"""Tokens of the query API: making and revoking them, and deciding on each request.

A request costs no query. Tokens are few, so each process holds all of them by digest and reads them again
every few seconds: that is how fast a revocation reaches it. An unknown token makes it read them at once, so
that a new one works from the start, but only so often: somebody who tries out tokens costs two queries a
second. While the database is away, those that were read before go on opening things, and nobody is told that
a token is not known.
"""

from __future__ import annotations

import hashlib
import math
import re
import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from pydantic import SecretStr
from sqlalchemy import Engine, Row, Table, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from receiver.access.bucket import Bucket
from receiver.access.denied import AccessDenied
from receiver.access.record import Action, note
from receiver.access.scopes import Scope
from receiver.db.engine import writing
from receiver.models import Token
from receiver.vocabulary.errors import OperatorError
from receiver.vocabulary.job import Job
from receiver.vocabulary.printable import count_of

PREFIX = "rcv_"
"""What every token we make begins with, so that scanners for leaked secrets recognise it."""
KNOWN_FOR = 5.0
"""Seconds after which the tokens are read again: the longest that a revoked one still works."""
LOOKS, LOOKS_AT_ONCE = 2.0, 20.0
"""A rate limit: how often a second unknown tokens may make it read again, and how often in a burst."""
BURST = 2
"""Seconds' worth of requests that a token may make at once."""

NONE_SENT = "send a token as: Authorization: Bearer <token>"
UNKNOWN = "this token is not known, was revoked, or has ended: `receiver tokens list` shows which are good"
"""One answer for all three: who only guesses learns nothing."""
UNREAD = "the database cannot be reached, so this token cannot be looked up: try again"
"""It may be a good one, and who is told otherwise would not come back."""

_TOKENS = cast(Table, Token.__table__)
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
_LIFETIME = re.compile(r"([1-9][0-9]{0,3})([hdw])", re.ASCII)
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


class TokenError(OperatorError, ValueError):
    """A token cannot be made or revoked. The message says why and what to do."""


class UnknownToken(TokenError):
    """There is no token of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no token named {name[:64]}: `receiver tokens list` shows them")


@dataclass(frozen=True, slots=True)
class KnownToken:
    """A token as it may be shown: everything but itself."""

    name: str
    scope: Scope
    created_at: datetime | None = None
    """None for one of the settings."""
    expires_at: datetime | None = None
    used_at: datetime | None = None
    revoked_at: datetime | None = None

    def good(self, now: datetime) -> bool:
        """Whether it opens anything now."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many requests a token may make: `most` at once, `left` of them now, all again in `seconds`."""

    most: int
    left: int
    seconds: int


class Tokens:
    """The tokens of one application: those of the database, and `API_TOKENS`, which may do everything.

    `rate` is how many requests a second one token may make; each process counts for itself.
    """

    def __init__(self, engine: Engine, settings: Sequence[SecretStr], *, rate: int) -> None:
        self._engine = engine
        self._rate = rate
        self._fixed = {
            _digest(token.get_secret_value()): KnownToken(f"API_TOKENS[{place}]", Scope.ADMIN)
            for place, token in enumerate(settings)
        }
        self._lock = threading.Lock()
        self._known: dict[str, KnownToken] = {}
        self._read_at = -KNOWN_FOR
        self._unread = False
        """Whether the last look at the database failed."""
        self._used: dict[str, datetime] = {}
        self._requests: dict[str, Bucket] = {}
        self._looks = Bucket(LOOKS, LOOKS_AT_ONCE)

    def create(
        self, name: str, scope: Scope, lifetime: timedelta | None = None, *, by: str
    ) -> tuple[KnownToken, str]:
        """A new token and, this once, itself; `TokenError` if the name is taken or makes none.

        Who made it, and who revokes it, is on record.
        """
        if not _NAME.fullmatch(name):
            raise TokenError(
                "a token's name says who uses it: up to 64 of a-z, 0-9, dot, dash and underscore, "
                "beginning with a letter or digit"
            )
        now = datetime.now(UTC)
        token = PREFIX + secrets.token_urlsafe(32)
        made = KnownToken(name, scope, now, now + lifetime if lifetime is not None else None)
        try:
            with writing(self._engine) as connection:
                connection.execute(
                    insert(_TOKENS).values(
                        digest=_digest(token),
                        name=name,
                        scope=scope.value,
                        created_at=now,
                        expires_at=made.expires_at,
                    )
                )
                until = "" if made.expires_at is None else f", until {made.expires_at:%Y-%m-%d %H:%M} UTC"
                note(connection, Action.CREATE_TOKEN, by, name, f"{scope}{until}")
        except IntegrityError:
            raise TokenError(f"there is, or was, a token named {name}: choose another name") from None
        return made, token

    def all(self) -> Sequence[KnownToken]:
        """All that were ever made, oldest first."""
        with self._engine.connect() as connection:
            return [_known(row) for row in connection.execute(select(_TOKENS).order_by(_TOKENS.c.id))]

    def revoke(self, name: str, *, by: str) -> KnownToken:
        """Make a token worthless everywhere within `KNOWN_FOR` seconds. Doing it again changes nothing."""
        if not _NAME.fullmatch(name):
            raise UnknownToken(name)
        mine = _TOKENS.c.name == name
        with writing(self._engine) as connection:
            revoked = connection.execute(
                update(_TOKENS)
                .where(mine, _TOKENS.c.revoked_at.is_(None))
                .values(revoked_at=datetime.now(UTC))
            ).rowcount
            row = connection.execute(select(_TOKENS).where(mine)).one_or_none()
            if row is None:
                raise UnknownToken(name)
            if revoked:
                note(connection, Action.REVOKE_TOKEN, by, name)
        return _known(row)

    def authorize(self, authorization: str, needed: Scope) -> KnownToken:
        """Whose request this is, by its `Authorization` header; `AccessDenied` unless it may do this now."""
        digest = _digest_of(authorization)
        if not digest:
            raise AccessDenied(401, "unauthorized", NONE_SENT)
        token = self._find(digest)
        if token is None and self._unread:
            raise AccessDenied(503, "unavailable", UNREAD, retry_after=round(KNOWN_FOR))
        if token is None or not token.good(datetime.now(UTC)):
            raise AccessDenied(401, "unauthorized", UNKNOWN)
        wait = self._requests_of(digest).take()
        if wait > 0:
            raise AccessDenied(
                429,
                "too_many_requests",
                f"this token may make {count_of(self._rate, 'request')} a second",
                retry_after=max(1, round(wait + 0.5)),
            )
        if not token.scope.allows(needed):
            raise AccessDenied(
                403,
                "forbidden",
                f"this needs a token of scope {needed}, and this one has scope {token.scope}",
            )
        if digest not in self._fixed:
            self._used[digest] = datetime.now(UTC)
        return token

    def allowance(self, authorization: str) -> Allowance | None:
        """What is left for who makes this request; None if nobody known does."""
        digest = _digest_of(authorization)
        if digest not in self._fixed and digest not in self._known:
            return None
        bucket = self._requests_of(digest)
        left, most = bucket.left, self._rate * BURST
        return Allowance(most, int(left), math.ceil((most - left) / self._rate))

    def still_good(self, token: KnownToken) -> bool:
        """Whether a token that was let in a while ago would be let in now."""
        now = datetime.now(UTC)
        known = (*self._fixed.values(), *self._all(KNOWN_FOR).values())
        return any(one.name == token.name and one.good(now) for one in known)

    def jobs(self) -> tuple[Job, ...]:
        """Writing down when tokens were used, in every process."""
        return (Job("token-use", 60, self.note_uses, everywhere=True),)

    def note_uses(self) -> None:
        """Write down when each token was last used."""
        with self._lock:
            used, self._used = self._used, {}
        if not used:
            return
        with writing(self._engine) as connection:
            for digest, when in used.items():
                connection.execute(update(_TOKENS).where(_TOKENS.c.digest == digest).values(used_at=when))

    def _find(self, digest: str) -> KnownToken | None:
        if fixed := self._fixed.get(digest):
            return fixed
        token = self._all(KNOWN_FOR).get(digest)
        if token is None and not self._looks.take():
            token = self._all(0.0).get(digest)
        return token

    def _all(self, age: float) -> dict[str, KnownToken]:
        """The tokens as they were at most that many seconds ago; older while the database is away."""
        with self._lock:
            if time.monotonic() - self._read_at < age:
                return self._known
            self._read_at = time.monotonic()
            try:
                with self._engine.connect() as connection:
                    rows = connection.execute(select(_TOKENS).where(_TOKENS.c.revoked_at.is_(None)))
                    self._known = {row.digest: _known(row) for row in rows}
                self._unread = False
            except SQLAlchemyError:
                # Tokens known before still open the metrics during an outage.
                self._unread = True
            kept = (*self._fixed, *self._known)
            self._requests = {key: self._requests[key] for key in kept if key in self._requests}
            return self._known

    def _requests_of(self, digest: str) -> Bucket:
        with self._lock:
            return self._requests.setdefault(digest, Bucket(self._rate, self._rate * BURST))


def lifetime(text: str) -> timedelta:
    """How long a token is to last, as people write it; `TokenError` if that is no such time."""
    found = _LIFETIME.fullmatch(text)
    if found is None:
        raise TokenError("write a time such as 12h, 90d or 52w")
    return int(found[1]) * _UNITS[found[2]]


def _digest_of(authorization: str) -> str:
    scheme, _, given = authorization.partition(" ")
    given = given.strip()
    return _digest(given) if scheme.lower() == "bearer" and given else ""


def _digest(token: str) -> str:
    """Tokens are found by their digest, so a comparison tells nothing about them, however long it takes."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def _known(row: Row[Any]) -> KnownToken:
    return KnownToken(
        name=row.name,
        scope=Scope(row.scope),
        created_at=row.created_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
        revoked_at=row.revoked_at,
    )
