"""What the rules told a call, as far as it says what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, or_, select

from receiver.models import DECISIONS


@dataclass(frozen=True, slots=True)
class Told:
    """What one call was told."""

    menu: bool
    """Whether it was told to ask for keys."""
    menu_last: bool
    """Whether it was told nothing after that."""
    over: bool
    """Whether that was its end: it was told to hang up, or had done so."""


def told(connection: Connection, sessions: Sequence[str]) -> dict[str, Told]:
    """What each of these calls was told; without those that no rules answered."""
    query = (
        select(DECISIONS.c.session, DECISIONS.c.asks_keys, DECISIONS.c.is_over)
        .where(
            DECISIONS.c.session.in_(sessions),
            or_(DECISIONS.c.asks_keys.is_not(None), DECISIONS.c.is_over.is_not(None)),
        )
        .order_by(DECISIONS.c.decided_at, DECISIONS.c.id)
    )
    found: dict[str, Told] = {}
    over: dict[str, bool] = {}
    for row in connection.execute(query):
        if row.is_over is not None:
            over[row.session] = row.is_over
        if row.asks_keys is not None:
            menu, before = row.asks_keys, found.get(row.session)
            found[row.session] = Told(menu or (before is not None and before.menu), menu, False)
    return {session: replace(one, over=over.get(session, False)) for session, one in found.items()}
