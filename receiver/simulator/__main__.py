"""Command line of the simulators: which provider, and what it is to do."""

import click

from .announced import announced
from .hoiio import commands as hoiio
from .twilio import commands as twilio

_PROVIDERS = {"hoiio": hoiio.main, "twilio": twilio.main}
_DEFAULT = "hoiio"


@click.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.option("--provider", type=click.Choice(list(_PROVIDERS)))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def main(provider: str | None, arguments: tuple[str, ...]) -> None:
    """Hand everything else on to the command line of one provider, with the simulator that is announced."""
    serves = not arguments or arguments[0].startswith("-")
    told = any(argument.partition("=")[0] == "--simulator" for argument in arguments)
    found = None if serves or told else announced()
    if found and provider in (None, found.provider):
        provider = found.provider
    else:
        found = None
    _PROVIDERS[provider or _DEFAULT].main(
        list(arguments), prog_name="python -m receiver.simulator", obj=found
    )


if __name__ == "__main__":
    main(prog_name="python -m receiver.simulator")
