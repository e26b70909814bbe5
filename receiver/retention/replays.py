"""Taking an erased number out of what was asked to be sent once more: nobody can delete a replay."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Connection, case, func, select, update

from receiver.intake.arrival import digits_of
from receiver.models import ReplayRow
from receiver.search.home import at_home
from receiver.search.mistakes import SearchError
from receiver.search.query import Search

_ERASED = "an erased number"


def replays_naming(connection: Connection, digits: str, is_it: Callable[[str], bool]) -> list[int]:
    """Those whose search names this number, which has these digits: as an end, or among its words."""
    asked = connection.execute(select(ReplayRow.id, ReplayRow.search))
    return [
        row.id
        for row in asked
        if digits in digits_of(row.search) or any(map(is_it, _ends(connection, row.search)))
    ]


def forget_search(connection: Connection, replays: list[int], who: str) -> None:
    """Say of these replays only that they were about an erased number. One that goes on is stopped: without
    its search it would send everything."""
    under_way = ReplayRow.ended_at.is_(None)
    connection.execute(
        update(ReplayRow)
        .where(ReplayRow.id.in_(replays))
        .values(
            search=_ERASED,
            stopped_by=case((under_way, who), else_=ReplayRow.stopped_by),
            ended_at=func.coalesce(ReplayRow.ended_at, datetime.now(UTC)),
        )
    )


def _ends(connection: Connection, search: str) -> list[str]:
    """The numbers that a search asks for, as the log spells them."""
    try:
        wanted = at_home(connection, Search.parse(search))
    except SearchError:  # of a version that asked in another way
        return []
    return [end for end in (wanted.sender, wanted.recipient, wanted.number) if end is not None]
