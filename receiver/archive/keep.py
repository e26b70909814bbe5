"""Keeping a document once, however many events name it, and deleting it once none does.

A worker may be about to keep what another one is about to delete. So both lock the document's row before they
decide; the rows of `archived` come after it, then the orphan, so that nobody waits in a ring. Bytes are put
before a row names them, and looked for once more afterwards: whoever deletes them gave up the row first. An
orphan whose bytes are being deleted is leased, and whoever wants to keep it waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, delete, exists, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from receiver.archive.claims import Claim, mine
from receiver.archive.states import Preview, State
from receiver.archive.store import Store, preview_of
from receiver.db.engine import writing, writing_lazily
from receiver.models import ARCHIVED, DOCUMENTS, ArchiveOrphan
from receiver.outbound.fetch import Fetched
from receiver.outbound.fetch_error import FetchError
from receiver.outbound.media import FAXES

_LEASE = timedelta(minutes=5)
_PAGE = 500
_INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def keep(engine: Engine, store: Store, claimed: Claim, fetched: Fetched, file: Path) -> bool:
    """Keep what was fetched; False if the event went in the meantime, and its document with it.

    `FetchError` if the same document is just being deleted: try again in a moment.
    """
    store.put(fetched.sha256, file)
    with writing(engine) as connection:
        kept = _note(connection, claimed, fetched)
    if kept and not store.exists(fetched.sha256):
        with writing(engine) as connection:
            fetch_again(connection, [claimed.id])
        raise FetchError("The same document was just being deleted.")
    return kept


def fetch_again(connection: Connection, ids: Sequence[int]) -> None:
    """Let links be fetched again whose documents are not what they should be, in the caller's transaction."""
    mine_ = ARCHIVED.c.id.in_(ids)
    for sha256 in connection.scalars(select(ARCHIVED.c.sha256).where(mine_).distinct()).all():
        if sha256 is not None:
            _orphan(connection, sha256)
    again = {"state": State.WAITING.value, "attempts": 0, "due_at": datetime.now(UTC), "sha256": None}
    connection.execute(update(ARCHIVED).where(mine_).values(again | {"lease_until": None, "reason": None}))


def _orphan(connection: Connection, sha256: str) -> None:
    insert = _INSERT[connection.dialect.name](ArchiveOrphan).values(sha256=sha256)
    connection.execute(insert.on_conflict_do_nothing())


def _note(connection: Connection, claimed: Claim, fetched: Fetched) -> bool:
    insert = _INSERT[connection.dialect.name]
    sha256 = fetched.sha256
    row = {
        "sha256": sha256,
        "size": fetched.size,
        "media_type": fetched.media.type,
        "preview": (Preview.WAITING if fetched.media in FAXES else Preview.NO).value,
        "kept_at": datetime.now(UTC),
    }
    # The update changes nothing, and locks the row.
    made = insert(DOCUMENTS).values(row)
    connection.execute(
        made.on_conflict_do_update(index_elements=["sha256"], set_={"size": made.excluded.size})
    )
    kept = connection.execute(
        update(ARCHIVED)
        .where(mine(claimed))
        .values(state=State.KEPT.value, reason=None, lease_until=None, sha256=sha256)
    ).rowcount
    orphan = connection.execute(
        select(ArchiveOrphan.lease_until).where(ArchiveOrphan.sha256 == sha256).with_for_update()
    ).one_or_none()
    if orphan is not None and orphan.lease_until is not None:
        raise FetchError("The same document is just being deleted.")
    if kept:
        connection.execute(delete(ArchiveOrphan).where(ArchiveOrphan.sha256 == sha256))
    else:
        _orphan(connection, sha256)
    return bool(kept)


def sweep(engine: Engine, store: Store, *, most: int | None = None) -> int:
    """Delete the documents that no event names any more, all or so many at most, and return how many.
    `StoreError` leaves the rest for the next time."""
    swept = 0
    while most is None or swept < most:
        found = _orphans(engine, _PAGE if most is None else min(most - swept, _PAGE))
        if not found:
            break
        swept += sum(_delete(engine, store, sha256) for sha256 in found)
    return swept


def _orphans(engine: Engine, most: int) -> Sequence[str]:
    free = or_(ArchiveOrphan.lease_until.is_(None), ArchiveOrphan.lease_until <= datetime.now(UTC))
    with engine.connect() as connection:
        return connection.scalars(select(ArchiveOrphan.sha256).where(free).limit(most)).all()


def _delete(engine: Engine, store: Store, sha256: str) -> bool:
    """Delete a document that was claimed; False if it cannot be, or need not be any more.

    After a power cut its row may be there again, without the bytes. Then the orphan is, too: it is swept
    once more.
    """
    with writing_lazily(engine) as connection:
        if not _claimed(connection, sha256):
            return False
    store.delete(preview_of(sha256))
    store.delete(sha256)
    with writing_lazily(engine) as connection:
        connection.execute(delete(ArchiveOrphan).where(ArchiveOrphan.sha256 == sha256))
    return True


def _claimed(connection: Connection, sha256: str) -> bool:
    """Whether it is ours to delete."""
    now = datetime.now(UTC)
    connection.execute(select(DOCUMENTS.c.sha256).where(DOCUMENTS.c.sha256 == sha256).with_for_update())
    orphan = connection.execute(
        select(ArchiveOrphan.lease_until).where(ArchiveOrphan.sha256 == sha256).with_for_update()
    ).one_or_none()
    if orphan is None or (orphan.lease_until is not None and orphan.lease_until > now):
        return False
    mine_ = ArchiveOrphan.sha256 == sha256
    if connection.scalar(select(exists().where(ARCHIVED.c.sha256 == sha256))):
        connection.execute(delete(ArchiveOrphan).where(mine_))
        return False
    connection.execute(update(ArchiveOrphan).where(mine_).values(lease_until=now + _LEASE))
    connection.execute(delete(DOCUMENTS).where(DOCUMENTS.c.sha256 == sha256))
    return True
