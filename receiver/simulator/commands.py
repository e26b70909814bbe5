"""What the command lines of all simulators share."""

import json
import logging
import signal
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from types import FrameType
from typing import Any, Protocol, TypeVar

import click
from flask import Flask

from .client import ControlError
from .serving import bind
from .statefile import StateError

DEFAULT_LISTEN = "127.0.0.1:8100"
"""Where a simulator answers if it is not told."""

Command = TypeVar("Command", bound=Callable[..., Any])


class Closing(Protocol):
    """A provider that saves its state when it is closed."""

    def close(self) -> None: ...


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
        if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
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


def serve(listen: tuple[str, int], assemble: Callable[[], tuple[Closing, Flask]], api: str) -> None:
    """Serve until interrupted. `api` says where below the address the provider's API is."""
    host, port = listen
    try:
        provider, app = assemble()
        server = bind(app, host, port)
    except StateError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        reason = str(error.strerror or error).partition(" (")[0]  # what follows repeats the address
        raise click.ClickException(f"Cannot listen on {host}:{port}: {reason}.") from error
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    signal.signal(signal.SIGTERM, _interrupt)
    click.echo(
        f"Simulated provider on http://{host}:{server.port}/ (API under {api}). Stop with Ctrl-C.", err=True
    )
    server.serve_forever()  # returns at an interrupt
    try:
        provider.close()
    except StateError as error:
        raise click.ClickException(str(error)) from error


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def to_simulator(command: Command) -> Command:
    """Options of every command that talks to a running simulator."""
    command = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")(command)
    url = f"http://{DEFAULT_LISTEN}"
    return click.option("--simulator", default=url, help="Address of the running simulator.")(command)


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


def report(outcome: dict[str, Any], as_json: bool) -> None:
    """Show what was sent; fail unless every request was answered 200 or 204."""
    if as_json:
        click.echo(json.dumps(outcome, indent=2))
    elif not outcome["notified"]:
        click.echo(f"Nothing was sent: {outcome['reason']}.", err=True)
    else:
        for sent in outcome["deliveries"]:
            answer = f"HTTP {sent['status']}" if sent["status"] else sent["error"]
            click.echo(f"{sent['kind']} to {sent['url']}: {answer} after {sent['milliseconds']} ms")
    if not outcome["notified"] or any(sent["status"] not in (200, 204) for sent in outcome["deliveries"]):
        raise SystemExit(1)
