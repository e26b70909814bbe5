"""Whether a call was answered, left a voicemail or was missed, declared once: the database is asked in SQL
that is made from the declaration, and a call that has been read is judged by it.

A call was answered when somebody was reached or, if nobody was tried and nothing recorded, when it got
beyond ringing: not every provider says so of the first menu, but then the rules had told it to ask. What was
recorded while nobody was reached is a voicemail. Any other call that ended was missed.
"""

# ruff: noqa: S608  # SQL is put together from our own words

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from receiver.models import Event
from receiver.providers.registry import PROVIDERS
from receiver.vocabulary.answering import MENU
from receiver.vocabulary.kinds import CallOutcome, CallStep, EventState


@dataclass(frozen=True, slots=True)
class Is:
    """An event shows it by this value in this column."""

    column: str
    value: str

    def shown_by(self, event: Event) -> bool:
        return bool(getattr(event, self.column) == self.value)

    def sql(self) -> str:
        return f"o.{self.column} = '{self.value}'"


@dataclass(frozen=True, slots=True)
class IsNot:
    """An event shows it by any value in this column but these."""

    column: str
    values: tuple[str, ...] = ()

    def shown_by(self, event: Event) -> bool:
        value = getattr(event, self.column)
        return value is not None and value not in self.values

    def sql(self) -> str:
        if not self.values:
            return f"o.{self.column} IS NOT NULL"
        values = ", ".join(f"'{value}'" for value in self.values)
        return f"o.{self.column} NOT IN ({values})"


Signs = tuple[Is | IsNot, ...]
"""Any event of a call shows any one of these."""

_PARTIES = ("dial_status", "transfer_status")
_NO_SERVICE = (CallStep.ANSWERED, CallStep.HUNG_UP, CallStep.RECORDING_READY)


def _words(vocabulary: str, *meant: object) -> tuple[str, ...]:
    """The words of all providers that mean one of these."""
    said = {
        word: None
        for provider in PROVIDERS.values()
        for word, meaning in getattr(provider, vocabulary).items()
        if meaning in meant
    }
    return tuple(said)


REACHED: Signs = tuple(
    Is(column, word) for column in _PARTIES for word in _words("parties", CallOutcome.ANSWERED)
)
TRIED: Signs = tuple(IsNot(column) for column in _PARTIES)
SERVED: Signs = (
    *(Is("call_state", word) for word in _words("states", EventState.ONGOING)),
    IsNot("ivr_block", _words("steps", *_NO_SERVICE)),
    IsNot("monitor_url"),
)


RECORDED: Signs = (IsNot("record_url"),)


@dataclass(frozen=True, slots=True)
class Way:
    """A way to come to a state: the call shows one of `shown` and none of `absent`."""

    shown: Signs
    absent: Signs = ()
    or_menu: bool = False
    """Or it was told to ask for keys."""


_WAYS: Mapping[EventState, tuple[Way, ...]] = {
    EventState.ANSWERED: (Way(REACHED), Way(SERVED, absent=(*TRIED, *RECORDED), or_menu=True)),
    EventState.VOICEMAIL: (Way(RECORDED, absent=REACHED),),
}


def shows(events: Iterable[Event], signs: Signs) -> bool:
    """Whether any of a call's events shows one of these signs."""
    return any(sign.shown_by(event) for event in events for sign in signs)


def ended_as(events: Iterable[Event], *, menu: bool = False) -> EventState:
    """What the call came to of which these are the trusted events, once it has ended; `menu` if it was told
    to ask for keys."""
    events = list(events)
    for state, ways in _WAYS.items():
        for way in ways:
            shown = shows(events, way.shown) or (way.or_menu and menu)
            if shown and not shows(events, way.absent):
                return state
    return EventState.MISSED


def _shows_sql(signs: Signs) -> str:
    # OFFSET keeps PostgreSQL from reading the whole log once for what is asked of a few calls.
    own = "o.session = events.session AND o.quarantine IS NULL"
    shown = " OR ".join(sign.sql() for sign in signs)
    return f"EXISTS (SELECT 1 FROM events AS o WHERE {own} AND ({shown}) LIMIT 1 OFFSET 0)"


_MENU_SQL = (
    "EXISTS (SELECT 1 FROM decisions AS d WHERE d.session = events.session AND d.provider = events.provider"
    f" AND d.told LIKE '{MENU}%' LIMIT 1 OFFSET 0)"
)


def _way_sql(way: Way) -> str:
    shown = f"({_shows_sql(way.shown)} OR {_MENU_SQL})" if way.or_menu else _shows_sql(way.shown)
    return f"({shown} AND NOT {_shows_sql(way.absent)})" if way.absent else shown


def _state_sql(state: EventState) -> str:
    return f"({' OR '.join(map(_way_sql, _WAYS[state]))})"


ENDED_AS: Mapping[EventState, str] = {state: _state_sql(state) for state in _WAYS} | {
    EventState.MISSED: f"NOT ({' OR '.join(map(_state_sql, _WAYS))})"
}
"""The same as a condition on a row of `events`, one of a call's."""
