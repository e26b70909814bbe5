"""A file of contacts, CSV or vCard, as entries and what is wrong with the others. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from receiver.contacts import table, vcard
from receiver.contacts.entry import ContactError, Entry, name_of, number_of

LARGEST_FILE = 64 << 20
"""Bytes. Telephones put pictures into vCards."""
MOST_PROBLEMS = 1_000
"""What is reported line by line; of more, a person wants another file."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What could not be read, in which line, and why."""

    line: int
    reason: str


@dataclass(slots=True)
class Read:
    """What a file holds."""

    entries: list[Entry] = field(default_factory=list)
    without_number: int = 0
    """Rows or cards that name nobody's telephone: nothing is wrong with them."""
    problems: list[Problem] = field(default_factory=list)


def read(content: bytes, home: str | None) -> Read:
    """The entries of a file; `ContactError` if it cannot be read at all."""
    if len(content) > LARGEST_FILE:
        raise ContactError(f"the file is larger than {LARGEST_FILE >> 20} MB")
    text = _decoded(content)
    is_card = text.lstrip()[:20].upper().startswith("BEGIN:VCARD")
    found = Read()
    lines: dict[str, tuple[int, str]] = {}
    for line, name, numbers in _cards(text) if is_card else _rows(text):
        if not numbers:
            found.without_number += 1
        for at, written in numbers:
            try:
                number = number_of(written, home)
                entry = Entry(number, name_of(name))
            except ContactError as error:
                _report(found, at or line, str(error))
                continue
            if number not in lines:
                lines[number] = (at or line, entry.name)
                found.entries.append(entry)
            elif (before := lines[number])[1] != entry.name:
                _report(found, at or line, f"this number has another name already, in line {before[0]}")
    return found


def _report(found: Read, line: int, reason: str) -> None:
    if len(found.problems) >= MOST_PROBLEMS:
        raise ContactError(
            f"more than {MOST_PROBLEMS:,} lines cannot be read, so nothing was done; the first is line"
            f" {found.problems[0].line}: {found.problems[0].reason}"
        )
    found.problems.append(Problem(line, reason))


_Found = Iterator[tuple[int, str, list[tuple[int, str]]]]


def _rows(text: str) -> _Found:
    for row in table.rows(text):
        yield row.line, row.name, [(0, number) for number in row.numbers]


def _cards(text: str) -> _Found:
    for card in vcard.cards(text):
        yield card.line, card.name, card.numbers


def _decoded(content: bytes) -> str:
    """Spreadsheets write UTF-8 with and without a mark, UTF-16, or the code page of Windows."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace").lstrip("\ufeff")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")
