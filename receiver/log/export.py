"""Exports: the log as CSV for spreadsheets and as JSON lines for programs, a stream of any size.

Rows go from the database to text without becoming objects, a batch at a time and each batch in a transaction
of its own: memory stays flat, and a reader who takes an hour keeps no hour-old snapshot alive.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from json.encoder import encode_basestring_ascii
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Dialect, Engine, String, cast, func, select, type_coerce

from receiver.log.find import _KIND_FIELDS as KIND_FIELDS
from receiver.log.find import EventLog, event_json
from receiver.log.mask import mask_event
from receiver.log.plain import printable_lines
from receiver.log.search import Search
from receiver.log.select import END
from receiver.models import Event

BATCH = 1000
"""Events in one transaction and in one piece of text, a few hundred kilobytes."""

_SHARED = (
    *("id", "received_at", "occurred_at", "kind", "type", "sender", "recipient", "text", "txn_ref"),
    *("session", "signature", "quarantined", "quarantine_reason", "repeats", "problems", "currency"),
    *("debit", "tag"),
)
_OF_KINDS = tuple(dict.fromkeys(name for names in KIND_FIELDS.values() for name in names))
FIELDS = (*_SHARED, *_OF_KINDS)
"""What an export holds unless told otherwise: everything but what has to be read from the raw bytes again."""
_FROM_RAW = ("params", "raw")
_MARK = b"\xef\xbb\xbf".decode()


class Form(StrEnum):
    """How an export is written."""

    CSV = "csv"
    NDJSON = "ndjson"


class FieldError(ValueError):
    """There is no such field. The message names it and those there are."""


def read_fields(words: str) -> tuple[str, ...]:
    """Field names from `id,sender,text`, in that order, each once."""
    names = tuple(dict.fromkeys(word.strip() for word in words.split(",") if word.strip()))
    known = (*FIELDS, *_FROM_RAW)
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
    fields: Sequence[str] = FIELDS,
    limit: int | None = None,
    before: int | None = None,
    mask: bool = False,
    mark: bool = False,
) -> Iterator[str]:
    """The events, newest first, as pieces of text.

    JSON lines leave out the fields of other kinds, as the API does. `mark` begins a CSV with a byte order
    mark, without which Excel takes UTF-8 for the local code page.
    """
    if form is Form.CSV and not mask and not any(name in _FROM_RAW for name in fields):
        return _csv(_columns(engine, wanted, fields, limit, before), fields, mark)
    if form is Form.NDJSON and not mask and not any(name in _FROM_RAW for name in fields):
        return _lines(engine, wanted, fields, limit, before)
    found = _documents(engine, wanted, fields, limit, before)
    if mask:
        found = ([mask_event(document) for document in batch] for batch in found)
    if form is Form.NDJSON:
        return _ndjson(found)
    columns = ([[document.get(name) for document in batch] for name in fields] for batch in found)
    return _csv(columns, fields, mark)


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
    pick = {kind: _picker(asked, [name for name in fields if _has(kind, name)]) for kind in KIND_FIELDS}
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
        following, left = page.next, None if left is None else left - BATCH


def _columns(
    engine: Engine, wanted: Search, fields: Sequence[str], limit: int | None, before: int | None
) -> Iterator[Sequence[Sequence[Any]]]:
    """The values of each field, a batch at a time."""
    for rows in _rows(engine, wanted, ["id", *fields], limit, before):
        yield list(zip(*rows, strict=True))[1:]


def _rows(
    engine: Engine, wanted: Search, names: Sequence[str], limit: int | None, before: int | None
) -> Iterator[Sequence[Sequence[Any]]]:
    """Batches of rows, newest first; the first name is `id`."""
    columns = [_COLUMNS[name](engine.dialect).label(f"{name}_{at}") for at, name in enumerate(names)]
    query = select(*columns).order_by(Event.id.desc())
    log, left = EventLog(engine), limit
    while left is None or left > 0:
        size = BATCH if left is None else min(left, BATCH)
        # Where everything is wanted, nothing has to be found first.
        ids = None if wanted.open else log.ids(wanted, before=before, limit=size)
        page = (
            query.where(Event.id < (before or END)).limit(size)
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


def _has(kind: str, name: str) -> bool:
    return name in _SHARED or name in KIND_FIELDS[kind]


def _picker(asked: Sequence[str], names: Sequence[str]) -> Callable[[Sequence[Any]], dict[str, Any]]:
    """From a row to the document of its kind; a few microseconds, since an export is made of these."""
    places = [asked.index(name) for name in names]
    if len(places) == 1:  # itemgetter then gives no tuple
        return lambda row: {names[0]: row[places[0]]}
    get = itemgetter(*places)
    lists = [name for name in names if name in {"problems"}]
    flags = [name for name in names if name in {"quarantined"}]

    def document(row: Sequence[Any]) -> dict[str, Any]:
        made = dict(zip(names, get(row), strict=True))
        for name in flags:
            made[name] = bool(made[name])
        for name in lists:
            made[name] = made[name].split("\n") if made[name] else []
        return made

    return document


# Columns as the text or number that is shown, made by the database: the session's own types would cost as
# much again as all the rest.


def _plain(name: str) -> Callable[[Dialect], ColumnElement[Any]]:
    return lambda _: getattr(Event.__table__.c, name)


def _time(name: str) -> Callable[[Dialect], ColumnElement[Any]]:
    column = Event.__table__.c[name]

    def shown(dialect: Dialect) -> ColumnElement[Any]:
        if dialect.name == "sqlite":
            kept = type_coerce(column, String)
            day, clock = func.substr(kept, 1, 10, type_=String), func.substr(kept, 12, type_=String)
            # A time on the second has no fraction there.
            return day + "T" + func.substr(clock + ".000", 1, 12, type_=String) + "Z"
        return func.to_char(func.timezone("UTC", column), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"', type_=String)

    return shown


def _amount(name: str) -> Callable[[Dialect], ColumnElement[Any]]:
    column = Event.__table__.c[name]
    return lambda dialect: type_coerce(column, String) if dialect.name == "sqlite" else cast(column, String)


_COLUMNS: dict[str, Callable[[Dialect], ColumnElement[Any]]] = {
    **{name: _plain(name) for name in FIELDS if name in Event.__table__.c},
    **{name: _time(name) for name in ("received_at", "occurred_at")},
    **{name: _amount(name) for name in ("rate", "debit")},
    "problems": lambda _: type_coerce(Event.__table__.c.problems, String),
    "quarantined": lambda _: Event.__table__.c.quarantine.is_not(None),
    "quarantine_reason": lambda _: Event.__table__.c.quarantine,
}


def _ndjson(found: Iterator[list[dict[str, Any]]]) -> Iterator[str]:
    """One document a line. ASCII only, so that it is as safe to look at as it is to pipe."""
    encode = json.JSONEncoder(check_circular=False, separators=(",", ":")).encode
    for batch in found:
        yield "".join([f"{encode(document)}\n" for document in batch])


def _lines(
    engine: Engine, wanted: Search, fields: Sequence[str], limit: int | None, before: int | None
) -> Iterator[str]:
    """The same lines, a column at a time: each value becomes JSON by what its column holds."""
    asked = list(dict.fromkeys(("id", "kind", *fields)))
    forms, places = {}, {}
    for kind in KIND_FIELDS:
        names = [name for name in fields if _has(kind, name)]
        forms[kind] = "{" + ",".join(f'"{name}":%s' for name in names) + "}\n"
        places[kind] = itemgetter(*(asked.index(name) for name in names), 0)  # the id makes it a tuple always
    kind_at, written = asked.index("kind"), [_JSON.get(name, _json_texts) for name in asked]
    for rows in _rows(engine, wanted, asked, limit, before):
        columns = list(zip(*rows, strict=True))
        kinds = columns[kind_at]
        shown = zip(*(write(column) for write, column in zip(written, columns, strict=True)), strict=True)
        yield "".join([forms[kind] % places[kind](row)[:-1] for kind, row in zip(kinds, shown, strict=True)])


def _json_texts(column: Sequence[Any]) -> Sequence[str]:
    return ["null" if value is None else encode_basestring_ascii(value) for value in column]


def _json_numbers(column: Sequence[Any]) -> Sequence[str]:
    return ["null" if value is None else str(value) for value in column]


def _json_flags(column: Sequence[Any]) -> Sequence[str]:
    return ["true" if value else "false" for value in column]


def _json_lists(column: Sequence[Any]) -> Sequence[str]:
    return [json.dumps(value.split("\n"), separators=(",", ":")) if value else "[]" for value in column]


_JSON: dict[str, Callable[[Sequence[Any]], Sequence[str]]] = {
    **dict.fromkeys(("id", "repeats", "duration"), _json_numbers),
    "quarantined": _json_flags,
    "problems": _json_lists,
}
"""How each field's values are written; all others are texts."""


def _csv(found: Iterator[Sequence[Sequence[Any]]], fields: Sequence[str], mark: bool) -> Iterator[str]:
    """A column at a time: most of a log's cells are empty or the same, which is told faster so."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    text.write(_MARK if mark else "")
    writer.writerow(fields)
    cells = [_CELLS.get(name, _texts) for name in fields]
    for columns in found:
        shown = [cell(column) for cell, column in zip(cells, columns, strict=True)]
        writer.writerows(zip(*shown, strict=True))
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    if text.getvalue():
        yield text.getvalue()


# What a spreadsheet would take for a formula, a number or a date is made a text by an apostrophe in front,
# as a person would type it. So a number keeps its + and a code its zeros.
_SIGNS = frozenset("=+-@\u2212")
_UNSEEN = "\u200c\u200d"
# A spreadsheet may cut lines at another character than the comma, and then a cell begins behind that.
_LATER_START = re.compile(rf'([\n\t;|][\s"{_UNSEEN}]*)(?=[=+\-@\u2212\uff1d\uff0b\uff0d\uff20])')
_NUMBERLIKE = re.compile(r"[\d\s.,:/e%()$-]+", re.IGNORECASE)


def _cell(value: Any) -> str:
    """A text that no spreadsheet takes for anything else."""
    if not isinstance(value, str):
        value = "; ".join(value) if isinstance(value, list) else json.dumps(value)
    if value[:1] == "+" and value[1:].isdecimal():
        return "'" + str(value)
    if (
        value[:1].isalpha()
        and value.isascii()
        and value.isprintable()
        and ";" not in value
        and "|" not in value
    ):
        return str(value)
    # What steers a terminal has no place in a spreadsheet either, and some look at a CSV in a terminal.
    text = printable_lines(value.replace("\r\n", "\n").replace("\r", "\n"))
    text = _LATER_START.sub(r"\1'", text)
    shown = text.lstrip().lstrip(_UNSEEN).lstrip()
    sign = unicodedata.normalize("NFKC", shown[:1]) in _SIGNS
    return "'" + text if sign or text[:1] == "\n" or _NUMBERLIKE.fullmatch(text) else text


Column = Sequence[Any]


def _texts(column: Column) -> Column:
    return [_cell(value) if value else "" for value in column]


def _known(column: Column) -> Column:
    """Numbers, or words and times of ours."""
    return column


def _flags(column: Column) -> Column:
    return ["true" if value else "false" for value in column]


def _amounts(column: Column) -> Column:
    """Numbers to count with, unless the sign would begin a formula."""
    return [f"'{value}" if value and value[0] == "-" else value for value in column]


_OURS = ("id", "kind", "type", "signature", "received_at", "occurred_at", "repeats", "duration")
_CELLS: dict[str, Callable[[Column], Column]] = {
    **dict.fromkeys(_OURS, _known),
    "quarantined": _flags,
    "rate": _amounts,
    "debit": _amounts,
}
"""Fields that nobody outside can write freely; all others are guarded."""
