"""`receiver users`: the people who may use the console."""

from __future__ import annotations

import sys

import click

from receiver import current
from receiver.access.scopes import EXPLAINED, Scope
from receiver.cli import options, output, tables
from receiver.cli.events.removing import who
from receiver.cli.operation import operation
from receiver.vocabulary.printable import count_of, printable

_ROLES = click.Choice([scope.value for scope in Scope])
_password_stdin = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input instead of asking for it."
)


@click.command()
@click.argument("name")
@click.option(
    "--role",
    type=_ROLES,
    default=Scope.READ.value,
    show_default=True,
    help=EXPLAINED,
)
@_password_stdin
@operation
def add(name: str, role: str, password_stdin: bool) -> None:
    """Add a user.

    Asks for the password of NAME.
    """
    password = _password(password_stdin)
    current.users().add(name, password, Scope(role), by=who())
    output.say(f"{name.lower()} may sign in now ({role})")


@click.command()
@options.AS_JSON
@operation
def list_users(as_json: bool) -> None:
    """List the users.

    Times are UTC.
    """
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
        output.say("there are no users: add one with `receiver users add NAME`")
    else:
        tables.show(
            ("name", "role", "created (UTC)", "last signed in"),
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


@click.command()
@click.argument("name")
@_password_stdin
@operation
def passwd(name: str, password_stdin: bool) -> None:
    """Give a user a new password.

    Signs NAME out everywhere.
    """
    current.users().get(name)
    password = _password(password_stdin)
    current.users().set_password(name, password, by=who())
    output.say(f"{name.lower()} has a new password, and was signed out everywhere")


@click.command()
@click.argument("name")
@click.argument("role", type=_ROLES)
@operation
def role(name: str, role: str) -> None:
    """Give a user another role.

    It counts from the next page that NAME opens. The only admin stays admin.
    """
    current.users().set_role(name, Scope(role), by=who())
    output.say(f"{name.lower()} has the role {role}")


@click.command()
@click.argument("name")
@operation
def sign_out(name: str) -> None:
    """Sign a user out everywhere.

    NAME may sign in again. A new password or a removal does it, too.
    """
    user = current.users().get(name)
    ended = current.browsers().sign_out_all(user.name, by=who())
    output.say(f"{user.name} was signed out of {count_of(ended, 'browser')}")


@click.command()
@click.argument("name")
@options.YES
@operation
def remove(name: str, yes: bool) -> None:
    """Remove a user.

    Signs NAME out everywhere. The only admin cannot be removed.
    """
    current.users().get(name)
    if not output.confirmed(f"Remove {printable(name)}?", yes=yes):
        return
    current.users().remove(name, by=who())
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
