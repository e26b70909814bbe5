"""`receiver deliveries`: what went where, and another try."""

from __future__ import annotations

import shlex

import click

from receiver import current
from receiver.cli import options, output, pages, tables
from receiver.cli.columns import Column
from receiver.cli.events.removing import who
from receiver.cli.operation import operation
from receiver.cli.searching import UTC_OPTION, Shown
from receiver.cli.targets.shown import fields, show_attempt, state_of_delivery
from receiver.relay.delivery import DeliveryState
from receiver.relay.shown import attempt_json, delivery_json
from receiver.vocabulary.errors import OperatorError
from receiver.vocabulary.printable import count_of

_IDS = click.argument("ids", nargs=-1, type=click.IntRange(1, 2**63 - 1), metavar="ID...")


class UnknownDelivery(OperatorError):
    """There is no delivery with this id."""


@click.command()
@click.option("--target", metavar="NAME", help="Only to this target.")
@click.option("--state", type=click.Choice([one.value for one in DeliveryState]), help="Only in this state.")
@click.option("--event", "event_id", type=click.IntRange(1), metavar="ID", help="Only of this event.")
@click.option("--replay", "replay_id", type=click.IntRange(1), metavar="ID", help="Only of this replay.")
@UTC_OPTION
@pages.LIMIT
@click.option("--before", type=click.IntRange(1), metavar="ID", help="Only what is older than this delivery.")
@options.MASK
@options.AS_JSON
@operation
def list_deliveries(
    *,
    target: str | None,
    state: str | None,
    event_id: int | None,
    replay_id: int | None,
    utc: bool,
    limit: int,
    before: int | None,
    mask: bool,
    as_json: bool,
) -> None:
    """List deliveries, newest first."""
    page = current.deliveries().find(
        target_id=None if target is None else current.targets().get(target).id,
        state=None if state is None else DeliveryState(state),
        event_id=event_id,
        replay_id=replay_id,
        before=before,
        limit=limit,
    )
    if as_json:
        following = None if page.next is None else str(page.next)
        found = [delivery_json(one, mask=mask) for one in page.deliveries]
        output.json_out({"deliveries": found, "next": following})
        return
    shown = Shown(utc)
    rows = [
        (
            one.id,
            shown.minute(one.created_at),
            one.target,
            one.event_id,
            one.attempts,
            state_of_delivery(one, shown, mask=mask),
        )
        for one in page.deliveries
    ]
    pages.show(
        (
            "id",
            shown.heading("made"),
            Column("target", room=12),
            "event",
            Column("attempts", goes=1),
            Column("state", room=20),
        ),
        rows,
        "deliveries",
    )
    pages.mention_older(page.next)


@click.command()
@click.argument("delivery_id", type=click.IntRange(1, 2**63 - 1))
@UTC_OPTION
@options.MASK
@options.AS_JSON
@operation
def show(*, delivery_id: int, utc: bool, mask: bool, as_json: bool) -> None:
    """Show one delivery with each attempt at it."""
    log = current.deliveries()
    delivery = log.get(delivery_id)
    if delivery is None:
        raise _unknown([delivery_id])
    attempts = log.attempts(delivery_id)
    document = delivery_json(delivery, mask=mask)
    if as_json:
        output.json_out(document | {"log": [attempt_json(one, mask=mask) for one in attempts]})
        return
    shown = Shown(utc)
    words = state_of_delivery(delivery, shown, mask=mask)
    # Those since the last retry, which decide when it is given up, would contradict the attempts below.
    told = {"state": words, "attempts": str(len(attempts))}
    tables.show(("field", "value"), [(name, told.get(name, value)) for name, value in fields(document)])
    for at, one in enumerate(attempts, 1):
        click.echo()
        show_attempt(one, f"attempt {at}, {shown.short(one.began_at)}", mask=mask)


@click.command()
@_IDS
@click.option("--target", metavar="NAME", help="All dead ones of this target; needs --dead.")
@click.option("--dead", is_flag=True, help="With --target: those that were given up.")
@options.YES
@options.AS_JSON
@operation
def retry(*, ids: tuple[int, ...], target: str | None, dead: bool, yes: bool, as_json: bool) -> None:
    """Try deliveries again, now.

    Each may be attempted ten times more. What was delivered is not sent again: for that there is
    `receiver replay`.
    """
    if bool(ids) == (target is not None) or dead != (target is not None):
        raise click.UsageError("Give IDs, or --target NAME --dead.")
    log = current.deliveries()
    if target is None:
        _require(ids)
        changed = log.retry(ids)
        _passed_over(len(set(ids)) - changed, "delivered already, or being tried right now")
        _mention_replay(ids)
    else:
        found = current.targets().get(target)
        waits = log.dead().get(found.id, 0)
        if waits and not output.confirmed(f"Try {count_of(waits, 'delivery', 'deliveries')} again?", yes=yes):
            return
        changed = log.retry_dead(found.id)
    _told("retried", changed, as_json)


@click.command()
@_IDS
@click.option("--why", help="A reason, kept with each.")
@options.AS_JSON
@operation
def cancel(*, ids: tuple[int, ...], why: str | None, as_json: bool) -> None:
    """Give up deliveries that wait."""
    if not ids:
        raise click.UsageError("Give the IDs of deliveries.")
    _require(ids)
    said = f"cancelled by {who()}"
    changed = current.deliveries().cancel(ids, f"{said}: {why}" if why else said)
    _passed_over(len(set(ids)) - changed, "not waiting")
    _told("cancelled", changed, as_json)


def _told(what: str, changed: int, as_json: bool) -> None:
    if as_json:
        output.json_out({what: changed})
    else:
        click.echo(f"{what} {count_of(changed, 'delivery', 'deliveries')}")


def _passed_over(number: int, why: str) -> None:
    if number:
        output.say(f"{count_of(number, 'delivery', 'deliveries')} {why}: passed over")


def _mention_replay(ids: tuple[int, ...]) -> None:
    """How to send again what was delivered, by the first of these that was."""
    found = (current.deliveries().get(one) for one in ids)
    done = next((one for one in found if one and one.state is DeliveryState.DELIVERED), None)
    if done is not None:
        again = f"receiver replay --event {done.event_id} --to {shlex.quote(done.target)}"
        output.say(f"to send it again: {again}")


def _require(ids: tuple[int, ...]) -> None:
    if missing := current.deliveries().missing(ids):
        raise _unknown(missing)


def _unknown(ids: list[int]) -> UnknownDelivery:
    return UnknownDelivery(f"there is no delivery {', '.join(map(str, ids))}: nothing was done")
