"""How far the log stands still: below that id no event can appear any more.

PostgreSQL hands out ids before it commits, and several processes write: an event may become visible after one
with a higher id. Who remembers "seen up to here" would miss it. SQLite has one writer at a time, so there the
ids appear in order. Costs the receive path nothing.
"""

from __future__ import annotations

import time

from sqlalchemy import Connection, text

MOST_AT_ONCE = 10_000
_PATIENCE = 0.2
"""Seconds to wait for writers that were under way; who is not answered is asked again later."""

_WRITERS = text(
    "SELECT virtualtransaction FROM pg_locks"
    " WHERE relation = 'events'::regclass AND mode = 'RowExclusiveLock' AND pid <> pg_backend_pid()"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_IDS = "SELECT id FROM events WHERE id > :after ORDER BY id LIMIT :most"
_SEEN = text(f"SELECT count(*), max(id) FROM ({_IDS}) AS seen")  # noqa: S608


def settled_id(connection: Connection, after: int, most: int = MOST_AT_ONCE) -> int:
    """The highest id, at most `most` events above `after`, below which nothing can appear any more.

    Ids without a gap are settled. A gap is an id that is still to come, or one that never will: a writer
    takes its lock on the table before it takes an id, and keeps it until it is done. So once all who held it
    when the id above the gap was seen are gone, the gap stays one. The caller must read committed, and read
    the events after this.
    """
    among = {"after": after, "most": most}
    seen, newest = connection.execute(_SEEN, among).one()
    if not seen:
        return after
    if connection.dialect.name == "sqlite" or newest - after == seen:
        return int(newest)
    waiting = set(connection.scalars(_WRITERS))
    until = time.monotonic() + _PATIENCE
    while waiting and time.monotonic() < until:
        time.sleep(0.005)
        waiting &= set(connection.scalars(_WRITERS))
    if waiting:
        return _before_gap(connection, among)
    return int(newest)


def _before_gap(connection: Connection, among: dict[str, int]) -> int:
    last = among["after"]
    for found in connection.scalars(text(_IDS), among):
        if found != last + 1:
            break
        last = found
    return last
