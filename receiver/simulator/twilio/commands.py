"""Command line of the simulated Twilio: serve it, or make something arrive at one that is running."""

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
@click.option("--account-sid", default=Settings.account_sid, help="The customer's account.")
@click.option("--auth-token", default=Settings.auth_token, help="Its secret; also signs callbacks.")
@click.option("--api-key", default=Settings.api_key, help="An API key, in place of account and token.")
@click.option("--api-secret", default=Settings.api_secret, help="Its secret.")
@click.option("--test-account-sid", default=Settings.test_account_sid, help="The test credentials.")
@click.option("--test-auth-token", default=Settings.test_auth_token, help="Their secret.")
@click.option(
    "--shared-key",
    default=Settings.shared_key,
    help="Secret by which callbacks are signed that ask for --own-key; for TWILIO_SIGNING_KEYS.",
)
@click.option("--balance", type=Amount(), default=str(Settings.balance), help="Money of a new account.")
@click.option("--currency", default=Settings.currency, help="Currency of a new account.")
@click.option("--base-url", help="How others reach this simulator, for links to media and recordings.")
@click.option(
    "--concurrency",
    type=click.IntRange(0),
    default=Settings.concurrency,
    help="API requests at the same time; 0 for any number.",
)
@click.option(
    "--pace",
    type=click.FloatRange(0),
    default=Settings.pace,
    help="Real seconds for each second within a call.",
)
@click.pass_context
def main(context: click.Context, /, listen: tuple[str, int], **settings: Any) -> None:
    """A simulated telephone provider: Twilio. Serves it if no command is given."""
    if context.invoked_subcommand is not None:
        return
    chosen = Settings(listen=listen[0], **settings)

    def assemble() -> tuple[Closing, Flask]:
        provider = Provider(chosen)
        return provider, create_simulator(provider)

    serve(listen, assemble, api="/2010-04-01/ and /v1/")


def _arrival(command: Command) -> Command:
    """Options of every command that makes something arrive."""
    for option in (
        click.option("--from", "from_", required=True, help="Who calls or sends."),
        click.option("--to", required=True, help="The number of the account."),
        click.option("--duplicate", type=int, help="Send each request so many times."),
        click.option("--unsigned", is_flag=True, default=None, help="Leave the signature out."),
        click.option("--wrong-signature", is_flag=True, default=None, help="Sign with another key."),
        click.option("--own-key", is_flag=True, default=None, help="Sign with --shared-key, by SHA-256."),
        click.option("--extra", multiple=True, metavar="NAME=VALUE", help="Add or replace a parameter."),
    ):
        command = option(command)
    return to_simulator(command)


@main.command()
@_arrival
@click.option("--digits", multiple=True, help="What the caller presses when asked; once for each time.")
@click.option(
    "--dial", multiple=True, help="What becomes of who is dialled: answered, busy, no-answer, failed."
)
@click.option("--record-seconds", type=int, help="How long the caller speaks when recorded.")
@click.option("--record-key", help="What the caller presses after that, in place of silence.")
@click.option("--hangs-up-after", type=float, help="Seconds of the call until the caller hangs up.")
def call(simulator: str, as_json: bool, **options: Any) -> None:
    """Make a call come in."""
    report(ask(Control(simulator).call, **given(options)), as_json)


@main.command()
@_arrival
@click.option("--text", default="", help="The message.")
@click.option("--media", multiple=True, help="The type of a file that comes with it, such as image/png.")
def sms(simulator: str, as_json: bool, **options: Any) -> None:
    """Make a message come in."""
    report(ask(Control(simulator).sms, **given(options)), as_json)


@main.command()
@to_simulator
def account(simulator: str, as_json: bool) -> None:
    """Show balance, numbers and what was charged."""
    shown = ask(Control(simulator).account)
    if as_json:
        click.echo(json.dumps(shown, indent=2))
        return
    click.echo(f"Balance: {shown['currency']} {shown['balance']} at {shown['now']}")
    for number in shown["numbers"]:
        targets = [f"{name} {number[name]}" for name in ("voice_url", "sms_url") if number[name]]
        click.echo(f"{number['phone_number']}  renews {number['renews']}  {'  '.join(targets)}".rstrip())
    for entry in shown["ledger"]:
        columns = ("date", "kind", "number", "debit", "detail")
        click.echo("  ".join(entry[column] for column in columns).rstrip())
