"""Which processes serve, and which keys each accepts: each process says so in the database."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, delete, insert, select
from sqlalchemy.exc import SQLAlchemyError

from receiver.db.engine import writing
from receiver.models import Process

ALIVE = timedelta(seconds=35)
"""A process that has not been seen for so long is taken for gone."""
_SHOW_ALIVE = 10.0
"""Seconds between two signs of life of a process."""
_FORGET = timedelta(days=1)


class Presence:
    """What one process tells the others about itself."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._shown: Sequence[str] = ()
        self._shown_at = 0.0

    def show(self, accepted: Sequence[str]) -> None:
        """Tell that this process serves, and the fingerprints of the keys it accepts; written when due."""
        if accepted == self._shown and time.monotonic() - self._shown_at < _SHOW_ALIVE:
            return
        now = datetime.now(UTC)
        with writing(self._engine) as connection:
            gone = (Process.seen_at < now - _FORGET) | (Process.seen_at > now + _FORGET)
            connection.execute(delete(Process).where((Process.name == self._name) | gone))
            connection.execute(insert(Process).values(name=self._name, keys=list(accepted), seen_at=now))
        self._shown, self._shown_at = accepted, time.monotonic()

    def leave(self) -> None:
        """Tell that this process serves no longer."""
        with contextlib.suppress(SQLAlchemyError), writing(self._engine) as connection:
            connection.execute(delete(Process).where(Process.name == self._name))


def machines(engine: Engine) -> set[str]:
    """The names of the machines on which processes serve."""
    return {name.rsplit(":", 2)[0] for name in alive(engine)}


def alive(engine: Engine) -> dict[str, frozenset[str]]:
    """The processes that serve, and the fingerprints of the keys that each of them accepts."""
    now = datetime.now(UTC)
    # Not after now either: one seen while the clock was ahead would be alive for as long as it was ahead.
    query = select(Process.name, Process.keys).where(
        Process.seen_at > now - ALIVE, Process.seen_at < now + _FORGET
    )
    with engine.connect() as connection:
        return {row.name: frozenset(row.keys) for row in connection.execute(query)}
