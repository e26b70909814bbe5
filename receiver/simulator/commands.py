"""What the command lines of all simulators share."""

import json
import logging
import signal
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from types import FrameType
from typing import Any, Protocol, TypeVar

import click
from flask import Flask
from werkzeug.serving import BaseWSGIServer

from .announced import Announced, NotAnnounced, announce
from .client import ControlError
from .serving import bind, is_local, url_at
from .statefile import StateError

DEFAULT_LISTEN = "127.0.0.1:8100"
"""Where a simulator answers if it is not told."""

_DEFAULT_URL = f"http://{DEFAULT_LISTEN}"
_OPEN = (
    "Whoever reaches {} can see the account without a password, callback URLs with their keys among it, and "
    "make anything arrive."
)

Command = TypeVar("Command", bound=Callable[..., Any])


class Closing(Protocol):
    """A provider that saves its state when it is closed."""

    def close(self) -> None: ...


_Provider = TypeVar("_Provider", bound=Closing)


class Address(click.ParamType[tuple[str, int]]):
    """Host and port."""

    name = "HOST:PORT"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        if isinstance(value, tuple):
            return value
        host, _, port = str(value).rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not host or not port.isascii() or not port.isdigit() or len(port) > 5 or int(port) > 65535:
            self.fail(f"{value!r} is not a host and a port such as {DEFAULT_LISTEN}.", param, ctx)
        return host, int(port)


class Amount(click.ParamType[Decimal]):
    """An amount of money."""

    name = "AMOUNT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        try:
            amount = Decimal(value)
        except InvalidOperation:
            amount = Decimal("NaN")
        if not amount.is_finite():
            self.fail(f"{value!r} is not an amount of money such as 100.00.", param, ctx)
        return amount


def serving_options(balance: Decimal, currency: str) -> Callable[[Command], Command]:
    """Options of every simulator that is served; with what a new account has."""

    def decorate(command: Command) -> Command:
        path = click.Path(path_type=Path)
        for option in (
            click.option("--base-url", help="How others reach this simulator, for the links it gives."),
            click.option("--currency", default=currency, help="Currency of a new account."),
            click.option("--balance", type=Amount(), default=str(balance), help="Money of a new account."),
            click.option("--announce", type=path, help="File that says, while it runs, where it answers."),
            click.option("--state", type=path, help="File that keeps the account over a restart."),
            click.option("--listen", type=Address(), default=DEFAULT_LISTEN, help="Where to answer."),
        ):
            command = option(command)
        return command

    return decorate


def serve(
    name: str,
    listen: tuple[str, int],
    announce_in: Path | None,
    *,
    open_provider: Callable[[], _Provider],
    create: Callable[[_Provider], Flask],
    api: str,
) -> None:
    """Serve a provider until interrupted. `api` says where below the address its API is."""
    host, port = listen
    try:
        provider = open_provider()
        server = _bound(create(provider), host, port)
        url = url_at(host, server.port)
        with announce(Announced(name, url), announce_in):
            logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
            signal.signal(signal.SIGTERM, _interrupt)
            if not is_local(host):
                click.echo(_OPEN.format(host), err=True)
            click.echo(f"Simulated provider on {url}/ (API under {api}). Stop with Ctrl-C.", err=True)
            server.serve_forever()  # returns at an interrupt
        provider.close()
    except (StateError, NotAnnounced) as error:
        raise click.ClickException(str(error)) from error


def _bound(app: Flask, host: str, port: int) -> BaseWSGIServer:
    try:
        return bind(app, host, port)
    except OSError as error:
        reason = str(error.strerror or error).partition(" (")[0]  # what follows repeats the address
        raise click.ClickException(f"Cannot listen on {host}:{port}: {reason}.") from error


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def to_simulator(command: Command) -> Command:
    """Options of every command that talks to a running simulator."""
    command = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")(command)
    return click.option(
        "--simulator",
        callback=_address,
        help=f"Address of the running simulator.  [default: that of `make run`, or {_DEFAULT_URL}]",
    )(command)


def _address(context: click.Context, parameter: click.Parameter, value: str | None) -> str:
    """The address that is given, or else the one of the simulator that is announced."""
    found = context.find_root().obj
    if value is not None or not isinstance(found, Announced):
        return value or _DEFAULT_URL
    click.echo(
        f"Using the simulator of `make run`, which runs here: {found.provider} on {found.url}", err=True
    )
    return found.url


def arrival_options(*own: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Options of every command that makes something arrive, and those that are a provider's own."""

    def decorate(command: Command) -> Command:
        for option in (
            click.option("--extra", multiple=True, metavar="NAME=VALUE", help="Add or replace a parameter."),
            *reversed(own),
            click.option("--wrong-signature", is_flag=True, default=None, help="Sign with another key."),
            click.option("--unsigned", is_flag=True, default=None, help="Leave the signature out."),
            click.option("--duplicate", type=int, help="Send each request so many times."),
            click.option("--to", required=True, help="The number of the account."),
            click.option("--from", "from_", required=True, help="Who calls or sends."),
        ):
            command = option(command)
        return to_simulator(command)

    return decorate


def given(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given; the simulator has defaults for the others."""
    extra = options.pop("extra")
    if any("=" not in pair for pair in extra):
        raise click.UsageError("--extra takes NAME=VALUE.")
    if extra:
        options["extra"] = dict(pair.split("=", 1) for pair in extra)
    return {name: value for name, value in options.items() if value is not None and value != ()}


def ask(control: Callable[..., dict[str, Any]], **options: Any) -> dict[str, Any]:
    """Ask a running simulator; a refusal ends the command with its sentence."""
    try:
        return control(**options)
    except ControlError as error:
        raise click.ClickException(str(error)) from error


def show_account(
    control: Callable[[], dict[str, Any]],
    as_json: bool,
    line: Callable[[dict[str, Any]], str],
    zone: str = "",
) -> None:
    """Show balance, numbers, each as its line, and what was charged. `zone` is that of the dates."""
    shown = ask(control)
    if as_json:
        click.echo(json.dumps(shown, indent=2))
        return
    click.echo(f"Balance: {shown['currency']} {shown['balance']} at {shown['now']}{zone}")
    for number in shown["numbers"]:
        click.echo(line(number).rstrip())
    for entry in shown["ledger"]:
        columns = ("date", "kind", "number", "debit", "detail")
        click.echo("  ".join(entry[column] for column in columns).rstrip())


def targets(number: dict[str, Any], *names: str) -> str:
    """Where a number leads, by those of these fields that are set."""
    return "  ".join(f"{name} {number[name]}" for name in names if number[name])


def report(outcome: dict[str, Any], as_json: bool) -> None:
    """Show what was sent; fail unless every request was accepted in the end."""
    if as_json:
        click.echo(json.dumps(outcome, indent=2))
    elif not outcome["notified"]:
        click.echo(f"Nothing was sent: {outcome['reason'] or 'the alerts say why'}.", err=True)
    else:
        for sent in outcome["deliveries"]:
            click.echo(f"{sent['kind']} to {sent['url']}: {sent['said']} after {sent['milliseconds']} ms")
    if not outcome["accepted"]:
        raise SystemExit(1)
