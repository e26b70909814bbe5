"""What the rules told a call, as far as it says what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from receiver.models import DECISIONS
from receiver.vocabulary.answering import MENU


@dataclass(frozen=True, slots=True)
class Told:
    """What one call was told."""

    menu: bool
    """Whether it was told to ask for keys."""
    menu_last: bool
    """Whether it was told nothing after that."""


def told(connection: Connection, sessions: Sequence[str]) -> dict[str, Told]:
    """What each of these calls was told; without those that no rules answered."""
    query = (
        select(DECISIONS.c.session, DECISIONS.c.told)
        .where(DECISIONS.c.session.in_(sessions), DECISIONS.c.told.is_not(None))
        .order_by(DECISIONS.c.decided_at, DECISIONS.c.id)
    )
    found: dict[str, Told] = {}
    for row in connection.execute(query):
        menu, before = row.told.startswith(MENU), found.get(row.session)
        found[row.session] = Told(menu or (before is not None and before.menu), menu)
    return found
