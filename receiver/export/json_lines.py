"""Events as JSON lines for programs, as safe to look at as they are to pipe."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import Any

from receiver.vocabulary.fields import FIELDS, Sort
from receiver.vocabulary.json_text import json_string, json_text
from receiver.vocabulary.linked import linked_json, read_lines

Column = Sequence[Any]
Row = Sequence[Any]


def document_lines(found: Iterable[Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    """Batches of documents as pieces of text, one document a line."""
    for batch in found:
        yield "".join([f"{json_text(document, compact=True)}\n" for document in batch])


def row_lines(
    found: Iterable[Sequence[Row]], asked: Sequence[str], shown: dict[str, Sequence[str]]
) -> Iterator[str]:
    """The same lines from rows of the fields `asked`, of which each kind shows some.

    It works on a column of one kind at a time: the column decides how its values become JSON.
    """
    kind_at = asked.index("kind")
    lines_of = {kind: _lines_of(asked, names) for kind, names in shown.items()}
    for rows in found:
        of_kinds: dict[str, list[Row]] = {kind: [] for kind in shown}
        for row in rows:
            of_kinds[row[kind_at]].append(row)
        lines = {kind: lines_of[kind](same) for kind, same in of_kinds.items() if same}
        yield "".join([next(lines[row[kind_at]]) for row in rows])


def _lines_of(asked: Sequence[str], names: Sequence[str]) -> Callable[[Sequence[Row]], Iterator[str]]:
    fields = [(asked.index(name), _VALUES.get(FIELDS[name].sort, _texts)) for name in names]
    starts = [repeat(f'{"," if at else ""}"{name}":') for at, name in enumerate(names)]

    def lines(rows: Sequence[Row]) -> Iterator[str]:
        columns = list(zip(*rows, strict=True))
        values = [write(columns[place]) for place, write in fields]
        parts = chain.from_iterable(zip(starts, values, strict=True))
        return map("".join, zip(repeat("{"), *parts, repeat("}\n"), strict=False))

    return lines


def _texts(column: Column) -> Iterable[str]:
    return ["null" if value is None else json_string(value) for value in column]


def _numbers(column: Column) -> Iterable[str]:
    return ["null" if value is None else str(value) for value in column]


def _flags(column: Column) -> Iterable[str]:
    return ["true" if value else "false" for value in column]


def _lists(column: Column) -> Iterable[str]:
    return [json_text(value.split("\n"), compact=True) if value else "[]" for value in column]


def _files(column: Column) -> Iterable[str]:
    return [json_text(linked_json(read_lines(value)), compact=True) for value in column]


_VALUES: dict[Sort, Callable[[Column], Iterable[str]]] = {
    Sort.COUNT: _numbers,
    Sort.FLAG: _flags,
    Sort.LINES: _lists,
    Sort.FILES: _files,
}
"""How the values of each sort are written; all others are texts."""
