"""The command behind `make run`.

With a provider's credentials it serves as the settings say. Without them it starts a simulator, sets up
numbers at it, and lets something arrive there.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from types import FrameType

import click
import requests

from receiver.quickstart.addresses import Address, AddressType, require_free
from receiver.quickstart.demo import serve_demo
from receiver.quickstart.errors import QuickstartError
from receiver.quickstart.service import serve_real
from receiver.quickstart.settings import read_settings
from receiver.quickstart.story import Steps
from receiver.quickstart.tours import DEFAULT, TOURS, Tour, titles, with_credentials
from receiver.settings.files import CHECKOUT, ConfigError


@click.command()
@click.option(
    "--listen", type=AddressType(), default="127.0.0.1:8000", show_default=True, help="Where to serve."
)
@click.option(
    "--simulator",
    type=AddressType(),
    help="Where the simulated provider answers.  [default: 127.0.0.1:8100, or a free port]",
)
@click.option(
    "--provider",
    type=click.Choice(list(TOURS)),
    help=f"Which provider is simulated without credentials.  [default: {DEFAULT}]",
)
def main(listen: Address, simulator: Address | None, provider: str | None) -> None:
    """Serve Receiver on this machine; against a simulated provider when there are no credentials."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    os.chdir(CHECKOUT)
    steps = Steps()
    try:
        config = read_settings(steps)
        accounts = with_credentials(config)
        _require_no_tour(accounts, simulator, provider)
        require_free(listen)
        with _only_one(), contextlib.ExitStack() as children:
            if accounts:
                server = serve_real(config, accounts, listen, steps, children)
            else:
                tour = TOURS[provider or DEFAULT]
                server = serve_demo(config, tour, listen, steps, children, simulated=simulator)
            with contextlib.suppress(KeyboardInterrupt):
                click.echo("\nServing until Ctrl-C.\n")
                server.follow()
            click.echo("\nStopping: callbacks that were accepted are written first.")
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    except QuickstartError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    except requests.RequestException as error:
        click.echo(f"The simulator did not answer as it should ({error}); see var/simulator.log.", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        click.echo("\nInterrupted before it was ready; everything started was stopped.", err=True)
        sys.exit(130)


def _require_no_tour(accounts: Sequence[Tour], simulator: Address | None, provider: str | None) -> None:
    """Refuse what is only said of the demo, where credentials are served instead."""
    named = provider in [None, *(account.provider for account in accounts)]
    if not accounts or (named and simulator is None):
        return
    said = "SIMULATOR" if named else f"PROVIDER={provider}"
    raise QuickstartError(
        f"{said} is for the demo, which needs settings without credentials, and there are those of "
        f"{titles(accounts)}: leave {said} out to serve the numbers there, or take the credentials out of "
        ".env and the environment to see the demo."
    )


@contextlib.contextmanager
def _only_one() -> Iterator[None]:
    """Two at once in one directory would share the simulated account and the demo's spool."""
    try:
        (CHECKOUT / "var").mkdir(exist_ok=True)
        lock = (CHECKOUT / "var" / "quickstart.lock").open("w")
    except OSError as error:
        raise QuickstartError(f"Cannot write to {CHECKOUT / 'var'}: {error.strerror}.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise QuickstartError("Another make run is running in this directory: stop it first.") from error
        yield


def _interrupt(number: int, frame: FrameType | None) -> None:
    for again in (signal.SIGTERM, signal.SIGHUP):  # make passes on what the whole group got already
        signal.signal(again, signal.SIG_IGN)
    raise KeyboardInterrupt
