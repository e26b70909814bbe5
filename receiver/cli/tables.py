"""Rows under headings, on stdout: drawn for a terminal, aligned text in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from decimal import Decimal

import click
from rich.cells import cell_len

from receiver.cli.columns import GAP, WORDS, fitted
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

    On a terminal they fit its width: columns of words give way, then those go that may (see `Column`), and
    ids, numbers and times stay whole. With `cut` each row stays one line there. Piped, each row is one line
    of aligned text with all columns.
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
    from rich.text import Text  # noqa: PLC0415

    console = Console(file=sys.stdout, highlight=False)
    widths = _widths(columns, cells, console.width)
    styles = [[value.style if isinstance(value, Marked) else "" for value in row] for row in rows]
    for row, style in zip([list(columns), *cells], [["bold"] * len(columns), *styles], strict=True):
        if cell_len(row[0]) > widths[0]:  # on a line of its own, rather than cut or in the way of all others
            console.print(Text(row[0], style[0]), soft_wrap=True)
            row[0] = ""
        pieces = []
        for at, width in enumerate(widths):
            whole = Text(row[at], style[at])
            if cut and width:
                whole.truncate(width, overflow="ellipsis")
            pieces.append(list(whole.wrap(console, width, overflow="fold")) if width else [])
        for height in range(max(map(len, pieces))):
            line = Text()
            for at, width in enumerate(widths):
                if width:
                    piece = pieces[at][height] if height < len(pieces[at]) else Text()
                    piece.rstrip()
                    piece.align("right" if right[at] else "left", width)
                    line.append(" " * GAP if at else "").append_text(piece)
            line.rstrip()
            console.print(line, soft_wrap=True)


def _widths(columns: Sequence[str], cells: Sequence[list[str]], width: int) -> list[int]:
    naturals = [max(cell_len(row[at]) for row in (columns, *cells)) for at in range(len(columns))]
    if sum(naturals) + GAP * (len(naturals) - 1) > width:
        # The few that are longer get a line of their own.
        first = [cell_len(row[0]) for row in (columns, *cells)]
        naturals[0] = max((length for length in first if length <= WORDS), default=WORDS)
    return fitted(columns, naturals, width)


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
