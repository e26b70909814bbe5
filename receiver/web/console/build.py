"""Building a search from fields, for those who do not type it: what stands in them, and what it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from receiver import current
from receiver.numbers.known import held
from receiver.search.filters import BY_PART, Filter
from receiver.search.query import Search, written
from receiver.search.typed import pieces
from receiver.vocabulary.kinds import EventState
from receiver.web.console import shown, times

LISTS = ("events", "calls", "conversations", "faxes")
"""Lists that are searched, by the names of their pages."""

_ENDS = ("sender", "contact", "recipient")
_DAYS = ("since", "until")
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "events": (
        "kind",
        "type",
        "state",
        "provider",
        *_ENDS,
        *_DAYS,
        "quarantined",
        "problems",
        "voicemail",
        "open",
    ),
    "calls": ("state", "outcome", "provider", *_ENDS, *_DAYS, "open"),
    "conversations": ("provider", *_ENDS, *_DAYS, "open"),
    "faxes": ("state", "provider", *_ENDS, *_DAYS, "open"),
}
_OF_FAXES = (EventState.RECEIVED, EventState.FAILED)
_LABELS = {
    "sender": "From",
    "recipient": "To",
    "since": "Since the day",
    "until": "Until the end of",
    "quarantined": "Quarantined",
    "problems": "With problems",
    "voicemail": "With a voicemail",
    "open": "Open",
}
_FLAG = (("true", "only these"), ("false", "not these"))


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the form, with what the search at hand says there."""

    part: str
    label: str
    sort: str
    """`choice`, `day`, `number` or `text`."""
    value: str
    choices: tuple[tuple[str, str], ...] = ()
    """What is sent, and what is read."""


@dataclass(frozen=True, slots=True)
class Build:
    """The form that builds a search of a list."""

    fields: tuple[Field, ...]
    rest: str
    """What of the search at hand has no field; it stays."""
    numbers: tuple[str, ...]
    """Those of ours."""


def build(name: str, text: str, wanted: Search | None) -> Build:
    """The form for a list, filled in with a search, if it can be understood."""
    asked = wanted or Search()
    fields = [_field(name, BY_PART[part], asked) for part in _FIELDS[name]]
    said = {"text", *(field.part for field in fields if field.value)}
    fields.append(Field("text", "Words", "text", asked.text or ""))
    return Build(tuple(fields), _without(text, said) if wanted else "", own_numbers())


def built(name: str, given: Mapping[str, str]) -> str:
    """The search that a filled-in form asks for, as text, whether or not it can be understood."""
    words = {part: given.get(part, "").replace('"', " ").strip() for part in _FIELDS[name]}
    parts = [written(part, _value(part, word)) for part, word in words.items() if word]
    rest = _without(given.get("rest", ""), {part for part, word in words.items() if word})
    return " ".join(filter(None, (*parts, rest, given.get("text", "").strip())))


def own_numbers() -> tuple[str, ...]:
    """Our numbers, to be chosen from; none for those who mask."""
    return () if shown.masked() else tuple(sorted(held(current.engine()) or ()))


def _without(text: str, parts: set[str]) -> str:
    """A search as it was typed, without these parts."""
    kept = (piece for piece in pieces(text) if (piece.filter.part if piece.filter else "text") not in parts)
    return " ".join(piece.raw for piece in kept)


def _field(name: str, one: Filter, asked: Search) -> Field:
    value = getattr(asked, one.part)
    label = _LABELS.get(one.part, one.word.capitalize())
    if one.read is None:
        return Field(one.part, label, "day", _day(one.part, value))
    if one.number:
        return Field(one.part, label, "number", value or "")
    if not (one.flag or one.values):
        return Field(one.part, label, "text", value or "")
    if one.flag:
        return Field(one.part, label, "choice", "" if value is None else str(value).lower(), _FLAG)
    known = [word for word in one.values if _fits(name, one.part, word)]
    return Field(one.part, label, "choice", value if value in known else "", tuple((w, w) for w in known))


def _fits(name: str, part: str, word: str) -> bool:
    if part != "state" or name == "events":
        return True
    return (word in _OF_FAXES) is (name == "faxes")


def _day(part: str, when: datetime | None) -> str:
    """A midnight here as the day that the field says; empty for another time."""
    if when is None:
        return ""
    here = when.astimezone(times.zone())
    if here.time() != time():
        return ""
    return str(here.date() - timedelta(days=1) if part == "until" else here.date())


def _value(part: str, word: str) -> object:
    """What a field says, for the search language. A chosen day ends when the next one begins."""
    if BY_PART[part].flag:
        return word == "true"
    if part != "until":
        return word
    try:
        return date.fromisoformat(word) + timedelta(days=1)
    except (ValueError, OverflowError):
        return word
