"""The key ring: which callback keys are accepted, and which one new URLs are made with.

Keys come from CALLBACK_KEYS and from rotations, which keep theirs in the database. The receive path asks the
ring in memory and never the database. A copy in SPOOL_DIR lets a process that starts while the database is
away turn nobody away.
"""

from __future__ import annotations

import hmac
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from config import Config
from receiver.keys import stored
from receiver.keys.key import Key, KeyState, fingerprint_of, short
from receiver.keys.on_disk import keys_on_disk
from receiver.keys.presence import Presence
from receiver.keys.stored import MadeKey
from receiver.keys.urls import CallbackUrls
from receiver.logs.log import get_logger
from receiver.providers.base import Provider
from receiver.vocabulary.job import Job

logger = get_logger(__name__)

REFRESH = 3.0
"""Seconds between two looks of a process at the database's keys."""

_ORDER = [KeyState.CURRENT, KeyState.NEW, KeyState.OLDER, KeyState.RETIRING, KeyState.RETIRED]


class KeyRing:
    """The keys of one process."""

    def __init__(self, engine: Engine, in_settings: Sequence[str], directory: Path) -> None:
        self._engine = engine
        self._in_settings = tuple(in_settings)
        self._on_disk = keys_on_disk(directory, engine)
        self._serves = False
        self._lock = threading.Lock()
        self._uses: Counter[str] = Counter()
        self._all_uses: Counter[str] = Counter()
        self._presence = Presence(engine)
        self._new: frozenset[str] = frozenset()
        self._accepted: tuple[tuple[bytes, str], ...] = ()
        self._take(self._on_disk.read())

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
        """Callbacks that came to this process with an older key and are believed, by short fingerprint."""
        with self._lock:
            return dict(self._all_uses)

    def knows(self, key: str) -> bool:
        """Whether a key is accepted; compares with all of them, in constant time."""
        given, found = key.encode("utf-8", "surrogateescape"), False
        for known, _ in self._accepted:
            found |= hmac.compare_digest(given, known)
        return found

    def used(self, key: str) -> None:
        """Count a callback that is believed, if it came with a key that is older than the current one."""
        if key == self.current or key in self._new:
            return
        with self._lock:
            self._uses[fingerprint_of(key)] += 1
            self._all_uses[short(fingerprint_of(key))] += 1

    def serve(self) -> None:
        """Refresh, and keep a copy on disk with each refresh from now on.

        The database gets back what is on disk and was never retired: it lost that when an older one was
        restored, and numbers use it.
        """
        self._serves = True
        self.refresh()

    def refresh(self) -> None:
        """Read the database's keys."""
        made = stored.made(self._engine)
        if self._serves:
            made = self._with_lost(made)
        self._take(made)
        if self._serves and self._on_disk.content is not None:  # it may hold a key that the database has lost
            self._on_disk.keep(made)

    def jobs(self) -> tuple[Job, ...]:
        """Refreshing, in every process."""
        return (Job("keys", REFRESH, self.run, everywhere=True),)

    def run(self) -> None:
        """Serve, and tell the other processes which keys this one accepts, and which older ones it saw."""
        self.serve()
        self._report_uses()
        self._presence.show(sorted(fingerprint_of(secret) for _, secret in self._accepted))

    def leave(self) -> None:
        """Tell that this process serves no longer."""
        self._presence.leave()

    def urls(self, config: Config, provider: Provider, key: str | None = None) -> CallbackUrls | None:
        """The callback URLs for a provider, made with the current key, or as if `key` were it; and those with
        other keys. None while PUBLIC_URL is not set."""
        public_url, fallback_url = config.public_url, config.public_url_fallback
        if public_url is None:
            return None
        first = key or self.current
        accepted = dict.fromkeys((first, self.current, *self.older))
        made = {
            secret: CallbackUrls.made_with(public_url, secret, provider, fallback_url) for secret in accepted
        }
        others = tuple(urls for secret, urls in made.items() if secret != first)
        return replace(made[first], accepted=others)

    def list(self) -> tuple[Key, ...]:
        """All keys, read anew from the database: the current one first, retired ones last."""
        self.refresh()
        rows = stored.rows(self._engine)
        in_settings = [fingerprint_of(secret) for secret in self._in_settings]
        current = fingerprint_of(self.current)
        everyone = dict.fromkeys([current, *in_settings, *rows])
        keys = [
            _key(each, rows.get(each, {}), in_settings=each in in_settings, current=each == current)
            for each in everyone
        ]
        return tuple(sorted(keys, key=lambda key: _ORDER.index(key.state)))

    def secret_of(self, fingerprint: str) -> str | None:
        """The secret of a key that is accepted."""
        accepted = (secret for _, secret in self._accepted)
        return next((secret for secret in accepted if fingerprint_of(secret) == fingerprint), None)

    def _with_lost(self, made: tuple[MadeKey, ...]) -> tuple[MadeKey, ...]:
        known = {each.secret for each in made}
        on_disk = self._on_disk.content
        if on_disk is None:
            on_disk = self._on_disk.read()
        left = [each for each in on_disk if each.secret not in known]
        adopted = stored.adopt(self._engine, left) if left else ()
        if not adopted:
            return made
        names = " ".join(map(short, adopted))
        logger.warning("the database had lost callback keys, and got them back from the disk", keys=names)
        return stored.made(self._engine)

    def _take(self, made: Sequence[MadeKey]) -> None:
        """Accept these besides those of the settings. The key of the last rotation comes first."""
        ring = [each.secret for each in made if each.moved_to]
        ring += [*self._in_settings, *(each.secret for each in made)]
        self._accepted = tuple((secret.encode(), secret) for secret in dict.fromkeys(ring))
        self._new = frozenset(each.secret for each in made if not each.moved_to)

    def _report_uses(self) -> None:
        with self._lock:
            uses, self._uses = self._uses, Counter()
        try:
            for fingerprint, count in uses.items():
                stored.add_uses(self._engine, fingerprint, count)
        except Exception:
            with self._lock:
                self._uses.update(uses)
            raise


def _key(fingerprint: str, row: Mapping[str, Any], *, in_settings: bool, current: bool) -> Key:
    if current:
        state = KeyState.CURRENT
    elif row.get("retired_at") and not in_settings:
        state = KeyState.RETIRED
    elif row.get("secret") and not row["current_since"]:
        state = KeyState.NEW
    else:
        state = KeyState.RETIRING if row.get("retires_at") else KeyState.OLDER
    told = {name: value for name, value in row.items() if name not in {"fingerprint", "secret"}}
    return Key(fingerprint, state, in_settings, **told)
