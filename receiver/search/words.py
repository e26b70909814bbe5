"""How full-text search cuts a text into words, the same on every database and in every script.

Both databases get words that were cut and folded here, so their own ideas of a language, a letter or an emoji
do not decide what is found. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from receiver.providers.base import Provider
from receiver.vocabulary.folded import folded
from receiver.vocabulary.notification import Params

INDEX_VERSION = 3
"""Raise it when the same event would give other words: the index is then rebuilt."""

LONGEST_WORD = 80
"""Characters; the rest of a longer word is ignored, in texts and in searches."""
MOST_WORDS = 12_000
"""Words kept of one event; PostgreSQL counts positions up to 16,383."""
MOST_BYTES = 900_000
"""Bytes of those words; PostgreSQL keeps at most 1 MB for a row."""
SURELY_FIT = MOST_BYTES // (4 * LONGEST_WORD + 4)
"""This many words fit, however long they are."""
SHORTEST_PREFIX = 3

# Scripts without spaces between words: each character is a word, and several in a row are a phrase.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_UNSPACED_CHAR = re.compile(f"[{_UNSPACED}]")


def words(text: str) -> list[str]:
    """The words of a text, without case, accents and width; letters and digits in a row are one word.

    An emoji or another symbol is a word by itself, as is each character of a script without spaces.
    """
    if text.isascii():
        return [word[:LONGEST_WORD] for word in _ASCII_WORD.findall(text.lower())]
    found: list[str] = []
    current: list[str] = []
    for char in folded(text):
        sort = _sort(char)
        if sort == "letter":
            current.append(char)
            continue
        if current:
            found.append("".join(current)[:LONGEST_WORD])
            current.clear()
        if sort == "alone":
            found.append(char)
    if current:
        found.append("".join(current)[:LONGEST_WORD])
    return found


@lru_cache(4096)
def _sort(char: str) -> str:
    category = unicodedata.category(char)
    if category[0] in "LN" and _UNSPACED_CHAR.match(char):
        return "alone"
    if category in {"So", "Sk"} and not char.isascii():
        return "alone"
    # A variation selector only picks a picture, and would make two words of one emoji.
    selector = 0xFE00 <= ord(char) <= 0xFE0F
    return "letter" if category[0] in "LNM" and not selector else ""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words in a row; with `prefix` the last one may be longer."""

    words: tuple[str, ...]
    asked: str
    """As it was typed."""
    prefix: bool = False


TERM = re.compile(r'"(?P<row>[^"]*)"?(?P<more>\*?)|(?P<bare>\S+)')
"""What is asked for at once: words in quotes, or one that stands without."""


def phrases(text: str) -> list[Phrase]:
    """What a person asks for: words, "a phrase", and prefi* for what begins with it.

    What contains no word (a dash, say) is left out.
    """
    found = []
    for match in TERM.finditer(text):
        bare = match["bare"]
        prefix = match["more"] == "*" if bare is None else bare.endswith("*")
        asked = match["row"] if bare is None else bare.removesuffix("*").replace('"', " ")
        if row := words(asked):
            found.append(Phrase(tuple(row), " ".join(asked.split()), prefix))
    return found


def event_words(text: str | None, params: Params, provider: Provider) -> list[str]:
    """The words an event is found by: its text, then its parameters as they came.

    A documented parameter gives its value; any other its name too, so that `app_state=menu` is found. Times
    and amounts are left out: as words they say nothing and stand everywhere.
    """
    found = words(text) if text else []
    for name, value in params.items():
        field = provider.parameters.get(name)
        if name in provider.measures or (field == "text" and text is not None):
            continue
        if field is None:
            found += words(name)
        for one in value if isinstance(value, list) else [value]:
            found += words(one)
    return found[:MOST_WORDS] if len(found) <= SURELY_FIT else _fitting(found[:MOST_WORDS])


def _fitting(found: list[str]) -> list[str]:
    room = MOST_BYTES
    for place, word in enumerate(found):
        room -= len(word.encode()) + 4  # and its position
        if room < 0:
            return found[:place]
    return found
