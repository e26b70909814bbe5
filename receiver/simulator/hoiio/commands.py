"""Command line of the simulated Hoiio: serve it, or make something arrive at one that is running."""

import json
from pathlib import Path
from typing import Any

import click
from flask import Flask

from receiver.simulator.commands import (
    DEFAULT_LISTEN,
    Address,
    Amount,
    Closing,
    Command,
    ask,
    given,
    report,
    serve,
    to_simulator,
)

from .client import Control
from .provider import Provider
from .server import create_simulator
from .settings import Settings


@click.group(invoke_without_command=True, context_settings={"show_default": True})
@click.option("--listen", type=Address(), default=DEFAULT_LISTEN, help="Where to answer.")
@click.option("--state", type=click.Path(path_type=Path), help="File that keeps the account over a restart.")
@click.option("--app-id", default=Settings.app_id, help="The customer's application.")
@click.option("--access-token", default=Settings.access_token, help="Its secret; also signs notifications.")
@click.option("--balance", type=Amount(), default=str(Settings.balance), help="Money of a new account.")
@click.option("--currency", default=Settings.currency, help="Currency of a new account.")
@click.option("--base-url", help="How others reach this simulator, for links to faxes and recordings.")
@click.option(
    "--rate-limit",
    type=click.IntRange(0),
    default=Settings.rate_limit,
    help="Requests a minute to each endpoint; 0 for any number.",
)
@click.option(
    "--max-subscriptions",
    type=click.IntRange(0),
    default=Settings.max_subscriptions,
    help="Numbers the account may hold.",
)
@click.option("--no-card", is_flag=True, help="No credit card on file, so no auto_extend.")
@click.option("--merge-forwarding", is_flag=True, help="update_forwarding keeps what it is not given.")
@click.option("--no-resolve", is_flag=True, help="Take forward URLs without looking up their hosts.")
@click.option(
    "--listing-delay",
    type=click.FloatRange(0),
    default=Settings.listing_delay,
    help="Seconds until get_active shows a number that was bought.",
)
@click.option("--expiry-with-time", is_flag=True, help="subscribe answers expiry with a time of day.")
@click.pass_context
def main(
    context: click.Context,
    /,
    listen: tuple[str, int],
    no_card: bool,
    no_resolve: bool,
    **settings: Any,
) -> None:
    """A simulated telephone provider: Hoiio. Serves it if no command is given.

    With --provider twilio, Twilio.
    """
    if context.invoked_subcommand is not None:
        return
    chosen = Settings(listen=listen[0], card_on_file=not no_card, resolve_hosts=not no_resolve, **settings)

    def assemble() -> tuple[Closing, Flask]:
        provider = Provider(chosen)
        return provider, create_simulator(provider)

    serve(listen, assemble, api="/open/")


def _arrival(command: Command) -> Command:
    """Options of every command that makes something arrive."""
    for option in (
        click.option("--from", "from_", required=True, help="Who calls or sends."),
        click.option("--to", required=True, help="The subscribed number."),
        click.option("--parameters", type=click.Choice(["body", "query", "both"]), help="Where they travel."),
        click.option("--duplicate", type=int, help="Send each notification so many times."),
        click.option("--delay", type=float, help="Send it so many seconds late."),
        click.option("--unsigned", is_flag=True, default=None, help="Leave the signature out."),
        click.option("--wrong-signature", is_flag=True, default=None, help="Sign with another key."),
        click.option("--extra", multiple=True, metavar="NAME=VALUE", help="Add or replace a parameter."),
    ):
        command = option(command)
    return to_simulator(command)


@main.command()
@_arrival
@click.option("--hold", type=float, help="Seconds until the caller hangs up.")
@click.option("--minutes", type=int, help="Minutes to bill, whatever the time held.")
@click.option("--digits", multiple=True, help="What the caller presses when asked; once for each time.")
def call(simulator: str, as_json: bool, **options: Any) -> None:
    """Make a call come in."""
    report(ask(Control(simulator).call, **given(options)), as_json)


@main.command()
@_arrival
@click.option("--text", help="What is on the page.")
@click.option("--failed", is_flag=True, default=None, help="The transmission fails.")
@click.option("--fax-error-code", help="Why it fails.")
@click.option("--minutes", type=int, help="Minutes to bill.")
@click.option("--link-seconds", type=int, help="How long the link to the PDF works.")
def fax(simulator: str, as_json: bool, **options: Any) -> None:
    """Make a fax come in."""
    report(ask(Control(simulator).fax, **given(options)), as_json)


@main.command()
@_arrival
@click.option("--text", required=True, help="The message.")
def sms(simulator: str, as_json: bool, **options: Any) -> None:
    """Make an SMS come in."""
    report(ask(Control(simulator).sms, **given(options)), as_json)


@main.command()
@to_simulator
def account(simulator: str, as_json: bool) -> None:
    """Show balance, numbers and what was charged."""
    shown = ask(Control(simulator).account)
    if as_json:
        click.echo(json.dumps(shown, indent=2))
        return
    click.echo(f"Balance: {shown['currency']} {shown['balance']} at {shown['now']} (GMT+8)")
    for number in shown["numbers"]:
        targets = [f"{name} {number[name]}" for name in ("forward_to", "forward_sms_to") if number[name]]
        click.echo(
            f"{number['number']}  {number['mode']}  until {number['expiry']}  {'  '.join(targets)}".rstrip()
        )
    for entry in shown["ledger"]:
        columns = ("date", "kind", "number", "debit", "detail")
        click.echo("  ".join(entry[column] for column in columns).rstrip())
