"""National numbers that are asked for, as the log has them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from receiver.numbers.home import home_of
from receiver.search.query import Search
from receiver.vocabulary.telephone import is_national, spelled

_ENDS = ("sender", "recipient", "number")


def at_home(connection: Connection, wanted: Search) -> Search:
    """The search with national numbers as those of our country, if our numbers are all in one."""
    asked: dict[str, Any] = {
        name: end for name in _ENDS if (end := getattr(wanted, name)) and is_national(end)
    }
    home = home_of(connection) if asked else None
    if home is None:
        return wanted
    told: dict[str, Any] = {name: spelled(end, home) for name, end in asked.items()}
    return replace(wanted, **told)
