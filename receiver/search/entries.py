"""What the index of words holds of an event: its words, and marks by which a search for words is narrowed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from receiver.providers.registry import DEFAULT, PROVIDERS
from receiver.search.came import params_json
from receiver.search.words import event_words, words

FINE, COARSE = 13, 18
"""How many low bits of an id a block of each size spans. PostgreSQL searches the words block by block."""


def mark(letter: str, end: str = "", type_: str = "") -> str:
    """A word that no text can hold, under which an event is found by something else than its text.

    The letter is `f` for the sender, `t` for the recipient, `v` for the provider, `a` for any event; with `p`
    in front, for events with problems only. An event has its marks with and without its type (see
    `type_code`), so that end and type are one word to look for. All lowercase, since SQLite's index ignores
    case.
    """
    return f"§{letter}{''.join(words(end))}" + (f"§{type_}" if type_ else "")


def type_code(kind: str, type_: str) -> str:
    return kind[0] + type_.rpartition(".")[2]


def marks(event: Any) -> list[str]:
    """All marks of an event."""
    code = type_code(event.kind, event.type)
    found = [mark("a", type_=code)]
    if event.provider != DEFAULT.name:  # of all others there are enough that they are found without
        found += (mark("v", event.provider), mark("v", event.provider, code))
    ends = [(letter, end) for letter, end in (("f", event.sender), ("t", event.recipient)) if end]
    for letter, end in ends:
        found += (mark(letter, end), mark(letter, end, code))
    if not event.problems:
        return [*found, "§p0"]
    return [*found, "§p1", mark("pa", type_=code), *(mark(f"p{letter}", end, code) for letter, end in ends)]


def indexed_words(event: Any) -> list[str]:
    """All words under which an event (an `Event`, or a row with its columns) is found."""
    return event_words(event.text, params_json(event), PROVIDERS[event.provider]) + marks(event)


def block_marks(event_id: int) -> tuple[str, str]:
    """Marks for the fine and the coarse block of ids that an event belongs to."""
    return f"§x{event_id >> FINE}", f"§y{event_id >> COARSE}"


def tsvector(found: Iterable[str]) -> str:
    """Words with their positions, as PostgreSQL writes them. No word holds a quote, backslash or space."""
    places: dict[str, list[str]] = {}
    for place, word in enumerate(found, start=1):
        places.setdefault(word, []).append(str(place))
    return " ".join(f"'{word}':{','.join(where[:255])}" for word, where in places.items())
