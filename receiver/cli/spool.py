"""`flask spool`: callbacks that wait for the database."""

from __future__ import annotations

from dataclasses import asdict

import click
from flask.cli import with_appcontext
from sqlalchemy.exc import SQLAlchemyError

from receiver import current
from receiver.cli import output
from receiver.db.engine import reason_of
from receiver.db.schema import require_schema


@click.group(short_help="See and move what waits for the database.")
def spool() -> None:
    """See and move the callbacks that the database could not take when they came."""


@spool.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_appcontext
def status(as_json: bool) -> None:
    """Show how many wait, how many were set aside, and since when."""
    with output.operation_errors():
        state = current.spool().state()
    if as_json:
        output.json_out(asdict(state))
        return
    click.echo(f"waiting {state.waiting}, set aside {state.set_aside}")
    if state.oldest is not None:
        click.echo(f"oldest received {state.oldest:%Y-%m-%d %H:%M:%S} UTC")


@spool.command()
@with_appcontext
@output.operation_errors()
def drain() -> None:
    """Move what waits into the database now. The running service does so by itself; both may at once."""
    require_schema(current.engine())
    moved = 0
    try:
        while step := current.spool().drain(current.writer()):
            moved += step
    except SQLAlchemyError as error:
        raise click.ClickException(
            f"moved {moved}, then the database failed: {reason_of(error)}. The rest is still in the spool"
        ) from None
    click.echo(f"moved {moved}")
