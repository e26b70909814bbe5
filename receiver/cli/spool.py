"""`receiver spool`: callbacks that wait for the database."""

from __future__ import annotations

from dataclasses import asdict

import click
from sqlalchemy.exc import SQLAlchemyError

from receiver import current
from receiver.cli import options, output
from receiver.cli.operation import operation
from receiver.db.engine import reason_of
from receiver.db.schema import require_schema


@click.command()
@options.AS_JSON
@operation
def status(as_json: bool) -> None:
    """Show how many callbacks wait, and since when.

    Also shows how many were set aside because they cannot become events.
    """
    state = current.spool().state()
    if as_json:
        output.json_out(asdict(state))
        return
    click.echo(f"waiting {state.waiting}, set aside {state.set_aside}")
    if state.oldest is not None:
        click.echo(f"oldest received {state.oldest:%Y-%m-%d %H:%M:%S} UTC")


@click.command()
@operation
def drain() -> None:
    """Move what waits into the database now.

    The running service does so by itself; both may run at once.
    """
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
