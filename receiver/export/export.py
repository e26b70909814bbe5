"""Exports: the log as CSV for spreadsheets and as JSON lines for programs, a stream of any size.

Rows go from the database to text without becoming objects, a batch at a time and each batch in a transaction
of its own: memory stays flat, and a reader who takes an hour keeps no hour-old snapshot alive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Dialect,
    Engine,
    Integer,
    String,
    cast,
    func,
    select,
    text,
    type_coerce,
)

from receiver.export.json_lines import document_lines, row_lines
from receiver.export.spreadsheet import csv_pieces
from receiver.models import CONTACT_OF_EVENT, EVENTS, Event
from receiver.search.conditions import NO_TEST
from receiver.search.events import COLUMN_OF, EventLog, event_json
from receiver.search.masking import mask_event
from receiver.search.query import Search
from receiver.search.span import END
from receiver.vocabulary.errors import OperatorError
from receiver.vocabulary.fields import FIELDS, KNOWN, Sort
from receiver.vocabulary.kinds import Kind
from receiver.vocabulary.linked import linked_json, read_lines

BATCH = 1000
"""Events in one transaction and in one piece of text, a few hundred kilobytes."""

_FROM_RAW = ("params", "raw")
"""What has to be read from the raw bytes again; by default an export holds everything else."""
ALL_FIELDS = tuple(FIELDS)


class Form(StrEnum):
    """How an export is written."""

    CSV = "csv"
    NDJSON = "ndjson"


class FieldError(OperatorError, ValueError):
    """There is no such field. The message names it and the known ones."""


def read_fields(words: str) -> tuple[str, ...]:
    """Field names from `id,sender,text`, in that order, each once."""
    names = tuple(dict.fromkeys(word.strip() for word in words.split(",") if word.strip()))
    known = (*ALL_FIELDS, *_FROM_RAW)
    for name in names:
        if name not in known:
            raise FieldError(f"fields: {name[:40]!r} is none of {', '.join(known)}")
    if not names:
        raise FieldError(f"fields: name at least one of {', '.join(known)}")
    return names


def export(
    engine: Engine,
    wanted: Search,
    form: Form,
    *,
    fields: Sequence[str] = ALL_FIELDS,
    limit: int | None = None,
    before: int | None = None,
    mask: bool = False,
    mark: bool = False,
) -> Iterator[str]:
    """The events, newest first, as pieces of text.

    JSON lines leave out the fields of other kinds, as the API does. `mark` begins a CSV with a byte order
    mark, without which Excel takes UTF-8 for the local code page.
    """
    if not mask and not any(name in _FROM_RAW for name in fields):
        asked = list(dict.fromkeys(("id", "kind", *fields)))
        rows = _rows(engine, wanted, asked, limit, before)
        if form is Form.NDJSON:
            return row_lines(rows, asked, {kind: _names(kind, fields) for kind in Kind})
        return csv_pieces(_columns(rows, asked, fields), fields, mark=mark)
    found = _documents(engine, wanted, fields, limit, before)
    if mask:
        found = ([mask_event(document) for document in batch] for batch in found)
    if form is Form.NDJSON:
        return document_lines(found)
    columns = ([[document.get(name) for document in batch] for name in fields] for batch in found)
    return csv_pieces(columns, fields, mark=mark)


def _documents(
    engine: Engine, wanted: Search, fields: Sequence[str], limit: int | None, before: int | None
) -> Iterator[list[dict[str, Any]]]:
    """What the API shows of each event, a batch at a time."""
    if any(name in _FROM_RAW for name in fields):
        for events in _whole(engine, wanted, limit, before):
            shown = (event_json(event, raw="raw" in fields) for event in events)
            yield [{name: one[name] for name in fields if name in one} for one in shown]
        return
    asked = list(dict.fromkeys(("id", "kind", *fields)))
    pick = {kind: _picker(asked, _names(kind, fields)) for kind in Kind}
    kind_at = asked.index("kind")
    for rows in _rows(engine, wanted, asked, limit, before):
        yield [pick[row[kind_at]](row) for row in rows]


def _whole(
    engine: Engine, wanted: Search, limit: int | None, before: int | None
) -> Iterator[Sequence[Event]]:
    """Batches of whole events, newest first."""
    log, left, following = EventLog(engine), limit, before
    while left is None or left > 0:
        page = log.find(wanted, before=following, limit=BATCH if left is None else min(left, BATCH))
        yield page.events
        if page.next is None:
            return
        following, left = page.next, None if left is None else left - len(page.events)


def _columns(
    found: Iterator[Sequence[Sequence[Any]]], asked: Sequence[str], fields: Sequence[str]
) -> Iterator[Sequence[Sequence[Any]]]:
    """The values of each field, a batch at a time."""
    places = [asked.index(name) for name in fields]
    for rows in found:
        columns = list(zip(*rows, strict=True))
        yield [columns[place] for place in places]


def _rows(
    engine: Engine, wanted: Search, names: Sequence[str], limit: int | None, before: int | None
) -> Iterator[Sequence[Sequence[Any]]]:
    """Batches of rows, newest first; the first name is `id`."""
    columns = [_shown(name, engine.dialect).label(f"{name}_{at}") for at, name in enumerate(names)]
    query = select(*columns).order_by(Event.id.desc())
    log, left = EventLog(engine), limit
    while left is None or left > 0:
        size = BATCH if left is None else min(left, BATCH)
        # Without filters, nothing has to be found first.
        ids = None if wanted.everything else log.ids(wanted, before=before, limit=size)
        page = (
            query.where(Event.id < (before or END), text(NO_TEST)).limit(size)
            if ids is None
            else query.where(Event.id.in_(ids))
        )
        with engine.connect() as connection:
            rows = connection.execute(page).all()
        if rows:
            yield rows
        read = [row[0] for row in rows] if ids is None else ids
        if len(read) < size:
            return
        before = read[-1]
        left = None if left is None else left - size


def _names(kind: str, fields: Sequence[str]) -> list[str]:
    """Those of the fields that an event of this kind has."""
    return [name for name in fields if FIELDS[name].belongs_to(kind)]


def _picker(asked: Sequence[str], names: Sequence[str]) -> Callable[[Sequence[Any]], dict[str, Any]]:
    """A function from a row to the document of its kind; fast, since every row passes through it."""
    places = [asked.index(name) for name in names]
    # With less than two places itemgetter returns no tuple.
    get: Callable[[Sequence[Any]], Sequence[Any]]
    get = itemgetter(*places) if len(places) > 1 else lambda row: [row[place] for place in places]
    lists = [name for name in names if FIELDS[name].sort is Sort.LINES]
    files = [name for name in names if FIELDS[name].sort is Sort.FILES]
    flags = [name for name in names if FIELDS[name].sort is Sort.FLAG]

    def document(row: Sequence[Any]) -> dict[str, Any]:
        made = dict(zip(names, get(row), strict=True))
        for name in flags:
            made[name] = bool(made[name])
        for name in lists:
            made[name] = made[name].split("\n") if made[name] else []
        for name in files:
            made[name] = linked_json(read_lines(made[name]))
        return made

    return document


# Columns as the text or number that is shown, made by the database: converting them with the session's own
# types would cost as much again as all the rest.


def _plain(column: Column[Any], _: Dialect) -> ColumnElement[Any]:
    return column


def _time(column: Column[Any], dialect: Dialect) -> ColumnElement[Any]:
    if dialect.name == "sqlite":
        kept = func.replace(type_coerce(column, String), " ", "T", type_=String)
        # SQLite keeps no fraction for a time on the full second.
        return func.substr(kept + ".000", 1, 23, type_=String) + "Z"
    return func.to_char(func.timezone("UTC", column), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"', type_=String)


def _amount(column: Column[Any], dialect: Dialect) -> ColumnElement[Any]:
    return type_coerce(column, String) if dialect.name == "sqlite" else cast(column, String)


def _lines(column: Column[Any], _: Dialect) -> ColumnElement[Any]:
    return type_coerce(column, String)


def _flag(column: Column[Any], _: Dialect) -> ColumnElement[Any]:
    # With its own type, every row would be converted to a bool.
    return type_coerce(column.is_not(None), Integer)


_SHOWN = {Sort.TIME: _time, Sort.AMOUNT: _amount, Sort.LINES: _lines, Sort.FILES: _lines, Sort.FLAG: _flag}


def _shown(name: str, dialect: Dialect) -> ColumnElement[Any]:
    if name in KNOWN:
        return CONTACT_OF_EVENT
    return _SHOWN.get(FIELDS[name].sort, _plain)(EVENTS.c[COLUMN_OF.get(name, name)], dialect)
