"""Reading contacts from CSV: our own, and what the address books of Google and Outlook write. Pure."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from receiver.contacts.entry import ContactError

_WHOLE = ("name", "full name", "display name", "file as", "contact", "contact name")
_PIECES = (
    ("first name", "given name", "forename"),
    ("middle name", "additional name"),
    ("last name", "family name", "surname"),
)
_FIRM = (
    "organization name",
    "organization 1 - name",
    "organization",
    "organisation",
    "company",
    "company name",
)
_NUMBERS = re.compile(
    r"\b(phone|telephone|tel|mobile|cell|handphone|fax|pager)\b|^numbers?$|^phone ?numbers?$"
)
_NO_NUMBERS = re.compile(r"\b(type|label|extension|ext|country|code|provider|assistant|company main)\b")
_SEVERAL = re.compile(r" ::: |\n")
"""What Google puts between several numbers in one cell."""


@dataclass(frozen=True, slots=True)
class Line:
    """What a row says, and in which line of the file it begins."""

    line: int
    name: str
    numbers: Sequence[str]


def rows(text: str) -> Iterator[Line]:
    """The rows below the heading; `ContactError` if that names no column of names, or none of numbers."""
    lines = text.splitlines(keepends=True)
    heading = next((line for line in lines if line.strip()), "")
    reader = csv.reader(lines, delimiter=max(",;\t", key=heading.count))
    columns: _Columns | None = None
    begun = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                if columns is None:
                    columns = _Columns.of(cells)
                else:
                    yield Line(begun, columns.name(cells), columns.numbers(cells))
            begun = reader.line_num + 1
    except csv.Error as error:
        raise ContactError(f"line {reader.line_num}: this is no CSV ({error})") from None
    if columns is None:
        raise ContactError("the file is empty")


@dataclass(frozen=True, slots=True)
class _Columns:
    """Which columns hold what."""

    whole: list[int]
    pieces: list[list[int]]
    firm: list[int]
    telephones: list[int]

    @classmethod
    def of(cls, cells: Sequence[str]) -> _Columns:
        heading = [" ".join(cell.replace("_", " ").lower().split()) for cell in cells]
        found = cls(
            _places(heading, _WHOLE),
            [_places(heading, names) for names in _PIECES],
            _places(heading, _FIRM),
            [at for at, name in enumerate(heading) if _NUMBERS.search(name) and not _NO_NUMBERS.search(name)],
        )
        if not found.telephones or not (found.whole or any(found.pieces) or found.firm):
            raise ContactError(
                "the first line has to name the columns, such as `name` and `number`: it names none of "
                + ("names" if found.telephones else "numbers")
            )
        return found

    def name(self, cells: Sequence[str]) -> str:
        """The whole name; else its pieces put together; else the firm's."""
        pieces = [_first(cells, places) for places in self.pieces]
        together = " ".join(piece for piece in pieces if piece)
        return _first(cells, self.whole) or together or _first(cells, self.firm)

    def numbers(self, cells: Sequence[str]) -> list[str]:
        """All numbers of a row, as they are written."""
        written = [one for at in self.telephones if at < len(cells) for one in _SEVERAL.split(cells[at])]
        return [one.strip() for one in written if one.strip()]


def _places(heading: Sequence[str], names: Sequence[str]) -> list[int]:
    return [heading.index(name) for name in names if name in heading]


def _first(cells: Sequence[str], places: Sequence[int]) -> str:
    return next((cell for at in places if at < len(cells) and (cell := cells[at].strip())), "")
