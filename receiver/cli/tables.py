"""Rows under headings, on stdout: drawn for a terminal, aligned text in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from decimal import Decimal

import click
from rich.cells import cell_len, set_cell_size

from receiver.vocabulary.printable import printable


class Marked(str):
    """A word of ours that has a colour where there are colours."""

    style: str

    def __new__(cls, text: str, style: str) -> Marked:
        made = super().__new__(cls, text)
        made.style = style
        return made


def show(columns: Sequence[str], rows: Sequence[Sequence[object]], *, cut: bool = False) -> None:
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
    _drawn(columns, cells, rows, right, cut=cut)


def _drawn(
    columns: Sequence[str],
    cells: Sequence[list[str]],
    rows: Sequence[Sequence[object]],
    right: Sequence[bool],
    *,
    cut: bool,
) -> None:
    # Loaded where it draws: a command in a pipe need not wait for it.
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

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
