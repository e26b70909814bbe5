"""What the parts of a search may be, read from words that a person typed."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Any, TypeVar

from receiver.providers.registry import PROVIDERS
from receiver.search.words import SHORTEST_PREFIX, TERM, Phrase, phrases, words
from receiver.vocabulary.errors import OperatorError
from receiver.vocabulary.kinds import CallOutcome, EventState, EventType, Kind
from receiver.vocabulary.limits import LONGEST_FIELD
from receiver.vocabulary.telephone import spelled

LONGEST_SEARCH = 1000
"""Characters of a search; nobody types more, and each word costs time."""
MOST_PHRASES = 16


class SearchError(OperatorError, ValueError):
    """A search that cannot be understood. The message names the part and says what can be."""


def _plain(_: str, word: str) -> str:
    return word.strip().replace('"', "")[:LONGEST_FIELD]


def _phone(_: str, word: str) -> str:
    """A number as the log has it. A shell or a URL makes a space of its +."""
    return spelled(_plain("", word))


def _choice(choices: type[_Choice], name: str, word: str) -> _Choice:
    try:
        return choices(word.strip().lower())
    except ValueError:
        raise SearchError(f"{name}: {word[:40]!r} is unknown; use one of {', '.join(choices)}") from None


_Choice = TypeVar("_Choice", bound=StrEnum)


def _outcome(name: str, word: str) -> CallOutcome:
    """On a command line `no-answer` needs no quotes."""
    return _choice(CallOutcome, name, word.replace("-", " "))


def _flag(name: str, word: str) -> bool:
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if word.strip().lower() not in known:
        raise SearchError(f"{name}: must be true or false")
    return known[word.strip().lower()]


def _text(name: str, word: str) -> str:
    """Its words, written so that `parse` can read them again. What contains no word is left out."""
    if len(word) > LONGEST_SEARCH:
        raise SearchError(f"{name}: longer than {LONGEST_SEARCH} characters; shorten it")
    for term in TERM.finditer(word):
        _require_no_operator(name, term["bare"] or "")
    found = phrases(word)
    if not found:
        raise SearchError(f"{name}: {word[:40]!r} contains no letter, digit or symbol to search for")
    if len(found) > MOST_PHRASES:
        raise SearchError(f"{name}: more than {MOST_PHRASES} words or phrases; use fewer")
    for phrase in found:
        if phrase.prefix and len(phrase.words[-1]) < SHORTEST_PREFIX:
            raise SearchError(f"{name}: at least {SHORTEST_PREFIX} characters are needed before *")
    return " ".join(_written(phrase) for phrase in found)


_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2212"
_OPERATORS = frozenset({"NOT", "AND", "OR"})


def _require_no_operator(name: str, bare: str) -> None:
    """Elsewhere these mean *not*, *and*, *or*; taken for words they find the opposite of what is meant, or
    nothing. We do not offer them: to leave out a word of many events means to read all of these.
    """
    if bare.startswith(tuple(_DASHES)) and words(bare):
        raise SearchError(
            f"{name}: a dash cannot leave words out of a search; to look for {bare[:40]!r} itself, put it in "
            "double quotes"
        )
    if bare in _OPERATORS:
        raise SearchError(
            f"{name}: {bare} is no operator here, every word has to be there; to look for the word, write it "
            "in small letters or in double quotes"
        )


def _written(phrase: Phrase) -> str:
    asked = phrase.asked
    bare = re.fullmatch(rf'(?![{_DASHES}])[^\s"]*[^\s"*]', asked) and not (
        re.match(r"[A-Za-z_]+:(?!//)", asked) or asked in _OPERATORS
    )
    return (asked if bare else f'"{asked}"') + ("*" if phrase.prefix else "")


_AGO = re.compile(r"([0-9]{1,6})(s|m|h|d|w)", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", re.ASCII)


def read_time(name: str, word: str, now: datetime, zone: tzinfo = UTC) -> datetime:
    """A time in UTC, from any ISO form, an age (90m), or a time of day (10:15), which means the last one."""
    try:
        if ago := _AGO.fullmatch(word):
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        if clock := _CLOCK.fullmatch(word):
            here = now.astimezone(zone)
            today = here.replace(hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0)
            # On the wall, where a day may have 25 hours, and an hour may come twice.
            days = (today - timedelta(days=back) for back in (0, 1))
            times = [day.replace(fold=fold).astimezone(UTC) for day in days for fold in (0, 1)]
            return max(when for when in times if when <= now)
        # In a query string the + of a zone arrives as a space.
        when = datetime.fromisoformat(re.sub(r"(T\S+|\d\d:\d\d\S*) (\d\d(:?\d\d)?)$", r"\1+\2", word.upper()))
        return (when if when.tzinfo else when.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise SearchError(
            f"{name}: {word[:40]!r} is not a time; write 2026-01-31T10:00:00+08:00, 10:15 for the last time "
            "it was 10:15, or an age such as 90m, 2h or 7d"
        ) from None


def _provider(name: str, word: str) -> str:
    plain = word.strip().lower()
    if plain not in PROVIDERS:
        raise SearchError(f"{name}: {word[:40]!r} is unknown; use one of {', '.join(PROVIDERS)}")
    return plain


_READERS: dict[str, Callable[[str, str], Any]] = {
    "provider": _provider,
    "kind": lambda name, word: _choice(Kind, name, word),
    "type": lambda name, word: _choice(EventType, name, word),
    "state": lambda name, word: _choice(EventState, name, word),
    "outcome": _outcome,
    "sender": _phone,
    "recipient": _phone,
    "number": _phone,
    "quarantined": _flag,
    "problems": _flag,
    "text": _text,
}


def read_value(name: str, word: str) -> Any:
    """The value of this part of a search, unless it is a time; `SearchError` if the word makes no sense."""
    return _READERS.get(name, _plain)(name, word)
