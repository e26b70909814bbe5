"""`receiver spool`: callbacks that wait for the database, and those that it refused for good."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import asdict

import click
from sqlalchemy.exc import SQLAlchemyError

from receiver import current
from receiver.cli import options, output, tables
from receiver.cli.columns import Column
from receiver.cli.events.removing import who
from receiver.cli.operation import operation
from receiver.db.failure import reason_of
from receiver.db.schema import require_schema
from receiver.intake.distrust import explained
from receiver.search.set_aside import set_aside_json
from receiver.vocabulary.printable import count_of, size


@click.command()
@options.AS_JSON
@operation
def status(as_json: bool) -> None:
    """Show how many callbacks wait, and since when.

    Also shows how many were set aside because they cannot become events.
    """
    state = current.spool().state()
    damaged = [str(path) for path in current.spool().moved_aside()]
    if as_json:
        output.json_out(asdict(state) | {"damaged_files": damaged})
        return
    click.echo(f"waiting {state.waiting}, set aside {state.set_aside}")
    if state.oldest is not None:
        click.echo(f"oldest received {state.oldest:%Y-%m-%d %H:%M:%S} UTC")
    for path in damaged:
        click.echo(f"damaged, moved aside: {path}")


@click.command()
@operation
def drain() -> None:
    """Move what waits into the database now.

    The running service does so by itself; both may run at once.
    """
    require_schema(current.engine())
    moved = set_aside = locked = 0
    try:
        while True:
            step = current.spool().drain(current.writer())
            moved, set_aside, locked = moved + step.moved, set_aside + step.set_aside, locked + step.locked
            if not step:
                break
    except SQLAlchemyError as error:
        raise click.ClickException(
            f"moved {moved}, then the database failed: {reason_of(error)}. The rest is still in the spool"
        ) from None
    click.echo(f"moved {moved}")
    if set_aside:
        output.say(f"set aside {set_aside} that the database refuses: see `receiver spool list`")
    if locked:
        output.say(f"{count_of(locked, 'still waits', 'still wait')}: somebody holds a lock on their events")


@click.command()
@options.AS_JSON
@operation
def list_set_aside(as_json: bool) -> None:
    """List callbacks that were set aside, with the reason for each."""
    aside = current.spool().set_aside()
    if as_json:
        output.json_out({"set_aside": [set_aside_json(each) for each in aside]})
        return
    rows = [
        (
            each.position,
            f"{each.received_at:%Y-%m-%d %H:%M:%S}",
            each.kind,
            size(len(each.body)),
            each.set_aside,
        )
        for each in aside
    ]
    if not rows:
        output.say("nothing was set aside")
        return
    tables.show(("id", "received (UTC)", "kind", Column("body", goes=1), Column("reason", room=20)), rows)


@click.command()
@click.argument("position", type=click.IntRange(1), metavar="ID")
@options.AS_JSON
@operation
def show(position: int, as_json: bool) -> None:
    """Show one callback that was set aside, with its raw request."""
    found = current.spool().set_aside_at(position)
    if found is None:
        raise click.ClickException(f"no callback {position} was set aside: see `receiver spool list`")
    document = set_aside_json(found)
    if as_json:
        output.json_out(document)
        return
    raw = document.pop("raw")
    headers = "\n".join(f"{name}: {value}" for name, value in raw.pop("headers").items())
    body = base64.b64decode(raw.pop("body_base64")).decode("utf-8", "backslashreplace")
    means = explained(found.distrust, current.expected()) or None
    shown = document | {"distrust_means": means} | raw | {"headers": headers, "body": body}
    tables.show(
        ("field", "value"), [(name, str(value)) for name, value in shown.items() if value is not None]
    )


def _chosen(command: Callable[..., None]) -> Callable[..., None]:
    everything = click.option("--all", "everything", is_flag=True, help="All that were set aside.")
    ids = click.argument("ids", nargs=-1, type=click.IntRange(1), metavar="[ID]...")
    return ids(everything(command))


@click.command()
@_chosen
@operation
def retry(ids: tuple[int, ...], everything: bool) -> None:
    """Let callbacks that were set aside wait for the database again.

    Do this once the reason is gone. The service or `receiver spool drain` then moves them.
    """
    again = current.spool().retry(_which(ids, everything), who=who())
    click.echo(f"{count_of(again, 'waits', 'wait')} again")


@click.command()
@_chosen
@options.YES
@operation
def drop(ids: tuple[int, ...], everything: bool, yes: bool) -> None:
    """Delete callbacks that were set aside.

    Nothing of them is kept: save what `receiver spool show` says first.
    """
    which = _which(ids, everything)
    if output.confirmed("Delete them for good?", yes=yes):
        click.echo(f"dropped {current.spool().drop(which, who=who())}")


def _which(ids: tuple[int, ...], everything: bool) -> tuple[int, ...] | None:
    if bool(ids) == everything:
        raise click.UsageError("Give IDs, or --all.")
    return ids or None
