"""At which events a call is found by what became of it: `receiver.search.over` as conditions on rows."""

# ruff: noqa: S608  # SQL is put together from our own words

from __future__ import annotations

from collections.abc import Mapping

from receiver.search.answered import ENDED_AS, LED, shows_sql
from receiver.search.over import ASKED_AGAIN, GONE, TAUGHT, UNDER_WAY
from receiver.search.voicemail import BRINGS_VOICEMAIL
from receiver.vocabulary.kinds import EventState, EventType


def _any(condition: str) -> str:
    # OFFSET keeps PostgreSQL from reading the whole log once for what is asked of a few calls.
    own = "o.session = events.session AND o.quarantine IS NULL"
    return f"EXISTS (SELECT 1 FROM events AS o WHERE {own} AND {condition} LIMIT 1 OFFSET 0)"


_ENDED = f"(o.type = '{EventType.CALL_ENDED}') IS TRUE"  # written so that no index is used for it
_TYPES = ", ".join(f"'{type_}'" for type_ in UNDER_WAY)
_NEWEST_WITHOUT_END = (
    f"events.type IN ({_TYPES}) AND events.session IS NOT NULL AND events.quarantine IS NULL"
    f" AND NOT {_any(f'o.id > events.id AND o.type IN ({_TYPES})')}"
    f" AND NOT {_any(_ENDED)}"
)
_TOLD_THE_END = (
    "EXISTS (SELECT 1 FROM decisions AS d WHERE d.session = events.session AND d.provider = events.provider"
    " AND d.is_over IS TRUE AND NOT EXISTS (SELECT 1 FROM decisions AS n"
    " WHERE n.session = d.session AND n.provider = d.provider AND n.is_over IS NOT NULL"
    " AND (n.decided_at > d.decided_at OR (n.decided_at = d.decided_at AND n.id > d.id))) LIMIT 1 OFFSET 0)"
)
_NAMES = ", ".join(f"'{provider.name}'" for provider in TAUGHT)
_OVER = (
    f"({shows_sql(GONE)} OR (events.provider IN ({_NAMES})"
    f" AND (({LED} AND {_TOLD_THE_END}) OR (NOT {LED} AND {shows_sql(ASKED_AGAIN)}))))"
)
_LEFT_A_MESSAGE = _any(BRINGS_VOICEMAIL)


def _found_at(state: EventState) -> str:
    enough = f"({_OVER} OR {_LEFT_A_MESSAGE})" if state is EventState.VOICEMAIL else _OVER
    lost = f"({_NEWEST_WITHOUT_END} AND {enough})"
    return f"((events.type = '{EventType.CALL_ENDED}' OR {lost}) AND {ENDED_AS[state]})"


FOUND_AT: Mapping[EventState, str] = {state: _found_at(state) for state in ENDED_AS}
"""By what became of a call, whether a row of `events` is one at which it is found."""
