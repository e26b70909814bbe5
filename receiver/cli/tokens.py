"""`receiver tokens`: what programs show to use the query API."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import click

from receiver import current
from receiver.access.scopes import EXPLAINED, Scope
from receiver.access.tokens import KNOWN_FOR, KnownToken, TokenError, lifetime
from receiver.cli import options, output, tables
from receiver.cli.columns import Column
from receiver.cli.events.removing import who
from receiver.cli.operation import operation


class Lifetime(click.ParamType[timedelta]):
    """How long, such as 12h, 90d or 52w."""

    name = "12h|90d|52w"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        try:
            return lifetime(str(value))
        except TokenError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.argument("name")
@click.option(
    "--scope",
    type=click.Choice([one.value for one in Scope]),
    default=Scope.READ.value,
    show_default=True,
    help=EXPLAINED,
)
@click.option(
    "--expires",
    type=Lifetime(),
    metavar=Lifetime.name,
    help="When it stops working, such as 90d from now; never by default.",
)
@options.AS_JSON
@operation
def create(name: str, scope: str, expires: timedelta | None, as_json: bool) -> None:
    """Create a token.

    NAME is the program or person that will use it. The token is shown only once: only its digest is kept.
    """
    made, token = current.tokens().create(name, Scope(scope), expires, by=who())
    if as_json:
        output.json_out(
            {"name": made.name, "scope": made.scope, "expires_at": made.expires_at, "token": token}
        )
        return
    until = "" if made.expires_at is None else f" until {made.expires_at:%Y-%m-%d %H:%M} UTC"
    output.say(f"{made.name} may {made.scope}{until}. Keep the token now, it is not shown again:")
    click.echo(token)


@click.command()
@options.AS_JSON
@operation
def list_tokens(as_json: bool) -> None:
    """List the tokens, but not their secrets.

    Times are UTC.
    """
    everyone = current.tokens().all()
    if as_json:
        output.json_out({"tokens": [asdict(token) for token in everyone]})
        return
    if everyone:
        tables.show(
            ("name", "scope", Column("created (UTC)", goes=1), "last used", "state"),
            [_line(token) for token in everyone],
        )
    else:
        output.say("there are no tokens: create one with `receiver tokens create NAME`")
    if fixed := len(current.config().api_tokens):
        output.say(f"besides, API_TOKENS in the settings holds {fixed}, with scope admin")


@click.command()
@click.argument("name")
@operation
def revoke(name: str) -> None:
    """Revoke a token for good."""
    revoked = current.tokens().revoke(name, by=who())
    output.say(f"{revoked.name} is revoked; a running service refuses it within {KNOWN_FOR:.0f} seconds")


def _line(token: KnownToken) -> tuple[str, str, str, str, str]:
    now = datetime.now(UTC)
    if token.revoked_at is not None:
        state = f"revoked {token.revoked_at:%Y-%m-%d}"
    elif token.expires_at is None:
        state = "good"
    else:
        state = f"{'good until' if token.good(now) else 'expired'} {token.expires_at:%Y-%m-%d}"
    return (
        token.name,
        token.scope,
        f"{token.created_at:%Y-%m-%d %H:%M}",
        f"{token.used_at:%Y-%m-%d %H:%M}" if token.used_at else "never",
        state,
    )
