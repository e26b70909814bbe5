"""How far the log is settled: up to which id no further event can appear.

PostgreSQL hands out ids before it commits, and several processes write, so an event may become visible after
one with a higher id. A reader that remembers "seen up to here" would miss it. SQLite has one writer at a
time, so its ids appear in order. This costs the receive path nothing.
"""

from __future__ import annotations

import time

from sqlalchemy import Connection, text

MOST_AT_ONCE = 10_000
_PATIENCE = 0.2
"""Seconds to wait for writers that were under way; a caller that got no further asks again later."""

_WRITERS = text(
    "SELECT virtualtransaction FROM pg_locks"
    " WHERE relation = 'events'::regclass AND mode = 'RowExclusiveLock' AND pid <> pg_backend_pid()"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_IDS = "SELECT id FROM events WHERE id > :after ORDER BY id LIMIT :most"
_SEEN = text(f"SELECT count(*), max(id) FROM ({_IDS}) AS seen")  # noqa: S608


def settled_id(connection: Connection, after: int, most: int = MOST_AT_ONCE) -> int:
    """The highest settled id, at most `most` events above `after`.

    Ids without a gap are settled. A gap is an id that is yet to come, or one that never will. A writer takes
    its lock on the table before it takes an id, and keeps it until it is done. So once all writers are gone
    that held it when the id above the gap was seen, the gap is there to stay. The caller must use READ
    COMMITTED, and read the events after this.
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
