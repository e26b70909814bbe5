"""The service as a child, and the way to run it for an account at the provider."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

from config import Config
from receiver.quickstart.addresses import Address, url_of, written
from receiver.quickstart.processes import Child, command_json, environment_with, run_command, started
from receiver.quickstart.story import Steps, tell_real
from receiver.quickstart.tours import Tour, titles


def serve_real(
    config: Config, providers: Sequence[Tour], listen: Address, steps: Steps, children: contextlib.ExitStack
) -> Child:
    """Serve with the settings as they are, which name accounts at these providers."""
    steps.say(f"Credentials of {titles(providers)} in the settings: serving the numbers there")
    environment = environment_with({})
    run_command(environment, "db", "upgrade")
    steps.say("Database is up to date")
    server = start_server(config, listen, environment, steps, children)
    # Not the first of the settings: after a rotation another one is current.
    keys = command_json(environment, "keys", "list")["keys"]
    tell_real(config, listen, providers, next(one["key"] for one in keys if one["state"] == "current"))
    return server


def start_server(
    config: Config,
    listen: Address,
    environment: Mapping[str, str],
    steps: Steps,
    children: contextlib.ExitStack,
) -> Child:
    """Start the service, and return once it is ready."""
    command = ("receiver.cli", "serve", "--listen", written(listen))
    server = children.enter_context(started("serve", command, environment, patience=config.stop_timeout + 5))
    server.wait_until(f"{url_of(listen)}/health/ready")
    steps.say(f"Service is ready on {url_of(listen)} (its output: var/serve.log)")
    return server
