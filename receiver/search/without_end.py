"""The calls whose end was not reported, in a table of their own, which the index of the log keeps.

Nothing else can find the few that are over without an end among all that had one.
"""

# ruff: noqa: S608  # SQL is put together from our own words

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, text

from receiver.search.over import UNDER_WAY
from receiver.vocabulary.kinds import EventType


def keep_up(connection: Connection, events: Iterable[Any]) -> None:
    """Note which calls have events and no end, and which have one now."""
    for types, statements in ((UNDER_WAY, _WITHOUT_END), ((EventType.CALL_ENDED,), _WITH_END)):
        sessions = sorted({event.session for event in events if event.session and event.type in types})
        if sessions:
            given = json.dumps(sessions) if connection.dialect.name == "sqlite" else sessions
            connection.execute(statements[connection.dialect.name], {"sessions": given})


# One statement each, since SQLite's lock is held meanwhile: see `receiver.db.insert`.
_GIVEN = {
    "sqlite": "SELECT value AS session FROM json_each(:sessions)",
    "postgresql": "SELECT session FROM unnest(CAST(:sessions AS text[])) AS asked (session)",
}
_HAS_END = (
    "EXISTS (SELECT 1 FROM events WHERE events.session = given.session"
    " AND (type = 'call.ended') IS TRUE AND quarantine IS NULL LIMIT 1 OFFSET 0)"
)
_WITHOUT_END = {
    dialect: text(
        f"INSERT INTO calls_without_end (session) SELECT session FROM ({given}) AS given"
        f" WHERE NOT {_HAS_END} ON CONFLICT DO NOTHING"
    )
    for dialect, given in _GIVEN.items()
}
_WITH_END = {
    dialect: text(
        "DELETE FROM calls_without_end WHERE session IN"
        f" (SELECT session FROM ({given}) AS given WHERE {_HAS_END})"
    )
    for dialect, given in _GIVEN.items()
}

_TYPES = ", ".join(f"'{type_}'" for type_ in UNDER_WAY)
IDS_WITHOUT_END = (
    "SELECT (SELECT own.id FROM events AS own WHERE own.session = calls_without_end.session"
    f" AND (own.kind = 'voice') IS TRUE AND (own.type IN ({_TYPES})) IS TRUE AND own.quarantine IS NULL"
    " ORDER BY own.id DESC LIMIT 1) FROM calls_without_end"
)
"""The events at which such calls are found if they are over: of each the newest."""
