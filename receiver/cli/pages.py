"""What listings of the log share: how long a page is, and what comes after it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from receiver import current
from receiver.cli import output, tables
from receiver.cli.columns import Column
from receiver.cli.lines import PROVIDER
from receiver.search.cursor import Cursor
from receiver.search.events import DEFAULT_PAGE

LIMIT = click.option(
    "--limit", type=click.IntRange(1), metavar="N", default=DEFAULT_PAGE, show_default=True, help="How many."
)
BEFORE = click.option(
    "--before", type=click.IntRange(1), metavar="N", help="Only what is older than this event ID."
)


class _CursorType(click.ParamType[Cursor]):
    name = "CURSOR"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Cursor:
        try:
            return value if isinstance(value, Cursor) else Cursor.read(str(value))
        except ValueError:
            self.fail(f"{value!r} is not what the page before named.")


CURSOR = click.option("--before", type=_CursorType(), help="The next page: what the page before named.")


def show(columns: Sequence[str], lines: Sequence[Sequence[object]], what: str) -> None:
    """A page as a table, or a sentence if nothing matches."""
    if lines:
        kept = [
            at
            for at in places(columns)
            if not (isinstance(column := columns[at], Column) and column.seldom)
            or any(line[at] for line in lines)
        ]
        shown = [[line[at] for at in kept] for line in lines]
        tables.show([columns[at] for at in kept], shown, cut=True)
    else:
        output.say(f"no {what} match")


def places(columns: Sequence[str]) -> list[int]:
    """The places of the columns that a table has: that of the provider only where several are in use."""
    several = PROVIDER in columns and current.several_providers()
    return [at for at, column in enumerate(columns) if several or column != PROVIDER]


def mention_older(following: Cursor | int | str | None, *, cut_short: bool = False) -> None:
    """Say how to see the next page, if there is one, or how to go on if this one was `cut_short`."""
    if cut_short:
        output.say(f"not all were looked at; to go on with older ones, add --before {following}")
    elif following is not None:
        output.say(f"there are older ones: add --before {following}")
