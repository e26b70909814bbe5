"""`receiver events erase`: everything about a telephone number, deleted for good."""

from __future__ import annotations

import click

from receiver import current
from receiver.cli import options, output, progress, tables
from receiver.cli.events.removing import deleting, removed_json, secret, who, with_documents
from receiver.cli.operation import operation
from receiver.retention.erase import End, Erased, Erasure, Found
from receiver.vocabulary.printable import count_of


@click.command()
@click.option("--from", "--sender", "sender", metavar="NUMBER", help="Everything that came from this number.")
@click.option(
    "--to", "--recipient", "recipient", metavar="NUMBER", help="Everything that came to this number."
)
@click.option(
    "--number",
    metavar="NUMBER",
    help="Everything in which this number is either end, was dialled, or forwarded the call.",
)
@options.DRY_RUN
@options.YES
@options.AS_JSON
@operation
def erase(dry_run: bool, yes: bool, as_json: bool, **ends: str | None) -> None:
    """Erase everything about a telephone number.

    Deletes its events with their whole calls, repeats, raw bytes and documents, its name among the contacts,
    what waits in this machine's spool, and their traces on the disk. A record of the erasure stays, without
    the number.
    """
    given = [(End(end), number) for end, number in ends.items() if number is not None]
    if len(given) != 1:
        raise click.UsageError("Give one of --from, --to and --number.")
    ((end, number),) = given
    erasure = Erasure(current.engine(), current.archive_store(), current.spool(), number, end)
    with progress.spinner("looking"):
        found = erasure.find()
    if dry_run or not as_json:
        _show_found(found, as_json)
    if dry_run or (not found.nothing and not output.confirmed("Erase all of it for good?", yes=yes)):
        return
    if found.nothing:
        if as_json:
            output.json_out(Erased(0, 0, 0, 0))
        return
    total = sum(part.events for part in found.kinds.values())
    with deleting("erasing, then writing the file anew", total) as told:
        done = erasure.run(who(), secret(), told)
    if as_json:
        output.json_out(done)
        return
    spooled = f", and {count_of(done.spooled, 'callback')} from the spool" if done.spooled else ""
    named = ", and its name" if done.contacts else ""
    sent = f", and its number in {count_of(done.replays, 'replay')}" if done.replays else ""
    rest = f"{with_documents(done.documents)}{spooled}{named}{sent}"
    click.echo(f"erased {count_of(done.events, 'event')} and {count_of(done.repeats, 'repeat')}{rest}")


def _show_found(found: Found, as_json: bool) -> None:
    if as_json:
        output.json_out(
            {
                "kinds": {kind: removed_json(part) for kind, part in found.kinds.items()},
                "spooled": found.spooled,
                "documents": found.documents,
                "contacts": found.contacts,
                "replays": found.replays,
            }
        )
        return
    if found.nothing:
        output.say("nothing is known of this number")
        return
    rows = [
        (kind, part.events, part.repeats, f"{part.first:%Y-%m-%d %H:%M}", f"{part.last:%Y-%m-%d %H:%M}")
        for kind, part in sorted(found.kinds.items())
    ]
    if rows:
        tables.show(("kind", "events", "repeats", "first (UTC)", "last (UTC)"), rows)
    if found.documents:
        output.say(f"with {count_of(found.documents, 'document')}")
    if found.spooled:
        output.say(f"{found.spooled} more wait in the spool")
    if found.contacts:
        output.say("and its name among the contacts")
    if found.replays:
        output.say(f"and its number in the search of {count_of(found.replays, 'replay')}")
