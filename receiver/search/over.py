"""When a call is over, also if its end was never reported, and at which of its events it is found then.

Usually a callback reports the end. It is lost if the machine that it is for is away; but what a call was told
last, or what it did last, may say as much. A message that was left counts even before the call is over.
Declared once, as `receiver.search.answered` does: for a call that was read, and in SQL.
"""

# ruff: noqa: S608  # SQL is put together from our own words

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from receiver.models import Event
from receiver.providers.registry import PROVIDERS
from receiver.search.answered import ENDED_AS, LED, Is, Signs, ended_as, shows, shows_sql
from receiver.search.told import Told
from receiver.search.voicemail import BRINGS_VOICEMAIL, brings_voicemail
from receiver.vocabulary.kinds import REPORTS, CallStep, EventState, EventType

_ALL = tuple(PROVIDERS.values())
GONE: Signs = (
    *(
        Is("call_state", word)
        for word in dict.fromkeys(
            word for provider in _ALL for word, state in provider.states.items() if state is EventState.ENDED
        )
    ),
    *(
        Is("ivr_block", word)
        for provider in _ALL
        for word, step in provider.steps.items()
        if step is CallStep.HUNG_UP
    ),
)
"""Nobody is on the line any more."""
_TAUGHT = tuple(provider for provider in _ALL if provider.tells_afterwards)
"""They ask what comes next, and the answer is final: who is told to hang up hangs up."""
_ASKED_AGAIN: Signs = tuple(
    Is("ivr_block", word)
    for word in dict.fromkeys(
        word
        for provider in _TAUGHT
        for word, step in provider.steps.items()
        if step not in REPORTS and step is not CallStep.DIALLING
    )
)
"""They were asked what comes next: without rules the answer is the end."""


def is_over(events: Sequence[Event], told: Told | None) -> bool:
    """Whether the call is over of which these are the trusted events; `told` is what the rules told it."""
    if has_end(events) or shows(events, GONE):
        return True
    if not PROVIDERS[events[0].provider].tells_afterwards:
        return False
    return shows(events, _ASKED_AGAIN) if told is None else told.over


def has_end(events: Iterable[Event]) -> bool:
    """Whether the end of the call was reported."""
    return any(event.type == EventType.CALL_ENDED for event in events)


def state_so_far(events: Sequence[Event], told: Told | None) -> EventState | None:
    """What became of a call, if it is over or the caller has left a message. None if nothing that came could
    be read as a call's."""
    if not found_at(events):
        return None
    state = ended_as(events, told)
    left = state is EventState.VOICEMAIL and any(map(brings_voicemail, events))
    return state if left or is_over(events, told) else None


def found_at(events: Sequence[Event]) -> Sequence[Event]:
    """The events at which a call is found by what became of it: its ends, or the newest if none came."""
    ends = [event for event in events if event.type == EventType.CALL_ENDED]
    under_way = [event for event in events if event.type in UNDER_WAY]
    return ends or sorted(under_way, key=lambda event: event.id)[-1:]


UNDER_WAY = (EventType.CALL_RINGING, EventType.CALL_ONGOING)
FOUND_AT_TYPES = frozenset({EventType.CALL_ENDED, *UNDER_WAY})


def keep_up(connection: Connection, events: Iterable[Any]) -> None:
    """Note which calls have events and no end, and which have one now. Nothing else can find the few that
    are over without one among all that had one."""
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


def _any(condition: str) -> str:
    # OFFSET keeps PostgreSQL from reading the whole log once for what is asked of a few calls.
    own = "o.session = events.session AND o.quarantine IS NULL"
    return f"EXISTS (SELECT 1 FROM events AS o WHERE {own} AND {condition} LIMIT 1 OFFSET 0)"


_ENDED = f"(o.type = '{EventType.CALL_ENDED}') IS TRUE"  # written so that no index is used for it
_TYPES = ", ".join(f"'{type_}'" for type_ in UNDER_WAY)
WALK_WITHOUT_END = (
    "ix_events_session_id",
    "session IN (SELECT session FROM calls_without_end) AND (kind = 'voice') IS TRUE"
    f" AND (type IN ({_TYPES})) IS TRUE",
)
"""An index of events along which calls are found whose end was not reported, and the condition for that."""
_NEWEST_WITHOUT_END = (
    f"events.type IN ({_TYPES}) AND events.session IS NOT NULL AND events.quarantine IS NULL"
    f" AND NOT {_any(f'o.id > events.id AND o.type IN ({_TYPES})')}"
    f" AND NOT {_any(_ENDED)}"
)
# The state of a call is JSON; an underscore stands for its colon, which would be a value's name here.
_TOLD_THE_END = (
    "EXISTS (SELECT 1 FROM decisions AS d WHERE d.session = events.session AND d.provider = events.provider"
    """ AND d.state LIKE '%"o"_true%' AND NOT EXISTS (SELECT 1 FROM decisions AS n"""
    " WHERE n.session = d.session AND n.provider = d.provider AND n.state IS NOT NULL"
    " AND (n.decided_at > d.decided_at OR (n.decided_at = d.decided_at AND n.id > d.id))) LIMIT 1 OFFSET 0)"
)
_NAMES = ", ".join(f"'{provider.name}'" for provider in _TAUGHT)
_OVER = (
    f"({shows_sql(GONE)} OR (events.provider IN ({_NAMES})"
    f" AND (({LED} AND {_TOLD_THE_END}) OR (NOT {LED} AND {shows_sql(_ASKED_AGAIN)}))))"
)
_LEFT_A_MESSAGE = _any(BRINGS_VOICEMAIL)


def _found_at(state: EventState) -> str:
    enough = f"({_OVER} OR {_LEFT_A_MESSAGE})" if state is EventState.VOICEMAIL else _OVER
    lost = f"({_NEWEST_WITHOUT_END} AND {enough})"
    return f"((events.type = '{EventType.CALL_ENDED}' OR {lost}) AND {ENDED_AS[state]})"


FOUND_AT: Mapping[EventState, str] = {state: _found_at(state) for state in ENDED_AS}
"""By what became of a call, whether a row of `events` is one at which it is found."""
