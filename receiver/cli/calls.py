"""`receiver calls`: the events of each call, put together."""

from __future__ import annotations

import click

from receiver import current
from receiver.cli import options, output, pages
from receiver.cli.lines import CALL_COLUMNS, call_line, time_line
from receiver.cli.nothing import mention_what_was_meant
from receiver.cli.operation import operation
from receiver.cli.searching import UTC_OPTION, Shown, masked, searching_calls, warn_of
from receiver.search.call import call_json
from receiver.search.decided import call_in_full, decided_of
from receiver.search.index_lag import words_lag
from receiver.search.query import Search
from receiver.vocabulary.printable import printable


@click.command()
@searching_calls
@pages.LIMIT
@pages.BEFORE
@options.AS_JSON
@options.MASK
@operation
def list_calls(
    *, wanted: Search, shown: Shown, limit: int, before: int | None, as_json: bool, mask: bool
) -> None:
    """List calls, newest first (the default).

    A call is listed if one of its events matches SEARCH. An outcome is that of the whole call.
    """
    page = current.calls().find(wanted, before=before, limit=limit)
    warn_of(words_lag(current.engine(), wanted, before=before, end=page.next), shown)
    found = [masked(call_json(call), mask) for call in page.calls]
    following = None if page.next is None else str(page.next)
    if as_json:
        output.json_out({"calls": found, "next": following})
        return
    if found or not page.cut_short:
        columns = ("session", shown.heading("began"), *CALL_COLUMNS)
        pages.show(columns, [call_line(one, shown) for one in found], "calls")
    pages.mention_older(following, cut_short=page.cut_short)
    if not page.cut_short:
        mention_what_was_meant(wanted, len(found))


@click.command()
@click.argument("session")
@options.AS_JSON
@UTC_OPTION
@options.MASK
@operation
def show_call(session: str, as_json: bool, utc: bool, mask: bool) -> None:
    """Draw a call as a time line.

    SESSION is what `receiver calls` shows in its first column.
    """
    call = current.calls().get(session)
    if call is None:
        raise click.ClickException(
            f"there is no call with session {printable(session)}: `receiver calls` lists them"
        )
    document = masked(call_in_full(call, decided_of(current.engine(), call)), mask)
    if as_json:
        output.json_out(document)
        return
    for line in time_line(call, document, Shown(utc)):
        click.echo(line)
