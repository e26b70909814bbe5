"""A copy of the database's keys in SPOOL_DIR, for a process that starts while the database is away.

It says of which log it is: others may have the same SPOOL_DIR, and keys of theirs are none of ours.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from receiver.db.on_disk import OnDisk
from receiver.keys.stored import MadeKey


def keys_on_disk(directory: Path, engine: Engine) -> OnDisk[tuple[MadeKey, ...]]:
    """The copy in this directory; one of another log is nothing."""
    log = _log_of(engine)
    return OnDisk(
        directory / "keys.json", (), as_json=partial(_as_json, log), from_json=partial(_from_json, log)
    )


def _log_of(engine: Engine) -> str:
    """What tells a log from others: its DATABASE_URL without the password, hashed. A restore keeps it."""
    url = engine.url.set(password=None).difference_update_query(["password"])
    if engine.dialect.name == "sqlite":
        url = url.set(database=str(Path(url.database or "").resolve()))
    return hashlib.sha256(url.render_as_string().encode()).hexdigest()


def _as_json(log: str, made: tuple[MadeKey, ...]) -> Any:
    keys = [{"secret": each.secret, "moved_to": each.moved_to and each.moved_to.isoformat()} for each in made]
    return {"log": log, "keys": keys}


def _from_json(log: str, read: Any) -> tuple[MadeKey, ...]:
    now = datetime.now(UTC)
    made = tuple(
        MadeKey(str(entry["secret"]), _time(entry["moved_to"], now - timedelta(microseconds=place)))
        for place, entry in enumerate(read["keys"])
    )
    return made if read.get("log", log) == log else ()  # earlier versions did not say


def _time(written: object, otherwise: datetime) -> datetime | None:
    """Earlier versions wrote only whether a key was current, not since when; the last one came first."""
    if isinstance(written, str):
        return datetime.fromisoformat(written)
    return otherwise if written else None
