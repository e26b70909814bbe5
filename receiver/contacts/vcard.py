"""Reading vCards of versions 2.1, 3.0 and 4.0, as telephones and address books write them. Pure.

A line or a card that cannot be read costs nothing but itself.
"""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_LINE = re.compile(
    r'(?:[\w-]+\.)?(?P<name>[\w-]+)(?P<parameters>(?:;(?:"[^"]*"|[^":])*)?):(?P<value>.*)', re.DOTALL
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_PARTS = re.compile(r"(?<!\\);")


@dataclass(slots=True)
class Card:
    """One person or firm: which line its card begins in, its name, and its numbers as they are written."""

    line: int
    name: str = ""
    numbers: list[tuple[int, str]] = field(default_factory=list)
    """Each with its line."""


def cards(text: str) -> Iterator[Card]:
    """The cards of a file."""
    card: Card | None = None
    names: dict[str, str] = {}
    for at, line in _lines(text):
        found = _LINE.fullmatch(line)
        if found is None:
            continue
        name, value = found["name"].upper(), found["value"]
        if name in {"BEGIN", "END"} and value.strip().upper() == "VCARD":
            if card is not None:  # also one that lacks its end
                yield _whole(card, names)
            card, names = (Card(at), {}) if name == "BEGIN" else (None, {})
        elif card is not None and name == "TEL":
            card.numbers.append((at, _decoded(found["parameters"], value)))
        elif card is not None and name in _NAMES:
            names.setdefault(name, _decoded(found["parameters"], value))
    if card is not None:
        yield _whole(card, names)


_NAMES = ("FN", "N", "NICKNAME", "ORG")
"""Where the name of a card stands, the best first."""


def _whole(card: Card, names: dict[str, str]) -> Card:
    told = (_plain(name, names[name]) for name in _NAMES if name in names)
    card.name = next((name for name in told if name), "")
    return card


def _plain(name: str, value: str) -> str:
    """A value as people write it: `Tan;Anna;;Dr;` is Dr Anna Tan."""
    parts = [_ESCAPED.sub(_letter, part).strip() for part in _PARTS.split(value)]
    if name == "N":
        parts += [""] * (5 - len(parts))
        parts = [parts[place] for place in (3, 1, 2, 0, 4)]
    return " ".join(part for part in parts if part)


def _letter(found: re.Match[str]) -> str:
    return " " if found[1] in "nN" else found[1]


def _decoded(parameters: str, value: str) -> str:
    if "QUOTED-PRINTABLE" not in parameters.upper():
        return value
    octets = quopri.decodestring(value.encode("utf-8", "replace"))
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("cp1252", "replace")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Each whole line with its number: a line that begins with a space goes on from the one before, and so
    does one after a `=` at the end, where that is how its value is written."""
    whole, begun = "", 0
    for at, line in enumerate(re.split(r"\r\n|\n|\r", text), 1):
        if line[:1] in {" ", "\t"} and whole:
            whole += line[1:]
        elif whole.endswith("=") and "QUOTED-PRINTABLE" in whole.partition(":")[0].upper():
            whole = whole[:-1] + line
        else:
            if whole:
                yield begun, whole
            whole, begun = line, at
    if whole:
        yield begun, whole
