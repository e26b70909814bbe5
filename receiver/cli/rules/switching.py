"""`receiver rules switch`: what is set by hand, such as "on holiday"."""

from __future__ import annotations

from collections.abc import Collection

import click

from receiver import current
from receiver.answering.problems import RulesError, meant
from receiver.answering.switches import switch, switched_on
from receiver.cli import output, tables
from receiver.cli.events.removing import who
from receiver.cli.operation import operation
from receiver.cli.rules import given
from receiver.db.schema import require_schema


@click.command("switch")
@click.argument("name", required=False)
@click.argument("state", required=False, type=click.Choice(["on", "off"]))
@operation
def switch_rules(name: str | None, state: str | None) -> None:
    """Set a switch that rules ask for, or list them all.

    It holds for calls that come in from now on, within two seconds in every process.
    """
    require_schema(current.engine())
    on = switched_on(current.engine())
    named = _named(on)
    if name is None or state is None:
        rows = [(one, "on" if one in on else "off", on.get(one)) for one in sorted({*named, *on})]
        tables.show(("switch", "is", "since"), rows)
        return
    if name not in named and not (name in on and state == "off"):
        known = ", ".join(map(repr, sorted(named))) or "none"
        raise given.NoRules(f"the rules have no switch {name!r}{meant(name, named)}. There are: {known}")
    changed = switch(current.engine(), name, on=state == "on", by=who())
    output.say(f"{name!r} is {state} now." if changed else f"{name!r} was {state} already.")


def _named(on: Collection[str]) -> Collection[str]:
    """The switches that the rules in force ask for; if nobody knows those, what is on can still be set."""
    try:
        return given.rules_in_force().switches
    except RulesError as fault:
        if not on:
            raise
        output.say(f"warning: {fault}")
        return on
