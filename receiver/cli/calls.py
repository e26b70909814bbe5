"""`flask calls` and `flask conversations`: events as people think of them."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import with_appcontext

from receiver import current
from receiver.cli import output
from receiver.cli.lines import (
    CALL_COLUMNS,
    CONVERSATION_COLUMNS,
    call_line,
    conversation_line,
    message,
    time_line,
)
from receiver.cli.searching import UTC_OPTION, ListByDefault, Shown, mask, searching, warn_of
from receiver.search.call import call_json
from receiver.search.conversations import conversation_json
from receiver.search.events import DEFAULT_PAGE
from receiver.search.index_lag import conversations_lag, words_lag
from receiver.search.masking import mask_event
from receiver.search.query import Search

_json = click.option("--json", "as_json", is_flag=True, help="One JSON object.")
_limit = click.option(
    "--limit", type=click.IntRange(1), default=DEFAULT_PAGE, show_default=True, help="How many."
)
_before = click.option("--before", type=click.IntRange(1), help="Only those older than this event id.")


@click.group(cls=ListByDefault)
def calls() -> None:
    """List calls, and show one as a time line."""


@calls.command("list")
@searching
@_limit
@_before
@_json
@mask
@with_appcontext
def list_calls(
    *, wanted: Search, shown: Shown, limit: int, before: int | None, as_json: bool, mask: bool
) -> None:
    """List calls with an event that matches, newest first."""
    with output.operation_errors():
        page = current.calls().find(wanted, before=before, limit=limit)
        warn_of(words_lag(current.engine(), wanted, before=before, end=page.next), shown)
    found = [_masked(call_json(call), mask) for call in page.calls]
    following = None if page.next is None else str(page.next)
    if as_json:
        output.json_out({"calls": found, "next": following})
        return
    _table(
        ("session", shown.heading("began"), *CALL_COLUMNS), [call_line(one, shown) for one in found], "calls"
    )
    _more(following)


@calls.command("show")
@click.argument("session")
@_json
@UTC_OPTION
@mask
@with_appcontext
def show_call(session: str, as_json: bool, utc: bool, mask: bool) -> None:
    """Draw the call of this SESSION as a time line."""
    with output.operation_errors():
        call = current.calls().get(session)
    if call is None:
        raise click.ClickException(
            f"there is no call with session {output.printable(session)}: `flask calls` lists them"
        )
    document = _masked(call_json(call), mask)
    if as_json:
        output.json_out(document)
        return
    for line in time_line(document, Shown(utc)):
        click.echo(line)


@click.group(cls=ListByDefault)
def conversations() -> None:
    """List SMS conversations, and show one."""


@conversations.command("list", short_help="List conversations, each with its newest message.")
@searching
@_limit
@_before
@_json
@mask
@with_appcontext
def list_conversations(
    *, wanted: Search, shown: Shown, limit: int, before: int | None, as_json: bool, mask: bool
) -> None:
    """List conversations with a message that matches, each with the newest such message."""
    with output.operation_errors():
        engine = current.engine()
        page = current.conversations().find(wanted, before=before, limit=limit)
        lag = words_lag(engine, wanted, before=before, end=page.next) or conversations_lag(engine)
        warn_of(lag, shown)
    found = [_masked(conversation_json(one), mask) for one in page.conversations]
    following = None if page.next is None else str(page.next)
    if as_json:
        output.json_out({"conversations": found, "next": following})
        return
    lines = [conversation_line(one, shown) for one in found]
    _table(("sender", "number", shown.heading("last"), *CONVERSATION_COLUMNS), lines, "conversations")
    _more(following)


@conversations.command("show", short_help="Show what SENDER wrote to NUMBER, one of ours.")
@click.argument("number")
@click.argument("sender")
@_limit
@_before
@_json
@UTC_OPTION
@mask
@with_appcontext
def show_conversation(
    *, number: str, sender: str, limit: int, before: int | None, as_json: bool, utc: bool, mask: bool
) -> None:
    """Show what SENDER wrote to NUMBER, one of ours; the newest message last, as on a phone."""
    asked = Search.read({"recipient": number, "sender": sender})
    with output.operation_errors():
        log = current.conversations()
        found = log.get(asked.recipient or "", asked.sender or "", before=before, limit=limit)
    if found is None:
        raise click.ClickException(
            f"{output.printable(sender)} never wrote to {output.printable(number)}: "
            "`flask conversations` lists who wrote where"
        )
    document = _masked(conversation_json(found), mask)
    if as_json:
        output.json_out(document)
        return
    for one in reversed(document["messages"]):
        for line in message(one, Shown(utc)):
            click.echo(line)
    _more(document["next"])


def _table(columns: tuple[str, ...], lines: list[tuple[object, ...]], what: str) -> None:
    if lines:
        output.table(columns, lines, cut=True)
    else:
        output.say(f"no {what} match")


def _more(following: str | None) -> None:
    if following is not None:
        output.say(f"there are older ones: add --before {following}")


def _masked(document: dict[str, Any], masked: bool) -> dict[str, Any]:
    return mask_event(document) if masked else document
