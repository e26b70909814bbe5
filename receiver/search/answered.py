"""Whether a call was answered, left a voicemail or was missed, declared once: the database is asked in SQL
that is made from the declaration, and a call that has been read is judged by it.

A call was answered when somebody was reached. Otherwise what was recorded is a voicemail. If nobody was tried
either, it was answered when it was asked for keys or, where no rules led it, got beyond ringing. Any other
call that ended was missed.
"""

# ruff: noqa: S608  # SQL is put together from our own words

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from receiver.models import Event
from receiver.providers.registry import PROVIDERS
from receiver.search.told import Told
from receiver.vocabulary.kinds import REPORTS, CallOutcome, CallStep, EventState


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


@dataclass(frozen=True, slots=True)
class Both:
    """An event shows it by both."""

    one: Is | IsNot
    other: Is | IsNot

    def shown_by(self, event: Event) -> bool:
        return self.one.shown_by(event) and self.other.shown_by(event)

    def sql(self) -> str:
        return f"({self.one.sql()} AND {self.other.sql()})"


Signs = tuple[Is | IsNot | Both, ...]
"""Any event of a call shows any one of these."""

_PARTIES = ("dial_status", "transfer_status")
_NO_SERVICE = (
    *(CallStep.ANSWERED, CallStep.HUNG_UP, CallStep.RECORDED, CallStep.WENT_ON, CallStep.DIALLING),
    *REPORTS,
)
"""They are taken in calls that come to nothing, too."""


def _words(words: Iterable[Mapping[str, object]], *meant: object) -> tuple[str, ...]:
    """Those of several providers' words that mean one of these."""
    return tuple(dict.fromkeys(word for each in words for word, meaning in each.items() if meaning in meant))


_ALL = tuple(PROVIDERS.values())
_STEPS = tuple(provider.steps for provider in _ALL)
_STANDS = tuple(provider.states for provider in _ALL if not provider.tells_afterwards)

REACHED: Signs = tuple(
    Is(column, word)
    for column in _PARTIES
    for word in _words((provider.parties for provider in _ALL), CallOutcome.ANSWERED)
)
_TRIED: Signs = tuple(IsNot(column) for column in _PARTIES)
_ASKED: Signs = tuple(Is("ivr_block", word) for word in _words(_STEPS, CallStep.MENU))
SERVED: Signs = (
    *(Is("call_state", word) for word in _words(_STANDS, EventState.ONGOING)),
    IsNot("ivr_block", _words(_STEPS, *_NO_SERVICE)),
    IsNot("monitor_url"),
)
_NEVER_TAKEN: Signs = tuple(Is("call_state", word) for provider in _ALL for word in provider.endings)
_RECORDED: Signs = (IsNot("record_url"),)
_NOTHING_RECORDED: Signs = tuple(Is("ivr_block", word) for word in _words(_STEPS, CallStep.NOTHING_RECORDED))
_RECORDING_READY: Signs = tuple(
    Both(IsNot("record_url"), Is("ivr_block", word)) for word in _words(_STEPS, CallStep.RECORDING_READY)
)


@dataclass(frozen=True, slots=True)
class Way:
    """A way to come to a state: the call shows one of `shown`, if any are named, and none of `absent`."""

    state: EventState
    shown: Signs = ()
    absent: Signs = ()
    menu: bool = False
    """And rules told it to ask for keys."""
    unled: bool = False
    """And no rules told it anything: what they told says more than how far it got."""

    def taken(self, events: Sequence[Event], told: Told | None) -> bool:
        if (self.menu and not (told and told.menu)) or (self.unled and told is not None):
            return False
        return (not self.shown or shows(events, self.shown)) and not shows(events, self.absent)

    def sql(self) -> str:
        parts = [shows_sql(self.shown)] if self.shown else []
        parts += [f"NOT {shows_sql(self.absent)}"] if self.absent else []
        parts += [_DECIDED_SQL.format("asks_keys IS TRUE")] if self.menu else []
        parts += [f"NOT {LED}"] if self.unled else []
        return f"({' AND '.join(parts)})"


TELLING: Signs = (*_TRIED, *_RECORDED, *_NOTHING_RECORDED)
"""Signs of what became of a call that may come late in it."""

_WAYS = (
    Way(EventState.ANSWERED, REACHED),
    Way(EventState.VOICEMAIL, _RECORDING_READY),
    # The end of a recording names a link before anybody knows whether there will be anything.
    Way(EventState.VOICEMAIL, _RECORDED, absent=_NOTHING_RECORDED),
    Way(EventState.ANSWERED, _ASKED, absent=_TRIED),
    # Not every provider reports the first menu.
    Way(EventState.ANSWERED, menu=True, absent=(*_TRIED, *_NEVER_TAKEN)),
    Way(EventState.ANSWERED, SERVED, absent=_TRIED, unled=True),
)
"""The first that is taken counts; a call that takes none was missed."""


def shows(events: Iterable[Event], signs: Signs) -> bool:
    """Whether any of a call's events shows one of these signs."""
    return any(sign.shown_by(event) for event in events for sign in signs)


def ended_as(events: Sequence[Event], told: Told | None = None) -> EventState:
    """What the call came to of which these are the trusted events, once it has ended; `told` is what the
    rules told it, if they did."""
    return next((way.state for way in _WAYS if way.taken(events, told)), EventState.MISSED)


def any_sql(signs: Signs) -> str:
    """That a row of `events`, there named `o`, shows any of these signs."""
    return f"({' OR '.join(sign.sql() for sign in signs)})"


def shows_sql(signs: Signs) -> str:
    """That any trusted event of the call of a row shows any of these signs."""
    # OFFSET keeps PostgreSQL from reading the whole log once for what is asked of a few calls.
    own = "o.session = events.session AND o.quarantine IS NULL"
    return f"EXISTS (SELECT 1 FROM events AS o WHERE {own} AND {any_sql(signs)} LIMIT 1 OFFSET 0)"


_DECIDED_SQL = (
    "EXISTS (SELECT 1 FROM decisions AS d WHERE d.session = events.session AND d.provider = events.provider"
    " AND d.{} LIMIT 1 OFFSET 0)"
)
LED = _DECIDED_SQL.format("told IS NOT NULL")
"""That rules told the call of a row something."""


def _ended_as_sql() -> dict[EventState, str]:
    """By state: one of its ways is taken, and none before that leads to another."""
    taken = [
        (state, f"({' OR '.join(way.sql() for way in ways)})")
        for state, ways in groupby(_WAYS, key=lambda way: way.state)
    ]
    found = {EventState.MISSED: f"NOT ({' OR '.join(sql for _, sql in taken)})"}
    for at, (state, sql) in enumerate(taken):
        sooner = [f"NOT {one}" for other, one in taken[:at] if other is not state]
        either = [found[state]] if state in found else []
        found[state] = f"({' OR '.join([*either, ' AND '.join([sql, *sooner])])})"
    return found


ENDED_AS: Mapping[EventState, str] = _ended_as_sql()
"""The same as a condition on a row of `events`, one of a call's."""
