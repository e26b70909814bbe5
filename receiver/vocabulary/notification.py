"""What a provider says in a callback, as a value."""

from __future__ import annotations

from dataclasses import dataclass

from receiver.vocabulary.fields import Said
from receiver.vocabulary.kinds import EventType, Kind

Params = dict[str, str | list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification(Said):
    """One notification, typed. `duration` is in minutes, money in `currency`, times are aware UTC."""

    kind: Kind
    type: EventType
    problems: tuple[str, ...]
    readable: bool
    """Whether anything the provider documents was found in it."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of one callback as they came, body before query, and what was odd about them."""

    params: Params
    problems: tuple[str, ...] = ()
    in_query: frozenset[str] = frozenset()
    exact: bool = True
    """Whether they hold all that came: nothing was cut off, replaced or left unread."""

    def first(self, name: str) -> str | None:
        """The value of a name; the first one where it came several times."""
        value = self.params.get(name)
        return value[0] if isinstance(value, list) else value
