"""Is what the log names there, and is it what was kept?"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, func, select

from receiver.archive.keep import fetch_again
from receiver.archive.store import NotThere, Store, Unreadable
from receiver.db.engine import writing
from receiver.models import ARCHIVED, DOCUMENTS, ArchiveOrphan

UNREADABLE = "unreadable"
_PIECE = 1024 * 1024
_PAGE = 500
_YOUNG = timedelta(hours=1)
"""How long bytes may be without a row: a worker puts them first."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """A document that is not as it should be."""

    sha256: str
    what: str
    """`missing`, `damaged` or `unreadable`."""
    event_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found."""

    documents: int
    wrong: tuple[Wrong, ...]
    strays: tuple[str, ...] = ()
    """Names in the store that this log does not name."""


def check(
    engine: Engine, store: Store, *, sample: int | None = None, told: Callable[[int], None] | None = None
) -> Checked:
    """Read every document that is kept and compare its SHA-256; or only `sample` of them, chosen by chance.

    Of all, what the store holds and no event names is looked for, too. `told` is called with how many more
    were read.
    """
    looked, wrong = 0, []
    for sha256 in _all(engine) if sample is None else _some(engine, sample):
        what = _wrong_with(store, sha256)
        if what and _still_named(engine, sha256):
            wrong.append(Wrong(sha256, what, _events(engine, sha256)))
        looked += 1
        if told is not None:
            told(1)
    return Checked(looked, tuple(wrong), tuple(_strays(engine, store)) if sample is None else ())


def mend(engine: Engine, store: Store, found: Checked) -> int:
    """Let what is missing or damaged be fetched again, while its link works. Returns how many links wait
    again.

    Strays stay: they may be another log's, or newer than the backup that this one was restored from. What
    cannot be read stays as well: it may be whole, and its link may have lapsed.
    """
    again = 0
    for one in found.wrong:
        if one.what == UNREADABLE:
            continue
        store.delete(one.sha256)
        mine = select(ARCHIVED.c.id).where(ARCHIVED.c.sha256 == one.sha256)
        with writing(engine) as connection:
            ids = connection.scalars(mine).all()
            fetch_again(connection, ids)
        again += len(ids)
    return again


def _all(engine: Engine) -> Iterator[str]:
    last = ""
    while True:
        page = select(DOCUMENTS.c.sha256).where(DOCUMENTS.c.sha256 > last)
        with engine.connect() as connection:
            found = connection.scalars(page.order_by(DOCUMENTS.c.sha256).limit(_PAGE)).all()
        if not found:
            return
        yield from found
        last = found[-1]


def _some(engine: Engine, most: int) -> list[str]:
    # Digests lie anywhere, so what follows a random one along the index is chosen by chance.
    start = hashlib.sha256(str(datetime.now(UTC)).encode()).hexdigest()
    after = select(DOCUMENTS.c.sha256).order_by(DOCUMENTS.c.sha256).limit(most)
    with engine.connect() as connection:
        found = list(connection.scalars(after.where(DOCUMENTS.c.sha256 >= start)))
        found += connection.scalars(after.where(DOCUMENTS.c.sha256 < start))
    return found[:most]


def _wrong_with(store: Store, sha256: str) -> str | None:
    digest = hashlib.sha256()
    try:
        with closing(store.open(sha256)) as document:
            while piece := document.read(_PIECE):
                digest.update(piece)
    except NotThere:
        return "missing"
    except Unreadable:
        return UNREADABLE
    return None if digest.hexdigest() == sha256 else "damaged"


def _still_named(engine: Engine, sha256: str) -> bool:
    with engine.connect() as connection:
        return bool(connection.scalar(select(func.count()).where(DOCUMENTS.c.sha256 == sha256)))


def _events(engine: Engine, sha256: str) -> tuple[int, ...]:
    named = select(ARCHIVED.c.event_id).where(ARCHIVED.c.sha256 == sha256).order_by(ARCHIVED.c.event_id)
    with engine.connect() as connection:
        return tuple(connection.scalars(named.limit(20)))


def _strays(engine: Engine, store: Store) -> Iterator[str]:
    old = datetime.now(UTC) - _YOUNG
    for entry in store.list():
        if entry.changed_at < old and not _still_named(engine, entry.name[:64]):
            with engine.connect() as connection:
                waits = connection.scalar(select(func.count()).where(ArchiveOrphan.sha256 == entry.name[:64]))
            if not waits:
                yield entry.name
