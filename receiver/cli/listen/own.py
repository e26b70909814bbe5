"""The service of this checkout, which is listened to when no other is named."""

from __future__ import annotations

import click

from config import Config
from receiver.cli.given import uses_demo
from receiver.settings.files import ConfigError
from receiver.vocabulary.errors import OperatorError

_USUAL = "http://127.0.0.1:8000"
"""Where `receiver serve` listens if nobody says otherwise."""


class NoSettings(OperatorError):
    """This checkout has no service of its own."""


def own_service() -> tuple[str, str]:
    """Its address and a token for it, which is empty if the settings have none."""
    demo = uses_demo(click.get_current_context())
    try:
        config = Config.from_env()
    except ConfigError as error:
        raise NoSettings(
            f"name the service with --url or RECEIVER_URL; this checkout has none of its own: {error}"
        ) from None
    url = config.public_url if demo and config.public_url else _USUAL
    return url, config.api_tokens[0].get_secret_value() if config.api_tokens else ""
