"""The country that our numbers are in, from which national numbers are understood."""

from __future__ import annotations

from sqlalchemy import Connection, text

from receiver.vocabulary.telephone import country_of

_OURS = text(
    "SELECT number FROM known_numbers UNION"
    " SELECT recipient FROM (SELECT recipient FROM events ORDER BY id DESC LIMIT 200) AS newest"
)
"""Numbers that are ours, or were called lately."""


def home_of(connection: Connection) -> str | None:
    """The calling code of our country; None if our numbers are not all in one."""
    countries = {country_of(number) for number in connection.scalars(_OURS)} - {None}
    return countries.pop() if len(countries) == 1 else None
