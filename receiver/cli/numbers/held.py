"""`receiver numbers list` and `show`: the numbers you hold, and where they point."""

from __future__ import annotations

import click

from receiver import current
from receiver.cli import options, output, progress, tables
from receiver.cli.numbers import shown
from receiver.cli.operation import operation
from receiver.keys.urls import masked_url
from receiver.providers.numbers import NumberClient, SubscribedNumber
from receiver.vocabulary.kinds import Kind
from receiver.vocabulary.mask import masked_number

SEE_LIST = "See `receiver numbers list`."


@click.command()
@options.AS_JSON
@operation
def list_numbers(as_json: bool) -> None:
    """List the numbers you hold and where they point."""
    with progress.spinner("Asking the provider …"):
        found = sorted(current.number_client().subscribed_numbers(), key=lambda number: number.number)
    current.watch().remember(found)
    urls = current.our_urls_if_known()
    if as_json:
        output.json_out({"numbers": [shown.number_json(number, urls) for number in found]})
        return
    if not found:
        output.say("You hold no numbers. Get one with `receiver setup --country SG`, for example.")
        return
    tables.show(shown.NUMBER_COLUMNS, [shown.number_row(number, urls) for number in found])
    if urls is None:
        output.say("PUBLIC_URL is not set, so nobody can tell which of them point here.")


@click.command()
@click.argument("number", type=options.NumberType())
@options.AS_JSON
@operation
def show(number: str, as_json: bool) -> None:
    """Show one of your numbers."""
    found, urls = held(current.number_client(), number), current.our_urls_if_known()
    if as_json:
        output.json_out(shown.number_json(found, urls))
        return
    rows = list(zip(shown.NUMBER_COLUMNS, shown.number_row(found, urls), strict=True))
    rows.append(("expiry", str(found.expiry or "-")))
    rows.append(("calls URL", masked_url(found.routes.of(found.routes.calls)) or "-"))
    rows.append(("sms URL", masked_url(found.routes.of(Kind.SMS)) or "-"))
    tables.show(("field", "value"), rows)


def held(client: NumberClient, number: str) -> SubscribedNumber:
    """The number as the provider describes it, or an error if this account does not hold it."""
    with progress.spinner("Asking the provider …"):
        found = next((one for one in client.subscribed_numbers() if one.number == number), None)
    if found is None:
        raise click.ClickException(f"{masked_number(number)} is not held by this application. {SEE_LIST}")
    return found
