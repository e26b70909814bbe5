"""`receiver calls handled`, `conversations handled` and `events handled`: what people on duty did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from receiver import current
from receiver.cli import options, output
from receiver.cli.ends import BOTH_ENDS, conversation_of
from receiver.cli.events.removing import who
from receiver.cli.operation import operation
from receiver.duty.duty import duty_json
from receiver.duty.things import Item, call, item_of
from receiver.vocabulary.printable import printable

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _changing(command: _Command) -> _Command:
    """Adds what can be said of a thing."""
    for option in (
        options.AS_JSON,
        click.option("--note", metavar="TEXT", help="Note this about it; an empty TEXT removes the note."),
        click.option("--undo", is_flag=True, help="It is open again."),
    ):
        command = option(command)
    return command


@click.command("handled")
@click.argument("session")
@_changing
@operation
def call_handled(session: str, undo: bool, note: str | None, as_json: bool) -> None:
    """Say that you handled a call, so that nobody else rings back.

    SESSION is what `receiver calls` shows in its first column. Fails if somebody else was first.
    """
    if current.calls().get(session) is None:
        raise click.ClickException(f"there is no call with session {printable(session)}")
    _change(call(session), undo, note, as_json)


@click.command("handled")
@BOTH_ENDS
@_changing
@operation
def conversation_handled(ends: tuple[str, ...], undo: bool, note: str | None, as_json: bool) -> None:
    """Say that you answered a conversation.

    SENDER wrote to NUMBER, which is yours; in either order. If one of them has no other conversation, it is
    enough. The next SMS opens it again. Fails if somebody else was first.
    """
    found = conversation_of(ends, limit=1)
    _change(found.item, undo, note, as_json)


@click.command("handled")
@click.argument("event_id", type=click.IntRange(1))
@_changing
@operation
def event_handled(event_id: int, undo: bool, note: str | None, as_json: bool) -> None:
    """Say that you handled a fax, or what else an event belongs to.

    That is the whole call, or the conversation up to this event. Fails if somebody else was first.
    """
    event = current.event_log().get(event_id)
    item = event and item_of(event)
    if not item:
        raise click.ClickException(f"event {event_id} is not there, or belongs to nothing to deal with")
    _change(item, undo, note, as_json)


def _change(item: Item, undo: bool, note: str | None, as_json: bool) -> None:
    duty = current.duty()
    if undo:
        duty.take_back(item)
    elif note is None or not duty.one(item).handled(item.up_to):
        duty.handle(item, who())
    if note is not None:
        before = duty.one(item)
        duty.note(item, note, who(), before=before.note or "")
        if before.note and before.changed_by != who():
            output.say(f"{before.changed_by} had noted: {before.note}")
    standing = duty.one(item)
    if as_json:
        output.json_out(duty_json(standing, item.up_to))
    else:
        state = f"handled by {standing.handled_by}" if standing.handled(item.up_to) else "open"
        output.say(f"the {item.thing} is {state}" + (f": {standing.note}" if standing.note else ""))
