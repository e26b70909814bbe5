"""Taking an erased number out of what was asked to be sent once more: nobody can delete a replay."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import combinations

from sqlalchemy import Connection, case, func, select, update

from receiver.models import ReplayRow
from receiver.search.home import at_home
from receiver.search.mistakes import SearchError
from receiver.search.query import Search

_ERASED = "an erased number"
_IDS = re.compile(r"events [0-9]+(, [0-9]+)*( …)?")
"""What stands in the place of a search if the events themselves were given."""
_DIGITS = re.compile(r"(?<![\w-])[+(]*[0-9](?:[0-9\s().-]*[0-9])?(?!\w)")


def replays_naming(connection: Connection, is_it: Callable[[str], bool]) -> list[int]:
    """Those whose search names this number: as an end, or among its words."""
    asked = connection.execute(select(ReplayRow.id, ReplayRow.search))
    return [row.id for row in asked if any(map(is_it, _numbers(connection, row.search)))]


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


def _numbers(connection: Connection, search: str) -> Iterator[str]:
    """Whatever may be a telephone number in a search: its ends as the log spells them, and what is written
    among its words."""
    if _IDS.fullmatch(search):
        return
    try:
        wanted = at_home(connection, Search.parse(search))
    except SearchError:  # of a version that asked in another way
        yield from _written(search)
        return
    yield from filter(None, (wanted.sender, wanted.recipient, wanted.number))
    for words in filter(None, (wanted.text, wanted.contact)):
        yield from _written(words)


def _written(words: str) -> Iterator[str]:
    """Each number in these words. As spaces may be within a number or between two, each sequence of digits
    that stand together is tried."""
    for found in _DIGITS.findall(words):
        parts = found.split()
        for start, end in combinations(range(len(parts) + 1), 2):
            yield " ".join(parts[start:end])
