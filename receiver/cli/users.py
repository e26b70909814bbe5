"""`flask users`: the people who may use the console."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask.cli import with_appcontext

from receiver import current
from receiver.access.scopes import Scope
from receiver.access.users import UserError
from receiver.cli import output

_password_stdin = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input instead of asking for it."
)


@click.group()
def users() -> None:
    """List, add and remove those who may sign in to the console."""


@users.command()
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice([scope.value for scope in Scope]),
    default=Scope.READ.value,
    show_default=True,
    help="read the log; operate: also decide about quarantined events; admin: everything.",
)
@_password_stdin
@with_appcontext
def add(name: str, role: str, password_stdin: bool) -> None:
    """Make a user NAME, and ask for the password."""
    password = _password(password_stdin)
    with output.operation_errors(), _user_errors():
        current.users().add(name, password, Scope(role))
    output.say(f"{name.lower()} may sign in now ({role})")


@users.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_appcontext
def list_users(as_json: bool) -> None:
    """List the users. Times are UTC."""
    with output.operation_errors():
        everybody = current.users().all()
    if as_json:
        output.json_out(
            {
                "users": [
                    {
                        "name": user.name,
                        "role": user.role,
                        "created_at": user.created_at,
                        "signed_in_at": user.signed_in_at,
                    }
                    for user in everybody
                ]
            }
        )
    elif not everybody:
        output.say("there are no users: make one with `flask users add NAME`")
    else:
        output.table(
            ("name", "role", "made (UTC)", "last signed in"),
            [
                (
                    user.name,
                    user.role,
                    f"{user.created_at:%Y-%m-%d %H:%M}",
                    f"{user.signed_in_at:%Y-%m-%d %H:%M}" if user.signed_in_at else "never",
                )
                for user in everybody
            ],
        )


@users.command()
@click.argument("name")
@_password_stdin
@with_appcontext
def passwd(name: str, password_stdin: bool) -> None:
    """Give NAME a new password. Ends every sign-in of that user."""
    with output.operation_errors(), _user_errors():
        current.users().require(name)
    password = _password(password_stdin)
    with output.operation_errors(), _user_errors():
        current.users().set_password(name, password)
    output.say(f"{name.lower()} has a new password, and was signed out everywhere")


@users.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_appcontext
def remove(name: str, yes: bool) -> None:
    """Remove NAME, and end every sign-in of that user."""
    with output.operation_errors(), _user_errors():
        current.users().require(name)
    if not output.confirmed(f"Remove {output.printable(name)}?", yes=yes):
        return
    with output.operation_errors(), _user_errors():
        current.users().remove(name)
    output.say(f"{name.lower()} was removed")


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.read().removesuffix("\n").removesuffix("\r")
    if not sys.stdin.isatty():
        raise click.ClickException(
            "nobody can be asked for a password here: pipe it in with --password-stdin"
        )
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return password


@contextmanager
def _user_errors() -> Iterator[None]:
    try:
        yield
    except UserError as error:
        raise click.ClickException(output.printable(str(error))) from None
