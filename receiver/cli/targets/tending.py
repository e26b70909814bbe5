"""`receiver targets test`, `pause` and `resume`."""

from __future__ import annotations

import shlex

import click

from receiver import current
from receiver.cli import options, output, progress
from receiver.cli.events.removing import who
from receiver.cli.operation import operation
from receiver.cli.targets.shown import show_attempt
from receiver.relay.shown import attempt_json
from receiver.relay.trial import try_out


@click.command()
@click.argument("name")
@options.AS_JSON
@operation
def test_target(name: str, as_json: bool) -> None:
    """Send a target something made up, now.

    It is an event of the kind that the target's search asks for, marked as a test. It goes straight there,
    also while the target is paused, and leaves nothing in the log. Exits with 1 if it is not delivered.
    """
    target = current.targets().get(name)
    with progress.spinner(f"sending a test to {target.name}"):
        attempt = try_out(target, current.surroundings())
    if as_json:
        output.json_out({"target": target.name, **attempt_json(attempt)})
    else:
        show_attempt(attempt, "test")
    raise SystemExit(0 if attempt.delivered else 1)


@click.command()
@click.argument("name")
@click.option("--why", default="", help="A reason, shown wherever the target is.")
@operation
def pause(name: str, why: str) -> None:
    """Hold back what goes to a target.

    What arrives waits, and goes out when it is resumed.
    """
    target = current.targets().pause(name, by=who(), why=why)
    again = f"receiver targets resume {shlex.quote(target.name)}"
    output.say(f"{target.name} is paused; what arrives waits for `{again}`")


@click.command()
@click.argument("name")
@operation
def resume(name: str) -> None:
    """Send a target what waited, and what arrives.

    Also tries a failing one at once.
    """
    target = current.targets().resume(name, by=who())
    output.say(f"{target.name} is active")
