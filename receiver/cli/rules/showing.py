"""`receiver rules show`: the rules of a number, to look at."""

from __future__ import annotations

from datetime import UTC, datetime

import click
from rich.cells import cell_len, set_cell_size

from receiver.answering.picture import picture
from receiver.answering.rules import Number, Rules
from receiver.answering.shown import lines
from receiver.cli import options, output
from receiver.cli.operation import operation
from receiver.cli.rules import given
from receiver.vocabulary.printable import printable

WIDTH = 80


@click.command()
@click.argument("number", required=False, type=options.NumberType())
@click.option("--svg", is_flag=True, help="Write a picture for a browser instead.")
@operation
def show(number: str | None, svg: bool) -> None:
    """Show which rules a number has, and the flows they lead to.

    Without NUMBER it shows all of them. While the file cannot be used, it shows the rules that are in force.
    """
    rules = given.rules_in_force()
    chosen = [one_of(rules, number)] if number else list(rules.numbers.values())
    now = datetime.now(UTC)
    for at, one in enumerate(chosen):
        if svg:
            click.echo(picture(rules, one, alone=True))
            continue
        if at:
            click.echo()
        for line in lines(rules, one, now):
            click.echo(fitted(line))


def one_of(rules: Rules, number: str) -> Number:
    """The rules of a number."""
    found = rules.numbers.get(number)
    if found is None:
        named = ", ".join(map(output.spoken, rules.numbers)) or "none"
        raise given.NoRules(f"there are no rules for {output.spoken(number)}; there are some for {named}")
    return found


def fitted(line: str) -> str:
    """A line that a terminal of 80 columns holds."""
    text = printable(line)
    return text if cell_len(text) <= WIDTH else set_cell_size(text, WIDTH - 1).rstrip() + "…"
