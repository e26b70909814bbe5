"""Command line of the simulated Hoiio: serve it, or make something arrive at one that is running."""

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
@click.option("--app-id", default=Settings.app_id, help="The customer's application.")
@click.option("--access-token", default=Settings.access_token, help="Its secret; also signs notifications.")
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
    announce: Path | None,
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

    serve(
        "hoiio",
        listen,
        announce,
        open_provider=partial(Provider, chosen),
        create=create_simulator,
        api="/open/",
    )


_arrival = arrival_options(
    click.option("--parameters", type=click.Choice(["body", "query", "both"]), help="Where they travel."),
    click.option("--delay", type=float, help="Send it so many seconds late."),
)


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
    show_account(
        Control(simulator).account,
        as_json,
        lambda number: (
            f"{number['number']}  {number['mode']}  until {number['expiry']}  "
            + targets(number, "forward_to", "forward_sms_to")
        ),
        zone=" (GMT+8)",
    )
