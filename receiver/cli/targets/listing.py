"""`receiver targets list` and `show`."""

from __future__ import annotations

import click

from receiver import current
from receiver.cli import options, output, tables
from receiver.cli.columns import Column
from receiver.cli.operation import operation
from receiver.cli.searching import UTC_OPTION, Shown
from receiver.cli.targets.shown import fields, state_of
from receiver.relay.delivery import DeliveryState
from receiver.relay.shown import discreet, target_json
from receiver.relay.sorts import SORTS, place


@click.command()
@UTC_OPTION
@options.MASK
@options.AS_JSON
@operation
def list_targets(*, utc: bool, mask: bool, as_json: bool) -> None:
    """List the targets and how they stand."""
    everywhere, counts = current.targets().all(), current.deliveries().counts()
    if as_json:
        found = [target_json(target, counts.get(target.id, {}), mask=mask) for target in everywhere]
        output.json_out({"targets": found})
        return
    if not everywhere:
        output.say("there are no targets: add one with `receiver targets add`")
        return
    shown = Shown(utc)
    rows = []
    for target in everywhere:
        own = counts.get(target.id, {})
        waiting, dead = own.get(DeliveryState.WAITING, 0), own.get(DeliveryState.DEAD, 0)
        to = f"{target.sort} {discreet(place(target), mask=mask)}"
        rows.append((target.name, to, waiting, dead, state_of(target, shown, mask=mask)))
    tables.show(
        (Column("name", room=16), Column("to", room=16), "waiting", "dead", Column("state", room=20)), rows
    )


@click.command()
@click.argument("name")
@click.option("--secret", is_flag=True, help="Also show what the other side verifies deliveries with.")
@UTC_OPTION
@options.MASK
@options.AS_JSON
@operation
def show(*, name: str, secret: bool, utc: bool, mask: bool, as_json: bool) -> None:
    """Show one target.

    Of its settings nothing is shown that is secret, unless you ask for the signing secret.
    """
    target = current.targets().get(name)
    document = target_json(target, current.deliveries().counts().get(target.id, {}), mask=mask)
    if secret:
        document["secret"] = SORTS[target.sort].secret(target.settings)
    if as_json:
        output.json_out(document)
        return
    words = state_of(target, Shown(utc), mask=mask)
    rows = [(field, words if field == "state" else value) for field, value in fields(document)]
    tables.show(("field", "value"), rows)
    if secret and document["secret"] is None:
        output.say(f"a target of the sort {target.sort} has no signing secret")
