"""`receiver db`: the schema, the space that the database takes, and copies of it."""

from __future__ import annotations

from pathlib import Path

import click

from receiver import current
from receiver.cli import options, output, progress
from receiver.cli.operation import operation
from receiver.db import backup as copies
from receiver.db import schema, space
from receiver.vocabulary.printable import size


@click.command()
@operation
def upgrade() -> None:
    """Upgrade the schema to what this version needs.

    It is safe to run it twice, and on two machines at once.
    """
    before = schema.current_revision(current.engine())
    schema.upgrade(current.engine())
    after = schema.current_revision(current.engine())
    click.echo(f"at revision {after}, nothing to do" if before == after else f"upgraded to revision {after}")


@click.command()
@click.argument("revision")
@options.YES
@operation
def downgrade(revision: str, yes: bool) -> None:
    """Take the schema back to an earlier revision.

    REVISION `base` is the empty database. Tables that came after the revision are dropped with their rows.
    """
    schema.require_revision(revision)
    question = f"Go back to revision {revision}? Tables made since are dropped with their rows."
    if not output.confirmed(question, yes=yes):
        return
    schema.downgrade(current.engine(), revision)
    click.echo(f"at revision {schema.current_revision(current.engine()) or 'base (empty)'}")


@click.command()
@operation
def show_current() -> None:
    """Show the revision of the database and the one needed."""
    now = schema.current_revision(current.engine())
    newest = schema.newest_revision()
    click.echo(f"database {now or 'empty'}, needed {newest}")
    if now != newest:
        raise click.ClickException("run `receiver db upgrade`")


@click.command()
@options.YES
@operation
def compact(yes: bool) -> None:
    """Rewrite the database without the space of deleted rows.

    It needs as much free disk space as the database takes now, and time that grows with the log. The spool
    holds callbacks that come in meanwhile. A database of an early version frees space by itself only after
    this.
    """
    if not output.confirmed("Rewrite the whole database?", yes=yes):
        return
    with progress.spinner("rewriting the database"):
        space.compact(current.engine())
    click.echo("compacted")


@click.command()
@click.argument("target", metavar="FILE", type=click.Path(path_type=Path))
@operation
def backup(target: Path) -> None:
    """Write a copy of the SQLite log to a new file.

    The service may go on meanwhile. The copy is that of one moment, and only its owner can read it. It is
    checked before it gets its name. What waits in the spool is not in it. On PostgreSQL, use `pg_dump`.
    """
    with progress.spinner("copying the database"):
        written = copies.backup(current.engine(), target)
    click.echo(f"wrote {size(written)} to {target}")


@click.command()
@click.argument("source", metavar="FILE", type=click.Path(path_type=Path))
@options.YES
@operation
def restore(source: Path, yes: bool) -> None:
    """Put a copy in the place of the SQLite log.

    Stop the service first. The log that is replaced is kept beside it under another name. On PostgreSQL, use
    `pg_restore`.
    """
    copies.require_copy(current.engine(), source)  # a mistake is told before anything is asked
    if not output.confirmed(f"Replace the log by {source}?", yes=yes):
        return
    with progress.spinner("copying the database"):
        kept = copies.restore(current.engine(), source)
    click.echo("restored" if kept is None else f"restored; the log before it is now {kept}")
    if schema.current_revision(current.engine()) != schema.newest_revision():
        output.say("It was made by an earlier version: run `receiver db upgrade` before you serve it.")
