"""Whether a call was answered, declared once: the database is asked in SQL that is made from the declaration,
and a call that has been read is judged by it.

A call was answered when somebody was reached or, if nobody was tried, when it got beyond ringing. A call that
ended without being answered was missed.
"""

# ruff: noqa: S608  # SQL is put together from our own words

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from receiver.models import Event
from receiver.providers.registry import PROVIDERS
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


@dataclass(frozen=True, slots=True)
class Way:
    """A way to be answered: the call shows one of `shown` and none of `absent`."""

    shown: Signs
    absent: Signs = ()


_WAYS = (Way(REACHED), Way(SERVED, absent=TRIED))


def shows(events: Iterable[Event], signs: Signs) -> bool:
    """Whether any of a call's events shows one of these signs."""
    return any(sign.shown_by(event) for event in events for sign in signs)


def answered(events: Iterable[Event]) -> bool:
    """Whether the call of which these are the trusted events was answered."""
    events = list(events)
    return any(shows(events, way.shown) and not shows(events, way.absent) for way in _WAYS)


def _shows_sql(signs: Signs) -> str:
    # OFFSET keeps PostgreSQL from reading the whole log once for what is asked of a few calls.
    own = "o.session = events.session AND o.quarantine IS NULL"
    shown = " OR ".join(sign.sql() for sign in signs)
    return f"EXISTS (SELECT 1 FROM events AS o WHERE {own} AND ({shown}) LIMIT 1 OFFSET 0)"


def _way_sql(way: Way) -> str:
    if not way.absent:
        return _shows_sql(way.shown)
    return f"({_shows_sql(way.shown)} AND NOT {_shows_sql(way.absent)})"


ANSWERED = f"({' OR '.join(map(_way_sql, _WAYS))})"
"""The same as a condition on a row of `events`, one of a call's."""
