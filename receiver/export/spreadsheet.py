"""Lists as CSV for spreadsheets: no cell is mistaken for a formula, a number or a date."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from receiver.vocabulary.fields import FIELDS, Sort
from receiver.vocabulary.linked import lines_of_json
from receiver.vocabulary.printable import printable_lines

Column = Sequence[Any]

_MARK = b"\xef\xbb\xbf".decode()


def csv_pieces(found: Iterable[Sequence[Column]], fields: Sequence[str], *, mark: bool) -> Iterator[str]:
    """Batches of rows, given as the values of each field, as pieces of text; the first has a heading.

    It works on a column at a time: most cells are empty or repeat, which is quicker to handle that way.
    """
    heading = (_MARK if mark else "") + ",".join(fields) + "\r\n"
    written = [_writer(name) for name in fields]
    for columns in found:
        cells = [write(column) for write, column in zip(written, columns, strict=True)]
        if len(cells) == 1:  # an empty line would not be a row
            cells = [[cell or '""' for cell in cells[0]]]
        yield heading + "\r\n".join([*map(",".join, zip(*cells, strict=True)), ""])
        heading = ""
    if heading:
        yield heading


def _writer(name: str) -> Callable[[Column], Iterable[str]]:
    field = FIELDS.get(name)
    if field is not None:
        return _CELLS.get(field.sort, _texts)
    return _amounts if name in _AMOUNTS else _values


# What a spreadsheet would take for a formula, a number or a date gets an apostrophe in front, as a person
# would type it, and so becomes text. A number keeps its + and a code its zeros.
_SIGNS = frozenset("=+-@\u2212")
_UNSEEN = "\u200c\u200d"
# A spreadsheet may split lines at a character other than the comma; then a cell begins after that one.
_LATER_START = re.compile(rf'([\n\t;|][\s"{_UNSEEN}]*)(?=[=+\-@\u2212\uff1d\uff0b\uff0d\uff20])')
_NUMBERLIKE = re.compile(r"[\d\s.,:/e%()$-]+", re.IGNORECASE)
_WORDS = re.compile(r"[A-Za-z][ -:<-{}~]*")
"""Printable ASCII that begins with a letter, without `;` and `|`: harmless, and most of what is written."""
_SPECIAL = re.compile(r'[,"\r\n]')


def _cell(value: str) -> str:
    """A text that no spreadsheet mistakes for anything else, as written between commas."""
    text = value if _WORDS.fullmatch(value) else _guarded(value)
    return '"' + text.replace('"', '""') + '"' if _SPECIAL.search(text) else text


def _guarded(value: str) -> str:
    if value[0] == "+" and value[1:].isdecimal():
        return "'" + value
    # Terminal control characters do not belong in a spreadsheet either, and some view a CSV in a terminal.
    text = printable_lines(value.replace("\r\n", "\n").replace("\r", "\n"))
    text = _LATER_START.sub(r"\1'", text)
    shown = text.lstrip().lstrip(_UNSEEN).lstrip()
    sign = unicodedata.normalize("NFKC", shown[:1]) in _SIGNS
    return "'" + text if sign or text[:1] == "\n" or _NUMBERLIKE.fullmatch(text) else text


def _texts(column: Column) -> Iterable[str]:
    if not any(column):
        return [""] * len(column)
    cells = {value: _cell(value) if value else "" for value in set(column)}
    return [cells[value] for value in column]


def _values(column: Column) -> Iterable[str]:
    """What is not a declared field: a text, a number, a flag, or a structure."""
    return [_whole_or(value) for value in column]


def _whole_or(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return _cell(_flat(value)) if value else ""


def _structures(column: Column) -> Iterable[str]:
    return [_cell(_flat(value)) if value else "" for value in column]


def _files(column: Column) -> Iterable[str]:
    """A file on each line, its type first: what the log keeps, also where the value was read from that."""
    return _texts([value if isinstance(value, str) else lines_of_json(value or ()) for value in column])


def _flat(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "; ".join(value)
    return value if isinstance(value, str) else json.dumps(value)


def _known(column: Column) -> Iterable[str]:
    """Our own words and times."""
    return ["" if value is None else value for value in column]


def _numbers(column: Column) -> Iterable[str]:
    return ["" if value is None else str(value) for value in column]


def _flags(column: Column) -> Iterable[str]:
    return ["true" if value else "false" for value in column]


def _amounts(column: Column) -> Iterable[str]:
    """Numbers to calculate with, unless the sign would begin a formula."""
    return ["" if value is None else f"'{value}" if value[:1] == "-" else value for value in column]


_AMOUNTS = frozenset({"cost"})
"""Amounts of calls and messages, which are no fields of events."""
_CELLS: dict[Sort, Callable[[Column], Iterable[str]]] = {
    **dict.fromkeys((Sort.OURS, Sort.TIME), _known),
    Sort.COUNT: _numbers,
    Sort.AMOUNT: _amounts,
    Sort.LINES: _structures,
    Sort.FILES: _files,
    Sort.FLAG: _flags,
}
"""Sorts that nobody outside can write freely, and those that are not text; all others are guarded."""
