"""The same short walk along an index for each of several values, in one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, CursorResult, text


class ForEach:
    """A SELECT that is made for each, as each database does it fastest: PostgreSQL plans one walk instead of
    dozens, and SQLite takes what is written out."""

    def __init__(self, walk: str, asked: Mapping[str, str], *, hint: str = "") -> None:
        """In `walk`, `{name}` stands for one of the values `asked` for, which are of these types in
        PostgreSQL, and `{hint}` for which index SQLite has to take. Other values are bound by name."""
        self._asked = asked
        arrays = ", ".join(f"CAST(:{name} AS {type_}[])" for name, type_ in asked.items())
        one = walk.format(hint="", **{name: f"asked.{name}" for name in asked})
        self._lateral = text(
            f"SELECT walk.* FROM unnest({arrays}) AS asked ({', '.join(asked)})"  # noqa: S608  # our own names
            f" CROSS JOIN LATERAL ({one}) AS walk"
        )

        def written_out(count: int) -> str:
            places = ({name: f":{name}{place}" for name in asked} for place in range(count))
            walks = (walk.format(hint=hint, **names) for names in places)
            return " UNION ALL ".join(f"SELECT * FROM ({one})" for one in walks)  # noqa: S608

        self._written_out = cache(lambda count: text(written_out(count)))

    def __call__(
        self, connection: Connection, asked: Mapping[str, Sequence[Any]], **others: Any
    ) -> CursorResult[Any]:
        """The rows of all walks; each name has as many values. SQLite takes some hundreds at a time."""
        if connection.dialect.name == "postgresql":
            return connection.execute(self._lateral, {**asked, **others})
        values = {f"{name}{place}": one for name in self._asked for place, one in enumerate(asked[name])}
        count = len(next(iter(asked.values())))
        return connection.execute(self._written_out(count), values | others)
