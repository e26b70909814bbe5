"""`receiver replay`: events that are sent to a target once more."""

from __future__ import annotations

import re
import time

import click

from receiver import current
from receiver.cli import options, output, pages, progress, streams, tables
from receiver.cli.columns import Column
from receiver.cli.events.removing import who
from receiver.cli.operation import operation
from receiver.cli.searching import UTC_OPTION, Shown, searching
from receiver.cli.targets.shown import fields, state_of
from receiver.relay.replay import Replay
from receiver.relay.shown import replay_json
from receiver.relay.target import Target, TargetState
from receiver.search.query import Search
from receiver.vocabulary.printable import count_of, printable

LOOK_EVERY = 0.5
"""Seconds between looks at how far a replay is."""

_ID = click.argument("replay_id", type=click.IntRange(1, 2**63 - 1))
_FOLLOW = click.option(
    "--follow", is_flag=True, help="Show how it goes until it is done. Ctrl-C leaves it running."
)


@click.command()
@searching
@click.option("--to", required=True, metavar="TARGET", help="Where they are sent.")
@click.option(
    "--event",
    "event_ids",
    type=click.IntRange(1),
    multiple=True,
    metavar="ID",
    help="Only this event. Repeatable.",
)
@_FOLLOW
@options.DRY_RUN
@options.YES
@options.AS_JSON
@operation
def start(
    *,
    wanted: Search,
    shown: Shown,
    to: str,
    event_ids: tuple[int, ...],
    follow: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Send what a search finds (the default).

    SEARCH is the same as for `receiver events list`, and may name a time: since:2026-01-31 until:2026-02-01.
    Each event is marked as a replay, and sent whether or not the target's own search finds it; what is in
    quarantine only if the search asks for it.
    """
    if event_ids and not wanted.everything:
        raise click.UsageError("Give a search or --event, not both.")
    target, replays = current.targets().get(to), current.replays()
    with progress.spinner("counting"):
        number = len(replays.require(event_ids)) if event_ids else replays.count(wanted)
    if dry_run:
        if as_json:
            output.json_out({"events": number})
        else:
            click.echo(f"{count_of(number, 'event')} would be sent to {printable(target.name)}")
        return
    if not number:
        raise click.ClickException("no events match: nothing is sent")
    if not output.confirmed(f"Send {count_of(number, 'event')} to {printable(target.name)}?", yes=yes):
        return
    if event_ids:
        replay = replays.ask_for(target, list(dict.fromkeys(event_ids)), by=who())
    else:
        replay = replays.ask(target, wanted, by=who())
    if target.state is not TargetState.ACTIVE:
        output.say(f"{target.name} is {state_of(target, shown)}")
    if follow:
        replay = _followed(replay, target)
    if as_json:
        output.json_out(replay_json(replay))
    else:
        _tell(replay)


@click.command()
@UTC_OPTION
@pages.LIMIT
@click.option("--before", type=click.IntRange(1), metavar="ID", help="Only what is older than this replay.")
@options.MASK
@options.AS_JSON
@operation
def list_replays(*, utc: bool, limit: int, before: int | None, mask: bool, as_json: bool) -> None:
    """List replays, newest first."""
    page = current.replays().find(before=before, limit=limit)
    found = page.replays
    documents = [replay_json(one, mask=mask) for one in found]
    if as_json:
        following = None if page.next is None else str(page.next)
        output.json_out({"replays": documents, "next": following})
        return
    shown = Shown(utc)
    rows = [
        (
            one.id,
            shown.minute(one.asked_at),
            one.target,
            one.state,
            f"{one.delivered} of {one.planned}",
            one.dead,
            _to_the_second(document["search"]) or "everything",
        )
        for one, document in zip(found, documents, strict=True)
    ]
    columns = (
        "id",
        shown.heading("asked"),
        Column("target", room=12),
        "state",
        "delivered",
        Column("dead", goes=1),
        Column("search", room=12),
    )
    pages.show(columns, rows, "replays")
    pages.mention_older(page.next)


@click.command()
@_ID
@_FOLLOW
@UTC_OPTION
@options.MASK
@options.AS_JSON
@operation
def show(*, replay_id: int, follow: bool, utc: bool, mask: bool, as_json: bool) -> None:
    """Show how far a replay is."""
    replay = current.replays().get(replay_id)
    if follow:
        replay = _followed(replay, current.targets().get(str(replay.target_id)))
    if as_json:
        output.json_out(replay_json(replay, mask=mask))
        return
    tables.show(("field", "value"), fields(replay_json(replay, mask=mask)))


@click.command()
@_ID
@options.AS_JSON
@operation
def stop(replay_id: int, as_json: bool) -> None:
    """Stop a replay.

    What waits of it is not sent; what was sent stays sent.
    """
    before = current.replays().get(replay_id)
    if before.state in {"done", "stopped"}:
        output.say(f"replay {replay_id} is {before.state} already")
    replay = current.replays().stop(replay_id, by=who())
    if as_json:
        output.json_out(replay_json(replay))
    else:
        click.echo(_words(replay))


def _to_the_second(search: str) -> str:
    """A search as a table shows it: where times stand, nobody reads their fractions."""
    return re.sub(r"(?<=:\d\d)\.\d+(?=Z)", "", search)


def _followed(replay: Replay, target: Target) -> Replay:
    """Show on a terminal how it goes, until it is done or the person has seen enough."""
    try:
        with progress.ticker() as told:
            while replay.state in {"planning", "sending"}:
                target = current.targets().get(str(target.id))
                how = "" if target.state is TargetState.ACTIVE else f"; the target is {target.state}"
                told(f"{_words(replay)}{how}")
                time.sleep(LOOK_EVERY)
                replay = current.replays().get(replay.id)
    except KeyboardInterrupt:
        streams.end_line()
        output.say(f"it goes on: see `receiver replay show {replay.id} --follow`")
    return replay


def _tell(replay: Replay) -> None:
    click.echo(_words(replay))
    if replay.state in {"planning", "sending"}:
        output.say(f"stop it with `receiver replay stop {replay.id}`")


def _words(replay: Replay) -> str:
    parts = [f"{replay.delivered} of {replay.planned} delivered"]
    parts += [count_of(replay.waiting, "waits", "wait")] if replay.waiting else []
    parts += [f"{replay.dead} failed for good"] if replay.dead else []
    parts += [f"{replay.cancelled} cancelled"] if replay.cancelled else []
    more = ", more to come" if replay.state == "planning" else ""
    return f"replay {replay.id} to {printable(replay.target)}: {replay.state}, {', '.join(parts)}{more}"
