"""Command line of the simulator: serve it, or make something arrive at one that is running."""

import json
import logging
import signal
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import click

from .hoiio.client import Control, ControlError
from .hoiio.provider import Provider
from .hoiio.server import bind, create_simulator
from .hoiio.settings import Settings
from .hoiio.store import StateError

_DEFAULT_LISTEN = "127.0.0.1:8100"
_Command = TypeVar("_Command", bound=Callable[..., Any])


class _Address(click.ParamType[tuple[str, int]]):
    name = "HOST:PORT"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        if isinstance(value, tuple):
            return value
        host, _, port = str(value).rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
            self.fail(f"{value!r} is not a host and a port such as {_DEFAULT_LISTEN}.", param, ctx)
        return host, int(port)


class _Amount(click.ParamType[Decimal]):
    name = "AMOUNT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        try:
            amount = Decimal(value)
        except InvalidOperation:
            amount = Decimal("NaN")
        if not amount.is_finite():
            self.fail(f"{value!r} is not an amount of money such as 100.00.", param, ctx)
        return amount


@click.group(invoke_without_command=True, context_settings={"show_default": True})
@click.option("--listen", type=_Address(), default=_DEFAULT_LISTEN, help="Where to answer.")
@click.option("--state", type=click.Path(path_type=Path), help="File that keeps the account over a restart.")
@click.option("--app-id", default=Settings.app_id, help="The customer's application.")
@click.option("--access-token", default=Settings.access_token, help="Its secret; also signs notifications.")
@click.option("--balance", type=_Amount(), default=str(Settings.balance), help="Money of a new account.")
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
    """A simulated telephone provider. Serves it if no command is given."""
    if context.invoked_subcommand is None:
        _serve(
            listen,
            Settings(listen=listen[0], card_on_file=not no_card, resolve_hosts=not no_resolve, **settings),
        )


def _serve(listen: tuple[str, int], settings: Settings) -> None:
    host, port = listen
    try:
        provider = Provider(settings)
        server = bind(create_simulator(provider), host, port)
    except StateError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        reason = str(error.strerror or error).partition(" (")[0]  # what follows repeats the address
        raise click.ClickException(f"Cannot listen on {host}:{port}: {reason}.") from error
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    signal.signal(signal.SIGTERM, _interrupt)
    click.echo(
        f"Simulated provider on http://{host}:{server.port}/ (API under /open/). Stop with Ctrl-C.", err=True
    )
    server.serve_forever()  # returns at an interrupt
    try:
        provider.close()
    except StateError as error:
        raise click.ClickException(str(error)) from error


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _to_simulator(command: _Command) -> _Command:
    """Options of every command that talks to a running simulator."""
    command = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")(command)
    url = f"http://{_DEFAULT_LISTEN}"
    return click.option("--simulator", default=url, help="Address of the running simulator.")(command)


def _arrival(command: _Command) -> _Command:
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
    return _to_simulator(command)


@main.command()
@_arrival
@click.option("--hold", type=float, help="Seconds until the caller hangs up.")
@click.option("--minutes", type=int, help="Minutes to bill, whatever the time held.")
@click.option("--digits", multiple=True, help="What the caller presses when asked; once for each time.")
def call(simulator: str, as_json: bool, **options: Any) -> None:
    """Make a call come in."""
    _report(_ask(Control(simulator).call, **_given(options)), as_json)


@main.command()
@_arrival
@click.option("--text", help="What is on the page.")
@click.option("--failed", is_flag=True, default=None, help="The transmission fails.")
@click.option("--fax-error-code", help="Why it fails.")
@click.option("--minutes", type=int, help="Minutes to bill.")
@click.option("--link-seconds", type=int, help="How long the link to the PDF works.")
def fax(simulator: str, as_json: bool, **options: Any) -> None:
    """Make a fax come in."""
    _report(_ask(Control(simulator).fax, **_given(options)), as_json)


@main.command()
@_arrival
@click.option("--text", required=True, help="The message.")
def sms(simulator: str, as_json: bool, **options: Any) -> None:
    """Make an SMS come in."""
    _report(_ask(Control(simulator).sms, **_given(options)), as_json)


@main.command()
@_to_simulator
def account(simulator: str, as_json: bool) -> None:
    """Show balance, numbers and what was charged."""
    shown = _ask(Control(simulator).account)
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


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given; the simulator has defaults for the others."""
    extra = options.pop("extra")
    if any("=" not in pair for pair in extra):
        raise click.UsageError("--extra takes NAME=VALUE.")
    if extra:
        options["extra"] = dict(pair.split("=", 1) for pair in extra)
    return {name: value for name, value in options.items() if value is not None and value != ()}


def _ask(control: Callable[..., dict[str, Any]], **options: Any) -> dict[str, Any]:
    try:
        return control(**options)
    except ControlError as error:
        raise click.ClickException(str(error)) from error


def _report(outcome: dict[str, Any], as_json: bool) -> None:
    """Show what was sent; fail unless every notification was answered 200."""
    if as_json:
        click.echo(json.dumps(outcome, indent=2))
    elif not outcome["notified"]:
        click.echo(f"Nothing was sent: {outcome['reason']}.", err=True)
    else:
        for sent in outcome["deliveries"]:
            answer = f"HTTP {sent['status']}" if sent["status"] else sent["error"]
            click.echo(f"{sent['kind']} to {sent['url']}: {answer} after {sent['milliseconds']} ms")
    if not outcome["notified"] or any(sent["status"] != 200 for sent in outcome["deliveries"]):
        raise SystemExit(1)


if __name__ == "__main__":
    main(prog_name="python -m receiver.simulator")
