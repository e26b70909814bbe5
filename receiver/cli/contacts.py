"""`receiver contacts`: names for the numbers that call and write."""

from __future__ import annotations

from typing import BinaryIO

import click

from receiver import current
from receiver.cli import options, output, tables
from receiver.cli.operation import operation
from receiver.cli.searching import masked
from receiver.contacts.book import contact_json
from receiver.contacts.importing import import_file, imported_json, imported_words
from receiver.contacts.reading import LARGEST_FILE


@click.command()
@click.argument("part", metavar="[NAME]", default="")
@options.AS_JSON
@options.MASK
@operation
def list_contacts(part: str, as_json: bool, mask: bool) -> None:
    """List the contacts by name.

    With NAME, only those with this in their name or number.
    """
    found = [masked(contact_json(one), mask) for one in current.contacts().named(part)]
    if as_json:
        output.json_out({"contacts": found})
    elif found:
        tables.show(("number", "name"), [(one["number"], one["name"]) for one in found])
    elif part:
        output.say(f"nobody has {part!r} in the name")
    else:
        output.say("there are no contacts: add one with `receiver contacts add NUMBER NAME`")


@click.command()
@click.argument("number")
@click.argument("name")
@options.AS_JSON
@operation
def add(number: str, name: str, as_json: bool) -> None:
    """Give a number a name, or another one.

    It is shown wherever the number called or wrote, also long ago.
    """
    contact, new = current.contacts().put(number, name)
    if as_json:
        output.json_out(contact_json(contact))
    else:
        output.say(f"{output.spoken(contact.number)} is {contact.name}{'' if new else ' now'}")


@click.command()
@click.argument("number")
@operation
def remove(number: str) -> None:
    """Take a number's name away.

    What came from the number stays in the log.
    """
    if not current.contacts().remove(number):
        raise click.ClickException(
            f"{output.spoken(number)} has no name: `receiver contacts list` shows which have one"
        )
    output.say(f"{output.spoken(number)} has no name any more")


@click.command("import")
@click.argument("file", type=click.File("rb"))
@options.DRY_RUN
@options.AS_JSON
@operation
def import_contacts(file: BinaryIO, dry_run: bool, as_json: bool) -> None:
    """Read names and numbers from CSV or vCard.

    FILE is CSV with the columns name and number, or as Google and Outlook export it, or a vCard file; - is
    standard input. A name in the file replaces the one that a number has. A line that cannot be read is
    reported, the others go in all the same, and the exit code is 1.
    """
    imported = import_file(current.contacts(), file.read(LARGEST_FILE + 1), dry_run=dry_run)
    if as_json:
        output.json_out(imported_json(imported))
    else:
        if imported.problems:
            tables.show(
                ("line", "why it was not read"), [(one.line, one.reason) for one in imported.problems]
            )
        output.say(imported_words(imported))
    raise SystemExit(1 if imported.problems else 0)
