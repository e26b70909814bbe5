"""`receiver events tail`: the log as it grows."""

from __future__ import annotations

import sys
from contextlib import suppress

import click

from receiver import current
from receiver.cli import options, output, pages
from receiver.cli.events.follow import follow
from receiver.cli.lines import EVENT_COLUMNS, event_line, stripe
from receiver.cli.operation import operation
from receiver.cli.searching import Shown, masked, searching
from receiver.db.engine import Unreachable
from receiver.db.schema import require_schema
from receiver.search.events import event_json
from receiver.search.query import Search

_COLUMNS = ("id", "received", *EVENT_COLUMNS)
_WIDTHS = (8, 14, 10, 8, 13, 10, 13, 9, 24)


@click.command()
@searching
@click.option(
    "--lines",
    type=click.IntRange(0, 500),
    metavar="N",
    default=10,
    show_default=True,
    help="How many earlier events to show first.",
)
@click.option("--ndjson", "as_json", is_flag=True, help="Print one JSON object per line.")
@options.MASK
@operation
def tail(wanted: Search, shown: Shown, lines: int, as_json: bool, mask: bool) -> None:
    """Show events as they arrive, until Ctrl-C.

    It continues by itself after a restart of the service or an outage of the database, and misses nothing.
    With --since it begins with everything received since then.
    """
    with suppress(Unreachable):  # it may come back, but no schema mends itself
        require_schema(current.engine())
    kept: list[int] = []
    for event in follow(current.event_log(), wanted, lines):
        document = masked(event_json(event), mask)
        if as_json:
            output.json_line(document)
        else:
            kept = kept or pages.places(_COLUMNS)
            line = event_line(document, event.received_at, shown)
            columns, widths = [_COLUMNS[at] for at in kept], [_WIDTHS[at] for at in kept]
            click.echo(stripe(tuple(line[at] for at in kept), columns, widths))
        sys.stdout.flush()
