"""The key ring: which callback keys are accepted, and which one new URLs are made with.

Keys come from CALLBACK_KEYS and from rotations, which keep theirs in the database. The receive path asks the
ring in memory and never the database. A copy of the ring lies in SPOOL_DIR, so that a process that starts
while the database is away turns nobody away.

A key is never dropped by the clock alone: only once it is marked as retired, which is done after looking that
no number uses it any more.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from receiver.db.engine import writing
from receiver.keys.presence import Presence
from receiver.logs.log import get_logger
from receiver.models import CallbackKey
from receiver.vocabulary.job import Job

logger = get_logger(__name__)

REFRESH = 3.0
"""Seconds between two looks of a process at the database's keys."""
_CACHE = "keys.json"


class KeyState(StrEnum):
    """Where a key is in its life."""

    NEW = "new"
    """Accepted, but no number was moved to it yet."""
    CURRENT = "current"
    OLDER = "older"
    """Accepted; no rotation has begun to retire it."""
    RETIRING = "retiring"
    """Accepted until its grace time is over."""
    RETIRED = "retired"


_ORDER = [KeyState.CURRENT, KeyState.NEW, KeyState.OLDER, KeyState.RETIRING, KeyState.RETIRED]


@dataclass(frozen=True)
class Key:
    """A key of the ring. Its secret is not part of it, and cannot be shown by accident."""

    fingerprint: str
    state: KeyState
    in_settings: bool
    created_at: datetime | None = None
    current_since: datetime | None = None
    moved_at: datetime | None = None
    """When all numbers had been moved to it."""
    retires_at: datetime | None = None
    retired_at: datetime | None = None
    uses: int = 0
    """Callbacks that came with it while another key was current."""
    used_at: datetime | None = None

    @property
    def name(self) -> str:
        """What it is called: enough of the fingerprint to tell it from the others."""
        return short(self.fingerprint)


def fingerprint(secret: str) -> str:
    """What a key is known by: its SHA-256 in hexadecimal."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def short(print_of_key: str) -> str:
    """A fingerprint as people see it."""
    return print_of_key[:8]


class KeyRing:
    """The keys of one process."""

    def __init__(self, engine: Engine, in_settings: Sequence[str], directory: Path) -> None:
        self._engine = engine
        self._in_settings = tuple(in_settings)
        self._cache = directory / _CACHE
        self._lock = threading.Lock()
        self._uses: Counter[str] = Counter()
        self._all_uses: Counter[str] = Counter()
        self._presence = Presence(engine)
        self._made: tuple[_Made, ...] = ()
        self._new: frozenset[str] = frozenset()
        self._cached: tuple[_Made, ...] = ()
        self._accepted: tuple[tuple[bytes, str], ...] = ()
        self._take(self._from_cache())

    @property
    def current(self) -> str:
        """The secret that new callback URLs are made with."""
        return self._accepted[0][1]

    @property
    def older(self) -> tuple[str, ...]:
        """The other secrets that are accepted."""
        return tuple(secret for _, secret in self._accepted[1:])

    @property
    def uses_of_older(self) -> dict[str, int]:
        """Callbacks that came to this process with a key that was not current, by short fingerprint."""
        with self._lock:
            return dict(self._all_uses)

    def knows(self, key: str) -> bool:
        """Whether a key is accepted; compares with all of them, in constant time."""
        return self._place(key) is not None

    def accepts(self, key: str) -> bool:
        """The same for a callback that comes in, and counts it if the key is older than the current one."""
        place = self._place(key)
        if place is None:
            return False
        if place and key not in self._new:
            with self._lock:
                self._uses[fingerprint(key)] += 1
                self._all_uses[short(fingerprint(key))] += 1
        return True

    def refresh(self) -> None:
        """Read the database's keys, and keep a copy on disk."""
        with self._engine.connect() as connection:
            rows = connection.execute(_MADE).all()
        self._take([_Made(row.secret, row.current_since is not None) for row in rows])
        self._keep()

    def jobs(self) -> tuple[Job, ...]:
        """Refreshing, in every process."""
        return (Job("keys", REFRESH, self.run, everywhere=True),)

    def run(self) -> None:
        """What a serving process does every few seconds: refresh, and tell which keys it accepts and saw."""
        self.refresh()
        self._report_uses()
        self._presence.show(sorted(fingerprint(secret) for _, secret in self._accepted))

    def leave(self) -> None:
        """Tell that this process serves no longer."""
        self._presence.leave()

    def list(self) -> tuple[Key, ...]:
        """All keys, read anew from the database: the current one first, retired ones last."""
        self.refresh()
        with self._engine.connect() as connection:
            query = select(*CallbackKey.__table__.columns).order_by(CallbackKey.created_at)
            rows = {row["fingerprint"]: dict(row) for row in connection.execute(query).mappings()}
        in_settings = {fingerprint(secret) for secret in self._in_settings}
        current = fingerprint(self.current)
        everyone = dict.fromkeys([current, *map(fingerprint, self._in_settings), *rows])
        keys = [
            _key(each, rows.get(each, {}), in_settings=each in in_settings, current=each == current)
            for each in everyone
        ]
        return tuple(sorted(keys, key=lambda key: _ORDER.index(key.state)))

    def secret_of(self, print_of_key: str) -> str | None:
        """The secret of a key that is accepted."""
        return next(
            (secret for _, secret in self._accepted if fingerprint(secret) == print_of_key),
            None,
        )

    def _place(self, key: str) -> int | None:
        given = key.encode("utf-8", "surrogateescape")
        found: int | None = None
        for place, (known, _) in enumerate(self._accepted):
            if hmac.compare_digest(given, known):
                found = place
        return found

    def _take(self, made: Sequence[_Made]) -> None:
        """Accept these besides those of the settings. The key of the last rotation comes first."""
        ring = [each.secret for each in made if each.moved_to]
        ring += [*self._in_settings, *(each.secret for each in made)]
        self._accepted = tuple((secret.encode(), secret) for secret in dict.fromkeys(ring))
        self._made = tuple(made)
        self._new = frozenset(each.secret for each in made if not each.moved_to)

    def _from_cache(self) -> tuple[_Made, ...]:
        try:
            entries = json.loads(self._cache.read_bytes())["keys"]
            made = tuple(_Made(str(entry["secret"]), bool(entry["moved_to"])) for entry in entries)
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.error("cannot read the callback keys", file=self._cache, error=type(error).__name__)
            return ()
        self._cached = made
        return made

    def _keep(self) -> None:
        """Put the database's keys where a process that starts without the database finds them."""
        if self._made == self._cached:
            return
        content = json.dumps({"keys": [each._asdict() for each in self._made]}).encode()
        fresh = self._cache.with_name(f"{_CACHE}.{os.getpid()}")
        try:
            self._cache.parent.mkdir(parents=True, exist_ok=True)
            fresh.unlink(missing_ok=True)
            _write_synced(fresh, content)
            fresh.replace(self._cache)
            _sync_directory(self._cache.parent)
        except OSError as error:
            logger.error("cannot keep the callback keys", file=self._cache, reason=error.strerror)
        # Also after a failure: one line in the log is enough until the keys change again.
        self._cached = self._made

    def _report_uses(self) -> None:
        with self._lock:
            uses, self._uses = self._uses, Counter()
        try:
            for print_of_key, count in uses.items():
                _add_uses(self._engine, print_of_key, count)
        except Exception:
            with self._lock:
                self._uses.update(uses)
            raise


class _Made(NamedTuple):
    """A key made by a rotation."""

    secret: str
    moved_to: bool
    """Whether it has become the current one, then or before."""


# The key of the last rotation first.
_MADE = (
    select(CallbackKey.secret, CallbackKey.current_since)
    .where(CallbackKey.secret.is_not(None), CallbackKey.retired_at.is_(None))
    .order_by(CallbackKey.current_since.desc().nulls_last(), CallbackKey.created_at.desc())
)


def make(engine: Engine) -> str:
    """Make a key and store it; every process accepts it within seconds. Gives its fingerprint."""
    secret = secrets.token_urlsafe(24)
    with writing(engine) as connection:
        connection.execute(
            insert(CallbackKey).values(
                fingerprint=fingerprint(secret), secret=secret, created_at=datetime.now(UTC), uses=0
            )
        )
    return fingerprint(secret)


def make_current(engine: Engine, print_of_key: str) -> None:
    """From now on new callback URLs are made with this key."""
    with writing(engine) as connection:
        connection.execute(
            update(CallbackKey)
            .where(CallbackKey.fingerprint == print_of_key, CallbackKey.current_since.is_(None))
            .values(current_since=datetime.now(UTC))
        )


def complete(engine: Engine, print_of_key: str, older: Iterable[str], grace: timedelta) -> datetime:
    """All numbers were moved to this key: the older ones may go once the grace time is over. Gives when."""
    now = datetime.now(UTC)
    until = now + grace
    with writing(engine) as connection:
        connection.execute(
            update(CallbackKey).where(CallbackKey.fingerprint == print_of_key).values(moved_at=now)
        )
        for each in older:
            _ensure_row(connection, each, now)
            connection.execute(
                update(CallbackKey)
                .where(CallbackKey.fingerprint == each, CallbackKey.retires_at.is_(None))
                .values(retires_at=until)
            )
    return until


def retire(engine: Engine, print_of_key: str) -> None:
    """Accept this key no longer, and forget its secret. Look first that no number uses it."""
    with writing(engine) as connection:
        connection.execute(
            update(CallbackKey)
            .where(CallbackKey.fingerprint == print_of_key)
            .values(retired_at=datetime.now(UTC), secret=None)
        )


def _key(print_of_key: str, row: Mapping[str, Any], *, in_settings: bool, current: bool) -> Key:
    if current:
        state = KeyState.CURRENT
    elif row.get("retired_at") and not in_settings:
        state = KeyState.RETIRED
    elif row.get("secret") and not row["current_since"]:
        state = KeyState.NEW
    else:
        state = KeyState.RETIRING if row.get("retires_at") else KeyState.OLDER
    told = {name: value for name, value in row.items() if name not in {"fingerprint", "secret"}}
    return Key(print_of_key, state, in_settings, **told)


def _ensure_row(connection: Connection, print_of_key: str, now: datetime) -> None:
    """A key of the settings gets a row when there is something to remember about it."""
    # Without a look before: two processes that count the same key could both look first.
    insert_if_new = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    row = insert_if_new(CallbackKey).values(fingerprint=print_of_key, created_at=now, uses=0)
    connection.execute(row.on_conflict_do_nothing())


def _add_uses(engine: Engine, print_of_key: str, count: int) -> None:
    now = datetime.now(UTC)
    with writing(engine) as connection:
        _ensure_row(connection, print_of_key, now)
        connection.execute(
            update(CallbackKey)
            .where(CallbackKey.fingerprint == print_of_key)
            .values(uses=CallbackKey.uses + count, used_at=now)
        )


def _write_synced(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
