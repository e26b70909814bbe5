"""What listings of the log share: how long a page is, and what comes after it."""

from __future__ import annotations

from collections.abc import Sequence

import click

from receiver.cli import output, tables
from receiver.search.events import DEFAULT_PAGE

LIMIT = click.option(
    "--limit", type=click.IntRange(1), metavar="N", default=DEFAULT_PAGE, show_default=True, help="How many."
)
BEFORE = click.option(
    "--before", type=click.IntRange(1), metavar="N", help="Only what is older than this event ID."
)


def show(columns: Sequence[str], lines: Sequence[Sequence[object]], what: str) -> None:
    """A page as a table, or a sentence if nothing matches."""
    if lines:
        tables.show(columns, lines, cut=True)
    else:
        output.say(f"no {what} match")


def mention_older(following: int | str | None) -> None:
    """Say how to see the next page, if there is one."""
    if following is not None:
        output.say(f"there are older ones: add --before {following}")
