"""National numbers that are asked for, as the log has them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, text

from receiver.search.query import Search
from receiver.vocabulary.telephone import country_of, is_national, spelled

_ENDS = ("sender", "recipient", "number")
_OURS = text(
    "SELECT number FROM known_numbers UNION"
    " SELECT recipient FROM (SELECT recipient FROM events ORDER BY id DESC LIMIT 200) AS newest"
)
"""Numbers that are ours, or were called lately."""


def at_home(connection: Connection, wanted: Search) -> Search:
    """The search with national numbers as those of our country, if our numbers are all in one."""
    asked: dict[str, Any] = {
        name: end for name in _ENDS if (end := getattr(wanted, name)) and is_national(end)
    }
    if not asked:
        return wanted
    countries = {country_of(number) for number in connection.scalars(_OURS)} - {None}
    if len(countries) != 1:
        return wanted
    home = countries.pop()
    told: dict[str, Any] = {name: spelled(end, home) for name, end in asked.items()}
    return replace(wanted, **told)
