"""`receiver numbers list` and `show`: the numbers you hold, and where they point."""

from __future__ import annotations

from dataclasses import dataclass

import click

from receiver import current
from receiver.cli import options, output, progress, tables
from receiver.cli.numbers import shown
from receiver.cli.numbers.several import Several
from receiver.cli.operation import operation
from receiver.keys.route import masked_url
from receiver.providers.base import Provider
from receiver.providers.numbers import NumberClient, SubscribedNumber, words_of
from receiver.providers.registry import half_configured
from receiver.vocabulary.kinds import Kind
from receiver.vocabulary.mask import masked_number

SEE_LIST = "See `receiver numbers list`."


@dataclass(frozen=True)
class Holding:
    """A number that is held, and where to ask about it."""

    provider: Provider
    client: NumberClient
    number: SubscribedNumber

    @property
    def shown(self) -> shown.Held:
        return shown.Held(self.provider, self.number, current.our_urls_if_known(self.provider))


@click.command()
@options.PROVIDER
@options.AS_JSON
@operation
def list_numbers(*, provider: str | None, as_json: bool) -> None:
    """List the numbers you hold and where they point."""
    found: list[shown.Held] = []
    several = Several(asked_for(provider))
    for each in several.asked:
        with several.one(each):
            found += _held_with(each)
    found.sort(key=lambda held: held.number.number)
    if as_json:
        output.json_out({"numbers": [shown.number_json(held) for held in found]})
    elif found:
        shown.show_numbers(found, several=several.many)
        if current.config().public_url is None:
            output.say("PUBLIC_URL is not set, so nobody can tell which of them point here.")
    elif not several.failed:
        output.say("You hold no numbers. Get one with `receiver setup`: it asks which.")
    several.end(found=True)


def _held_with(provider: Provider) -> list[shown.Held]:
    with progress.spinner("Asking the provider …"):
        active = current.number_client(provider).subscribed_numbers()
    current.watch().remember(provider.name, active)
    urls = current.our_urls_if_known(provider)
    return [shown.Held(provider, number, urls) for number in active]


@click.command()
@click.argument("number", type=options.NumberType())
@options.PROVIDER
@options.AS_JSON
@operation
def show(*, number: str, provider: str | None, as_json: bool) -> None:
    """Show one of your numbers."""
    found = held(number, provider).shown
    if as_json:
        output.json_out(shown.number_json(found))
        return
    routes = found.number.routes
    rows = list(zip(shown.NUMBER_COLUMNS, shown.number_row(found), strict=True))
    if found.number.expiry is not None:
        at = shown.NUMBER_COLUMNS.index("expires")
        left = shown.expires(found.number, found.provider).removesuffix(f" {found.number.expiry}")
        rows[at] = ("expires", f"{found.number.expiry}, {left}")
    rows.append(("calls URL", masked_url(routes.of(routes.calls)) or "-"))
    rows.append(("sms URL", masked_url(routes.of(Kind.SMS)) or "-"))
    rows += [(words_of(name), masked_url(value) or "-") for name, value in routes.others.items()]
    for kind, instead in found.number.overruled.items():
        leads = f", which leads to {masked_url(instead.url)}" if instead.url else ""
        rows.append((f"instead of {kind}", f"{instead.name}{leads}"))
    rows += [(f"instead of {kind}", "not known") for kind in sorted(found.number.unsure)]
    if len(current.providers()) > 1:
        rows.insert(1, ("provider", found.provider.name))
    tables.show(("field", "value"), rows)


def asked_for(provider: str | None) -> tuple[Provider, ...]:
    """The provider that was named, or all that there are credentials of. Half of them are told of."""
    if provider is not None:
        return (current.provider(provider),)
    for of, caution in half_configured(current.config()):
        output.say(f"{of.title}: {caution.sentence}")
    return current.providers()


def held(number: str, provider: str | None) -> Holding:
    """The number as its provider describes it, or an error if no account holds it."""
    several = Several(asked_for(provider))
    for each in several.asked:
        with several.one(each):
            client = current.number_client(each, output.patient)
            with progress.spinner("Asking the provider …"):
                found = next((one for one in client.subscribed_numbers() if one.number == number), None)
            if found is not None:
                return Holding(each, client, found)
    those = " that could be asked" if several.failed else ""
    raise click.ClickException(f"{masked_number(number)} is in none of your accounts{those}. {SEE_LIST}")
