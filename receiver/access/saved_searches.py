"""Searches that people keep under a name, each person their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Engine, delete, func, insert, or_, select

from receiver.db.engine import writing
from receiver.models import SavedSearch, User
from receiver.vocabulary.errors import OperatorError

MOST = 50
"""Saved searches of one person."""
LONGEST_NAME = 60


class SavedSearchError(OperatorError, ValueError):
    """A search cannot be kept. The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A search under its name."""

    id: int
    list: str
    name: str
    search: str


class SavedSearches:
    """Those of one person, by the person's name."""

    def __init__(self, engine: Engine, user: str) -> None:
        self._engine = engine
        self._whose = select(User.id).where(User.name == user)

    def of(self, list_: str) -> Sequence[Saved]:
        """All of one list, by name."""
        found = self._find(SavedSearch.list == list_)
        return sorted(found, key=lambda one: (one.name.casefold(), one.name))

    def get(self, saved_id: int) -> Saved | None:
        """One of them."""
        return next(iter(self._find(SavedSearch.id == saved_id)), None)

    def save(self, list_: str, name: str, search: str) -> None:
        """Keep a search; `SavedSearchError` if it cannot be.

        It replaces one with the same name. A search that is there under another name is given this one.
        """
        name = " ".join(name.split())
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            raise SavedSearchError(f"Give the search a name of 1 to {LONGEST_NAME} characters.")
        if not search:
            raise SavedSearchError("There is no search to save. Search for something first.")
        same = or_(SavedSearch.name == name, SavedSearch.search == search)
        with writing(self._engine) as connection:
            # One at a time for each person, so that two at once are not one too many.
            user_id = connection.scalar(self._whose.with_for_update())
            mine = SavedSearch.user_id == user_id
            connection.execute(delete(SavedSearch).where(mine, SavedSearch.list == list_, same))
            if (connection.scalar(select(func.count(SavedSearch.id)).where(mine)) or 0) >= MOST:
                raise SavedSearchError(
                    f"You have {MOST} saved searches, the most there can be. Delete one first."
                )
            row = {"user_id": user_id, "list": list_, "name": name, "search": search}
            connection.execute(insert(SavedSearch).values(row))

    def delete(self, saved_id: int) -> None:
        """Forget one of them, if it is there."""
        mine = SavedSearch.user_id == self._whose.scalar_subquery()
        with writing(self._engine) as connection:
            connection.execute(delete(SavedSearch).where(mine, SavedSearch.id == saved_id))

    def _find(self, which: ColumnElement[bool]) -> list[Saved]:
        table = SavedSearch
        columns = (table.id, table.list, table.name, table.search)
        asked = select(*columns).where(table.user_id == self._whose.scalar_subquery(), which)
        with self._engine.connect() as connection:
            return [Saved(*row) for row in connection.execute(asked)]
