"""`receiver events interventions`: the record of what operators did, when and to whom."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import click

from receiver import current
from receiver.access import record
from receiver.access.record import ACTIONS, About, Action
from receiver.cli import options, output, pages, tables
from receiver.cli.columns import Column
from receiver.cli.events.removing import secret, written
from receiver.cli.operation import operation
from receiver.models import Intervention
from receiver.retention.erase import is_about

_FIELDS = (
    *("id", "made_at", "action", "who", "whom", "detail"),
    *("events", "repeats", "spooled", "first_at", "last_at", "why"),
)


@click.command()
@click.option("--number", metavar="NUMBER", help="Only erasures of this number.")
@click.option("--about", type=click.Choice([one.value for one in About]), help="Only what was done to these.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), metavar="N", help="How many.")
@click.option("--before", type=click.IntRange(1), metavar="N", help="Only what is older than this entry.")
@options.AS_JSON
@operation
def list_interventions(
    number: str | None, about: str | None, limit: int, before: int | None, as_json: bool
) -> None:
    """List what operators did to the log, to users, to tokens, to targets and to rules.

    Newest first: releases and their undoing, drops, erasures and prunings; users, tokens and
    targets that were made, changed or removed; targets that were paused; replays; switches.
    """
    if number is not None:
        if about is not None or before is not None:
            raise click.UsageError("--number looks through all erasures: give it alone.")
        page = record.Page(_erasures_of(number, limit), None)
    else:
        page = record.find(
            current.engine(), ACTIONS[About(about)] if about else (), before=before, limit=limit
        )
    if as_json:
        made = [{name: getattr(one, name) for name in _FIELDS} for one in page.made]
        output.json_out({"interventions": made, "next": None if page.next is None else str(page.next)})
        return
    if not page.made:
        output.say("none")
        return
    tables.show(
        ("time (UTC)", "action", "who", Column("what", room=12), Column("why", room=12)),
        [(written(one.made_at), one.action, one.who, record.words(one), one.why) for one in page.made],
    )
    pages.mention_older(page.next)


def _erasures_of(number: str, limit: int) -> Sequence[Intervention]:
    """Of all there ever were: somebody asks whether a person was erased."""
    erasures = record.every(current.engine(), (Action.ERASE,))
    about = (one for one in erasures if one.subject and is_about(one, number, secret()))
    return list(islice(about, limit))
