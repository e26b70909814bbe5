"""`receiver events list`: a page of the log."""

from __future__ import annotations

import sys

import click

from receiver import current
from receiver.cli import options, output, pages
from receiver.cli.events.export import write
from receiver.cli.lines import EVENT_COLUMNS, HANDLED, event_line
from receiver.cli.nothing import mention_what_was_meant
from receiver.cli.operation import operation
from receiver.cli.searching import Shown, masked, searching, warn_of
from receiver.export.export import Form, export
from receiver.search.events import DEFAULT_PAGE, event_json
from receiver.search.index_lag import words_lag
from receiver.search.query import Search


@click.command()
@searching
@click.option(
    "--limit",
    type=click.IntRange(1),
    metavar="N",
    help=f"How many; {DEFAULT_PAGE} by default, all with --csv and --ndjson.",
)
@pages.BEFORE
@click.option("--json", "form", flag_value="json", help="Print one JSON object.")
@click.option("--ndjson", "form", flag_value="ndjson", help="Print one JSON object per line.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV in which no cell starts a formula.")
@options.MASK
@operation
def list_events(
    *, wanted: Search, shown: Shown, limit: int | None, before: int | None, form: str | None, mask: bool
) -> None:
    """List events, newest first (the default).

    SEARCH is the same as in the console: from:+6591234567 kind:sms since:1h "the invoice"
    """
    if form in {"csv", "ndjson"}:
        warn_of(words_lag(current.engine(), wanted, before=before), shown)
        found = export(current.engine(), wanted, Form(form), limit=limit, before=before, mask=mask)
        write(found, sys.stdout)
        return
    page = current.event_log().find(wanted, before=before, limit=limit or DEFAULT_PAGE)
    warn_of(words_lag(current.engine(), wanted, before=before, end=page.next), shown)
    documents = [masked(event_json(event), mask) for event in page.events]
    if form == "json":
        output.json_out({"events": documents, "next": None if page.next is None else str(page.next)})
        return
    duty = current.duty().of_events(page.events)
    lines = [
        (*event_line(document, event.received_at, shown), masked(duty[event.id], mask)["handled_by"])
        for document, event in zip(documents, page.events, strict=True)
    ]
    if lines or not page.cut_short:
        pages.show(("id", shown.heading("received"), *EVENT_COLUMNS, HANDLED), lines, "events")
    pages.mention_older(page.next, cut_short=page.cut_short)
    if not page.cut_short:
        mention_what_was_meant(wanted, len(lines))
