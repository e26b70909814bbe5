"""`receiver events interventions`: what was released and deleted, when and by whom."""

from __future__ import annotations

import click

from receiver import current
from receiver.cli import options, output, tables
from receiver.cli.events.removing import secret, written
from receiver.cli.operation import operation
from receiver.retention.erase import is_about
from receiver.retention.remove import interventions


@click.command()
@click.option("--number", metavar="NUMBER", help="Only erasures of this number.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), metavar="N", help="How many.")
@options.AS_JSON
@operation
def list_interventions(number: str | None, limit: int, as_json: bool) -> None:
    """List what was released and deleted, and by whom.

    Newest first: releases and their undoing, drops, erasures and prunings.
    """
    made = interventions(current.engine(), limit)
    if number is not None:
        made = [one for one in made if one.subject and is_about(one, number, secret())]
    columns = ("made_at", "action", "who", "events", "repeats", "spooled", "first_at", "last_at", "why")
    if as_json:
        output.json_out({"interventions": [{name: getattr(one, name) for name in columns} for one in made]})
        return
    if not made:
        output.say("none")
        return
    tables.show(
        ("made (UTC)", "action", "who", "events", "why"),
        [(written(one.made_at), one.action, one.who, one.events, one.why) for one in made],
    )
