"""`receiver conversations`: SMS as exchanges between two numbers."""

from __future__ import annotations

import click

from receiver import current
from receiver.cli import options, output, pages
from receiver.cli.ends import BOTH_ENDS, conversation_of
from receiver.cli.lines import CONVERSATION_COLUMNS, NAME, conversation_line, duty_line, message
from receiver.cli.nothing import mention_what_was_meant
from receiver.cli.operation import operation
from receiver.cli.searching import UTC_OPTION, Shown, masked, searching, warn_of
from receiver.search.conversations import conversation_json
from receiver.search.cursor import Cursor
from receiver.search.decided import conversation_in_full
from receiver.search.index_lag import conversations_lag, words_lag
from receiver.search.query import Search


@click.command()
@searching
@pages.LIMIT
@pages.CURSOR
@options.AS_JSON
@options.MASK
@operation
def list_conversations(
    *, wanted: Search, shown: Shown, limit: int, before: Cursor | None, as_json: bool, mask: bool
) -> None:
    """List conversations, newest first (the default).

    Each is shown with its newest message that matches SEARCH.
    """
    engine = current.engine()
    page = current.conversations().find(wanted, before=before, limit=limit)
    lag = words_lag(engine, wanted, before=before, end=page.next) or conversations_lag(engine)
    warn_of(lag, shown)
    found = [masked(conversation_json(one), mask) for one in page.conversations]
    following = None if page.next is None else str(page.next)
    if as_json:
        output.json_out({"conversations": found, "next": following})
        return
    lines = [conversation_line(one, shown) for one in found]
    columns = ("sender", NAME, "number", shown.heading("last"), *CONVERSATION_COLUMNS)
    pages.show(columns, lines, "conversations")
    pages.mention_older(following)
    mention_what_was_meant(wanted, len(found))


@click.command()
@BOTH_ENDS
@pages.LIMIT
@pages.BEFORE
@options.AS_JSON
@UTC_OPTION
@options.MASK
@operation
def show_conversation(
    *, ends: tuple[str, ...], limit: int, before: int | None, as_json: bool, utc: bool, mask: bool
) -> None:
    """Show the messages of one conversation.

    SENDER wrote to NUMBER, which is yours; in either order. If one of them has no other conversation, it is
    enough. The newest message stands last, as on a phone.
    """
    found = conversation_of(ends, before=before, limit=limit)
    document = masked(conversation_in_full(current.engine(), found), mask)
    if as_json:
        output.json_out(document)
        return
    for line in duty_line(document, Shown(utc)):
        click.echo(f"{line}\n")
    for one in reversed(document["messages"]):
        for line in message(one, Shown(utc)):
            click.echo(line)
    pages.mention_older(document["next"])
