"""Command line of the simulated Twilio: serve it, or make something arrive at one that is running."""

from functools import partial
from pathlib import Path
from typing import Any

import click

from receiver.simulator.commands import (
    arrival_options,
    ask,
    given,
    report,
    serve,
    serving_options,
    show_account,
    targets,
    to_simulator,
)

from .client import Control
from .provider import Provider
from .server import create_simulator
from .settings import Settings


@click.group(invoke_without_command=True, context_settings={"show_default": True})
@serving_options(Settings.balance, Settings.currency)
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
def main(context: click.Context, /, listen: tuple[str, int], announce: Path | None, **settings: Any) -> None:
    """A simulated telephone provider: Twilio. Serves it if no command is given."""
    if context.invoked_subcommand is not None:
        return
    chosen = Settings(listen=listen[0], **settings)

    serve(
        "twilio",
        listen,
        announce,
        open_provider=partial(Provider, chosen),
        create=create_simulator,
        api="/2010-04-01/ and /v1/",
    )


_arrival = arrival_options(
    click.option("--own-key", is_flag=True, default=None, help="Sign with the own key, by SHA-256.")
)


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
    show_account(
        Control(simulator).account,
        as_json,
        lambda number: (
            f"{number['phone_number']}  renews {number['renews']}  {targets(number, 'voice_url', 'sms_url')}"
        ),
    )
