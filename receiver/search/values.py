"""What the parts of a search may be, read from words that a person typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from receiver.search.mistakes import Mistakes, SearchError, unknown
from receiver.search.words import SHORTEST_PREFIX, TERM, Phrase, phrases, words
from receiver.vocabulary.limits import LONGEST_FIELD
from receiver.vocabulary.telephone import spelled

LONGEST_SEARCH = 1000
"""Characters of a search; nobody types more, and each word costs time."""
MOST_PHRASES = 16


Reader = Callable[[str, str], Any]
"""Reads the value of the filter with this name from a word; `SearchError` if the word makes no sense."""


def read_plain(_: str, word: str) -> str:
    """Text as it is."""
    return word.strip().replace('"', "")[:LONGEST_FIELD]


def read_number(_: str, word: str) -> str:
    """A number as the log has it. A shell or a URL makes a space of its +."""
    return spelled(read_plain("", word))


class OneOf:
    """One of some words, in any case. On a command line `no-answer` needs no quotes."""

    def __init__(self, known: Iterable[str]) -> None:
        self.known = {str(one): one for one in known}

    def __call__(self, name: str, word: str) -> str:
        asked = word.strip().lower()
        found = self.known.get(asked) or self.known.get(asked.replace("-", " "))
        if found is None:
            raise unknown(name, word, self.known)
        return found


def read_flag(name: str, word: str) -> bool:
    """Whether it is asked for, or what is without it."""
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if word.strip().lower() not in known:
        raise SearchError(f"{name}: must be true or false")
    return known[word.strip().lower()]


def read_text(name: str, word: str) -> str:
    """Its words, written so that `parse` can read them again. What contains no word is left out."""
    if len(word) > LONGEST_SEARCH:
        raise SearchError(f"{name}: longer than {LONGEST_SEARCH} characters; shorten it")
    mistakes = Mistakes()
    for term in TERM.finditer(word):
        with mistakes.noted():
            _require_no_operator(name, term["bare"] or "")
    found = phrases(word)
    with mistakes.noted():
        if not found:
            raise SearchError(f"{name}: {word[:40]!r} contains no letter, digit or symbol to search for")
        if len(found) > MOST_PHRASES:
            raise SearchError(f"{name}: more than {MOST_PHRASES} words or phrases; use fewer")
    with mistakes.noted():
        if any(phrase.prefix and len(phrase.words[-1]) < SHORTEST_PREFIX for phrase in found):
            raise SearchError(f"{name}: at least {SHORTEST_PREFIX} characters are needed before *")
    mistakes.tell()
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
