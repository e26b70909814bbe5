"""Command line of the simulators: which provider, and what it is to do."""

import click

from .hoiio import commands as hoiio
from .twilio import commands as twilio

_PROVIDERS = {"hoiio": hoiio.main, "twilio": twilio.main}


@click.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.option("--provider", type=click.Choice(list(_PROVIDERS)), default="hoiio")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def main(provider: str, arguments: tuple[str, ...]) -> None:
    """Hand everything else on to the command line of one provider."""
    _PROVIDERS[provider].main(list(arguments), prog_name="python -m receiver.simulator")


if __name__ == "__main__":
    main(prog_name="python -m receiver.simulator")
