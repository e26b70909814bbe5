"""`receiver events quarantine`, `release` and `drop`: what is kept but not trusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import click

from receiver import current
from receiver.cli import options, output, pages, progress, tables
from receiver.cli.events.removing import removed_json, who, written
from receiver.cli.lines import EVENT_COLUMNS, event_line
from receiver.cli.operation import operation
from receiver.cli.searching import UTC_OPTION, Shown, masked, read_search
from receiver.intake.distrust import explained
from receiver.retention import quarantine as decisions
from receiver.retention import undo
from receiver.search.events import event_json
from receiver.search.query import Search
from receiver.vocabulary.printable import count_of, size


def _chosen(command: Callable[..., None]) -> Callable[..., None]:
    """Adds what says which events in quarantine are meant, and how the command is to go about it."""
    for option in (
        click.argument("ids", nargs=-1, type=click.IntRange(1), metavar="[ID]..."),
        click.option("--matching", metavar="SEARCH", help="Those that match, such as 'from:+65… since:2h'."),
        click.option("--all", "everything", is_flag=True, help="Everything in quarantine."),
        click.option("--why", help="A reason, to be kept with the record."),
        options.DRY_RUN,
        options.YES,
        options.AS_JSON,
    ):
        command = option(command)
    return command


@click.command()
@_chosen
@click.option("--undo", "undone", is_flag=True, help="Put back what was released last, within the hour.")
@operation
def release(*, why: str | None, undone: bool, dry_run: bool, yes: bool, as_json: bool, **chosen: Any) -> None:
    """Take events out of quarantine.

    From then on they are like any other. For an hour that can be undone; what was delivered meanwhile cannot
    be called back.
    """
    if undone:
        if any(chosen.values()):
            raise click.UsageError("--undo is for the last release as a whole: give nothing else.")
        _put_back(why, dry_run=dry_run, yes=yes, as_json=as_json)
        return
    held = _held(**chosen)
    if dry_run and as_json:
        output.json_out(held)
        return
    _tell(held)
    if dry_run or (held.ids and not output.confirmed(f"Release {_them(held)}?", yes=yes)):
        return
    with progress.spinner("releasing"):
        done = decisions.release(current.engine(), held.ids, who(), why)
    if as_json:
        output.json_out(done)
        return
    if not held.ids:
        return
    repeat = count_of(done.merged, "repeat")
    twins = f"; {repeat} of what was in the log already" if done.merged else ""
    click.echo(f"released {count_of(done.released, 'event')}{twins}")


def _put_back(why: str | None, *, dry_run: bool, yes: bool, as_json: bool) -> None:
    last = next(iter(undo.undoable(current.engine())), None)
    if last is None:
        raise undo.CannotUndo("nothing was released within the last hour")
    if dry_run and as_json:
        output.json_out(last)
        return
    output.say(
        f"{count_of(last.events, 'event')}, released {written(last.made_at)} UTC by {last.who}. What was"
        " delivered meanwhile cannot be called back."
    )
    if dry_run or not output.confirmed("Put them back into quarantine?", yes=yes):
        return
    with progress.spinner("putting back"):
        back = undo.undo(current.engine(), last.id, who(), why)
    delivered = current.deliveries().delivered(back.ids, back.since)
    if as_json:
        output.json_out({"events": len(back.ids), "came_again": back.came_again, "delivered": delivered})
        return
    click.echo(f"put back {count_of(len(back.ids), 'event')}")
    if back.came_again:
        output.say(f"{back.came_again} came again meanwhile, trusted: released they stay")
    if delivered:
        output.say(f"{count_of(delivered, 'delivery', 'deliveries')} cannot be called back")


@click.command()
@_chosen
@operation
def drop(why: str | None, dry_run: bool, yes: bool, as_json: bool, **chosen: Any) -> None:
    """Delete quarantined events.

    Their raw bytes go, too. A record of the deletion stays.
    """
    held = _held(**chosen)
    if dry_run and as_json:
        output.json_out(held)
        return
    _tell(held)
    if dry_run or (held.ids and not output.confirmed(f"Drop {_them(held)} for good?", yes=yes)):
        return
    with progress.spinner("dropping"):
        done = decisions.drop(current.engine(), held.ids, who(), why)
    if as_json:
        output.json_out(removed_json(done))
    elif held.ids:
        click.echo(f"dropped {count_of(done.events, 'event')} and {count_of(done.repeats, 'repeat')}")


@click.command()
@UTC_OPTION
@pages.LIMIT
@pages.BEFORE
@options.MASK
@options.AS_JSON
@operation
def quarantine(*, utc: bool, limit: int, before: int | None, mask: bool, as_json: bool) -> None:
    """Show what is in quarantine, and why.

    Also lists the events, newest first, and shows how full it is.
    """
    state = decisions.state(current.engine(), current.config().quarantine_limit_mb)
    page = current.event_log().find(Search(quarantined=True), before=before, limit=limit)
    documents = [masked(event_json(event), mask) for event in page.events]
    if as_json:
        following = None if page.next is None else str(page.next)
        output.json_out(asdict(state) | {"full": state.full, "held": documents, "next": following})
        return
    if state.events:
        rows = [(reason.reason, reason.events, size(reason.bytes)) for reason in state.reasons]
        tables.show(("reason", "events", "size"), rows)
        shown = Shown(utc)
        lines = [
            event_line(document, event.received_at, shown)
            for document, event in zip(documents, page.events, strict=True)
        ]
        click.echo()
        pages.show(("id", shown.heading("received"), *EVENT_COLUMNS), lines, "events")
        pages.mention_older(page.next)
    since = "" if state.oldest is None else f", oldest received {written(state.oldest)} UTC"
    used = f"{size(state.bytes)} of {size(state.limit)}"
    output.say(f"{count_of(state.events, 'event')} in quarantine, {used}{since}")
    for reason in state.reasons:
        if means := explained(reason.reason, current.expected()):
            output.say(f"{reason.reason}: {means}")
    if state.events:
        output.say(
            "release what you trust: receiver events release ID; delete the rest: receiver events drop ID"
        )
    if state.full:
        output.say(
            "It is full: callbacks that are not trusted are answered 503. Look at them with "
            "`receiver events list --quarantined`, then `receiver events release` or `drop` them, or raise "
            "QUARANTINE_LIMIT_MB."
        )


def _held(ids: tuple[int, ...], matching: str | None, everything: bool) -> decisions.Held:
    if bool(ids) + (matching is not None) + everything != 1:
        raise click.UsageError("Give IDs, or --matching SEARCH, or --all.")
    if matching is not None or everything:
        search = read_search(lambda: _spanning(Search.parse(matching or "")))
        with progress.spinner("looking"):
            found = current.event_log().every(replace(search, quarantined=True))
            ids = tuple(event.id for event in found)
    held = decisions.look(current.engine(), ids)
    if others := len(set(ids)) - len(held.ids):
        output.say(f"{count_of(others, 'event')} not in quarantine: skipped")
    return held


def _them(held: decisions.Held) -> str:
    return "it" if len(held.ids) == 1 else "them"


def _spanning(search: Search) -> Search:
    search.require_span()
    return search


def _tell(held: decisions.Held) -> None:
    if held.first is None or held.last is None:
        output.say("nothing in quarantine matches")
        return
    reasons = ", ".join(f"{reason} {count}" for reason, count in held.reasons.items())
    first, last = written(held.first), written(held.last)
    when = f"received {first} UTC" if first == last else f"received {first} to {last} UTC"
    output.say(f"{count_of(len(held.ids), 'event')}, {when}: {reasons}")
