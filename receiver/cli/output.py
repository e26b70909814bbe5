"""How every command speaks: data on stdout, talk on stderr, errors as one sentence."""

from __future__ import annotations

import dataclasses
import json
import sys
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import click
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy.exc import SQLAlchemyError

from config import ConfigError
from receiver.current import NotConfigured
from receiver.db import SchemaError, reason_of
from receiver.hoiio.errors import HoiioError
from receiver.offers import NoSuchPlace

KNOWN_ERRORS: tuple[type[Exception], ...] = (ConfigError, NotConfigured, SchemaError, HoiioError, NoSuchPlace)
"""Errors whose message is written for the person at the terminal."""

# Joiners, which belong to emoji and to several scripts, and cannot do harm.
_HARMLESS_FORMATS = frozenset("\u200c\u200d")


def printable(text: str) -> str:
    """A text that a terminal shows and does not obey: control and direction characters become escapes."""
    return "".join(char if _is_plain(char) else _escape(char) for char in text)


def _is_plain(char: str) -> bool:
    # Control, format (bidi among them), lone halves of a pair, and what breaks lines.
    return char in _HARMLESS_FORMATS or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def _escape(char: str) -> str:
    short = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
    return short.get(char) or (f"\\x{ord(char):02x}" if ord(char) < 256 else f"\\u{ord(char):04x}")


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Rows under headings, on stdout.

    On a terminal they fit its width, the first column unbroken; piped, each row is one line of aligned text.
    None is shown as a dash, money and counts stand to the right.
    """
    cells = [[_cell(value) for value in row] for row in rows]
    right = [
        bool(rows) and all(isinstance(row[at], int | Decimal) for row in rows) for at in range(len(columns))
    ]
    if not sys.stdout.isatty():
        _aligned([list(columns), *cells], right)
        return
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for at, name in enumerate(columns):
        drawn.add_column(
            name, justify="right" if right[at] else "left", no_wrap=at == 0 or right[at], overflow="fold"
        )
    for row in cells:
        drawn.add_row(*(Text(cell) for cell in row))
    Console(file=sys.stdout, highlight=False).print(drawn)


def _aligned(lines: Sequence[Sequence[str]], right: Sequence[bool]) -> None:
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = []
        for cell, width, to_right in zip(line, widths, right, strict=True):
            space = " " * (width - cell_len(cell))
            padded.append(space + cell if to_right else cell + space)
        click.echo("  ".join(padded).rstrip())


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, Decimal):
        return money(value)
    return printable(str(value))


def money(amount: Decimal) -> str:
    """An amount with at least two decimals."""
    exponent = amount.as_tuple().exponent
    return f"{amount:.2f}" if isinstance(exponent, int) and exponent > -2 else f"{amount:f}"


def json_out(value: object) -> None:
    """One JSON document on stdout. Only ASCII, so that it is as safe to look at as it is to pipe."""
    click.echo(json.dumps(_plain(value), indent=2))


def _plain(value: object) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, AbstractSet):
        return sorted(_plain(item) for item in value)
    if isinstance(value, Sequence):
        return [_plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no form in JSON")  # a secret, for one


def say(sentence: str) -> None:
    """Talk to the person at the terminal, on stderr."""
    for line in sentence.splitlines():
        click.echo(printable(line), err=True)


@contextmanager
def progress(doing: str) -> Iterator[None]:
    """Show that something is going on, if stderr is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    with Console(stderr=True, highlight=False).status(Text(printable(doing)), spinner="line"):
        yield


def confirmed(question: str, *, yes: bool) -> bool:
    """Whether the person agrees; `yes` answers beforehand, and nobody is asked where nobody can answer."""
    if yes:
        return True
    if not sys.stdin.isatty():
        say("Nobody can answer here, so nothing was done: run it in a terminal, or add --yes.")
        raise SystemExit(1)
    return click.confirm(question, err=True)


@contextmanager
def operation_errors() -> Iterator[None]:
    """Known errors become one sentence on stderr and exit code 1, without a traceback."""
    try:
        yield
    except KNOWN_ERRORS as error:
        raise click.ClickException("\n".join(map(printable, str(error).splitlines()))) from None
    except SQLAlchemyError as error:
        # Its own text holds the statement and its values, which are private.
        raise click.ClickException(
            f"the database failed: {printable(reason_of(error))}. Look at it with `flask db current`"
        ) from None
