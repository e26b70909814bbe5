"""What a quickstart prints: numbered steps, then where to look and what to try."""

from __future__ import annotations

from collections.abc import Sequence

import click

from config import Config
from receiver.quickstart.addresses import Address, url_of
from receiver.quickstart.tours import Tour


class Steps:
    """Numbers what was done."""

    def __init__(self) -> None:
        self._count = 0

    def say(self, sentence: str) -> None:
        self._count += 1
        click.echo(f"{self._count}. {sentence}")


def tell_real(config: Config, listen: Address, providers: Sequence[Tour], key: str) -> None:
    """What to do with a service that has credentials of these providers; `key` names the current one."""
    where = f"{config.public_url or 'https://<PUBLIC_URL>/'}callbacks/•••/"
    click.echo()
    for one in providers:
        click.echo(f"Callbacks of {one.title} go to  {where}{one.provider}/…  ({one.callbacks})")
    click.echo(f"In place of ••• stands the key {key} of `receiver keys list`; setup writes it.")
    if config.public_url is None:
        click.echo("First set PUBLIC_URL in .env, where the provider reaches this service, and start again.")
    click.echo(
        f"Make a user of the console at {url_of(listen)}/ with\n"
        "  .venv/bin/receiver users add NAME --role operate\n"
        "Get a number and point it here with (asks which, shows steps and prices, and asks before it pays)\n"
        "  .venv/bin/receiver setup\n"
        "See what arrived with\n"
        "  .venv/bin/receiver events list\n"
        f"{_api_hint(config, listen)}",
        nl=False,
    )


def tell_demo(
    config: Config,
    listen: Address,
    *,
    signs_in: str | None,
    sender: str,
    number: str,
) -> None:
    """What to do with the demo. Without SECRET_KEY there is no console, and nobody `signs_in`."""
    console = "The console needs SECRET_KEY in .env: any long random text\n"
    if signs_in is not None:
        console = f"Look at it in the console\n  {url_of(listen)}/ {signs_in}\n"
    click.echo(
        f"\n{console}"
        "Ask it on the command line: while the demo runs, commands in this checkout use it\n"
        "  .venv/bin/receiver events kind:sms\n"
        "  .venv/bin/receiver doctor\n"
        f"{_api_hint(config, listen)}"
        "Let another SMS arrive with\n"
        f"  .venv/bin/python -m receiver.simulator sms --from {sender} --to {number} --text 'Hello again'"
    )


def _api_hint(config: Config, listen: Address) -> str:
    if not config.api_tokens:
        return ""
    return (
        "or through the API\n"
        r"""  curl -H "Authorization: Bearer $(sed -n 's/^API_TOKENS=\([^,]*\).*/\1/p' .env)" """
        f"{url_of(listen)}/api/v1/events\n"
    )
