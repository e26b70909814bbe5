"""`flask db`: the schema."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from receiver import current
from receiver.cli import output
from receiver.db import schema, space


@click.group()
def db() -> None:
    """Upgrade, downgrade and show the database schema."""


@db.command()
@with_appcontext
def upgrade() -> None:
    """Bring the schema up to what this version needs. Safe to run twice, and from two machines at once."""
    with output.operation_errors():
        before = schema.current_revision(current.engine())
        schema.upgrade(current.engine())
        after = schema.current_revision(current.engine())
    click.echo(f"at revision {after}, nothing to do" if before == after else f"upgraded to revision {after}")


@db.command()
@click.argument("revision")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_appcontext
def downgrade(revision: str, yes: bool) -> None:
    """Take the schema back to REVISION, or `base`. Going back below a table deletes what it holds."""
    with output.operation_errors():
        schema.require_revision(revision)
    question = f"Go back to revision {revision}? Tables made since are dropped with their rows."
    if not output.confirmed(question, yes=yes):
        return
    with output.operation_errors():
        schema.downgrade(current.engine(), revision)
        click.echo(f"at revision {schema.current_revision(current.engine()) or 'base (empty)'}")


@db.command("current", short_help="Show the revision of the database, and the one needed.")
@with_appcontext
def show_current() -> None:
    """Show the revision of the database and the one this version needs."""
    with output.operation_errors():
        now = schema.current_revision(current.engine())
    newest = schema.newest_revision()
    click.echo(f"database {now or 'empty'}, needed {newest}")
    if now != newest:
        raise click.ClickException("run `flask db upgrade`")


@db.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_appcontext
def compact(yes: bool) -> None:
    """Write the database anew, without the room of what was deleted.

    Takes as much free disk again, and time that grows with the log; callbacks that come in meanwhile are
    held by the spool. A log made by an early version gives room back by itself only after this.
    """
    if not output.confirmed("Write the whole database anew?", yes=yes):
        return
    with output.operation_errors(), output.progress("writing the database anew"):
        space.compact(current.engine())
    click.echo("compacted")
