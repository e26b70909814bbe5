"""A copy of the database's keys in SPOOL_DIR, for a process that starts while the database is away."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from receiver.db.on_disk import OnDisk
from receiver.keys.stored import MadeKey


def keys_on_disk(directory: Path) -> OnDisk[tuple[MadeKey, ...]]:
    """The copy in this directory."""
    return OnDisk(directory / "keys.json", (), as_json=_as_json, from_json=_from_json)


def _as_json(made: tuple[MadeKey, ...]) -> Any:
    return {
        "keys": [
            {"secret": each.secret, "moved_to": each.moved_to and each.moved_to.isoformat()} for each in made
        ]
    }


def _from_json(read: Any) -> tuple[MadeKey, ...]:
    return tuple(MadeKey(str(entry["secret"]), _time(entry["moved_to"])) for entry in read["keys"])


def _time(written: object) -> datetime | None:
    if isinstance(written, str):
        return datetime.fromisoformat(written)
    return datetime.now(UTC) if written else None  # earlier versions wrote only whether, not when
