"""How every command speaks: data on stdout, talk on stderr, errors as one sentence."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import click
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text
from sqlalchemy.exc import SQLAlchemyError

from config import ConfigError
from receiver import current
from receiver.access.tokens import TokenError
from receiver.db.engine import SchemaError, reason_of
from receiver.db.schema import require_schema
from receiver.intake.spool import SpoolError
from receiver.providers.base import NotConfigured
from receiver.providers.errors import ProviderError
from receiver.search.values import SearchError
from receiver.setup.catalogue import NoSuchPlace
from receiver.setup.journal import SetupError
from receiver.vocabulary.printable import printable as printable  # noqa: PLC0414  # every command takes it from here

KNOWN_ERRORS: tuple[type[Exception], ...] = (
    ConfigError,
    NotConfigured,
    SchemaError,
    SpoolError,
    ProviderError,
    NoSuchPlace,
    SetupError,
    TokenError,
    SearchError,
)
"""Errors whose message is written for the person at the terminal."""


class Marked(str):
    """A word of ours that has a colour where there are colours."""

    style: str

    def __new__(cls, text: str, style: str) -> Marked:
        made = super().__new__(cls, text)
        made.style = style
        return made


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, cut: bool = False) -> None:
    """Rows under headings, on stdout.

    On a terminal they fit its width, the first column unbroken; with `cut` each row stays one line there, and
    the last column gives way. Piped, each row is one line of aligned text.
    None is shown as a dash, money and counts stand to the right.
    """
    cells = [[_cell(value) for value in row] for row in rows]
    right = [
        bool(rows) and all(isinstance(row[at], int | Decimal) for row in rows) for at in range(len(columns))
    ]
    if not sys.stdout.isatty():
        _aligned([list(columns), *cells], right)
        return
    console = Console(file=sys.stdout, highlight=False)
    if cut:
        _cut_last(columns, cells, console.width)
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for at, name in enumerate(columns):
        drawn.add_column(
            name,
            justify="right" if right[at] else "left",
            no_wrap=cut or at == 0 or right[at],
            overflow="ellipsis" if cut else "fold",
        )
    for row, given in zip(cells, rows, strict=True):
        styles = (value.style if isinstance(value, Marked) else "" for value in given)
        drawn.add_row(*(Text(cell, style) for cell, style in zip(row, styles, strict=True)))
    console.print(drawn)


def _cut_last(columns: Sequence[str], cells: Sequence[list[str]], width: int) -> None:
    """Shorten the last column to what the others leave of a line."""
    taken = sum(max(cell_len(row[at]) for row in (columns, *cells)) + 2 for at in range(len(columns) - 1))
    room = max(width - taken, 8)
    for row in cells:
        if cell_len(row[-1]) > room:
            row[-1] = set_cell_size(row[-1], room - 1).rstrip() + "…"


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
    """Talk to the person at the terminal, on stderr, in lines that fit it."""
    for line in sentence.splitlines():
        # Not click.echo, which writes past what draws a bar or a spinner there.
        sys.stderr.write(f"{_fitted(printable(line))}\n")


def _fitted(line: str, taken: int = 0) -> str:
    """A line broken between words where the terminal ends; `taken` columns of the first are in use."""
    if not sys.stderr.isatty():
        return line
    width = max(40, shutil.get_terminal_size().columns)
    return textwrap.fill(
        line,
        width,
        initial_indent=" " * taken,
        subsequent_indent=" " * (len(line) - len(line.lstrip())),
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )[taken:]


@contextmanager
def progress(doing: str) -> Iterator[None]:
    """Show that something is going on, if stderr is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    with Console(stderr=True, highlight=False).status(Text(printable(doing)), spinner="line"):
        yield


@contextmanager
def bar(total: int) -> Iterator[Callable[[str], None]]:
    """A bar on stderr; each call says what is done next and moves it on. Nothing if that is no terminal."""
    if not sys.stderr.isatty():
        yield lambda doing: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True, highlight=False)
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as shown:
        task = shown.add_task("", total=total)
        begun = False

        def step_on(doing: str) -> None:
            nonlocal begun
            # What has begun is not done yet.
            shown.update(task, description=escape(printable(doing)), advance=int(begun))
            begun = True

        yield step_on


def patient(seconds: float) -> None:
    """Wait for the provider, and say so if it takes long enough for somebody to wonder."""
    if seconds > 2:  # shorter ones come after a failure, and end sooner than anybody could read about them
        say(f"The provider takes no more requests for now: going on in {seconds:.0f} s.")
    time.sleep(seconds)


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
    except click.ClickException as error:
        if type(error) is not click.ClickException:  # a usage error knows how to show itself
            raise
        raise click.ClickException(fitted_error(error.message)) from None
    except KNOWN_ERRORS as error:
        raise click.ClickException(fitted_error(str(error))) from None
    except SQLAlchemyError as error:
        raise click.ClickException(fitted_error(_why(error))) from None


def _why(error: SQLAlchemyError) -> str:
    """Why the database failed: most often because it is not there, or its schema is not what it should be."""
    try:
        require_schema(current.engine())
    except SchemaError as reason:
        return str(reason)
    # Its own text holds the statement and its values, which are private.
    return f"the database failed: {reason_of(error)}"


def fitted_error(message: str) -> str:
    """A message for behind `Error: `, in lines that fit the terminal."""
    lines = [printable(line) for line in message.splitlines()]
    return "\n".join(_fitted(line, 0 if at else len("Error: ")) for at, line in enumerate(lines))
