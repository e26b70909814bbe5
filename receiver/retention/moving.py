"""Moving an event into quarantine or out of it, together with its repeats."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping, delete, insert, update
from sqlalchemy.exc import IntegrityError

from receiver.models import EVENTS, REPEATS


def moved(connection: Connection, row: RowMapping, *, identity: str, quarantine: str | None) -> bool:
    """Give an event this identity, by which trusted and quarantined copies are told apart, and this reason.

    Whether its twin was there already, so that it became a repeat of it, as it would have on arrival.
    """
    mine = EVENTS.c.id == row["id"]
    merged = False
    try:
        with connection.begin_nested():
            connection.execute(update(EVENTS).where(mine).values(identity=identity, quarantine=quarantine))
    except IntegrityError:
        more = EVENTS.c.repeats + 1 + row["repeats"]
        twin = update(EVENTS).where(EVENTS.c.identity == identity).values(repeats=more)
        if not connection.execute(twin).rowcount:
            raise  # whatever was in the way is no twin that could take over the raw bytes
        merged = True
        raw = {name: row[name] for name in REPEATS.columns.keys() if name != "id"}  # noqa: SIM118  # not a dict
        if quarantine is not None:
            # The triggers on deleting do not know that a call may be without its end now; those on this do.
            connection.execute(update(EVENTS).where(mine).values(quarantine=quarantine))
        connection.execute(delete(EVENTS).where(mine))
        connection.execute(insert(REPEATS).values(raw | {"identity": identity}))
    if row["repeats"]:
        connection.execute(
            update(REPEATS).where(REPEATS.c.identity == row["identity"]).values(identity=identity)
        )
    return merged
