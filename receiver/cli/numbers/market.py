"""`receiver numbers countries`, `available` and `rates`: what is for sale, and for how much."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import click

from receiver import current
from receiver.cli import options, output, progress, tables
from receiver.cli.numbers import shown
from receiver.cli.operation import operation
from receiver.providers.market import AvailableNumber, Country
from receiver.providers.numbers import NumberClient
from receiver.setup.catalogue import can, find_country, find_state
from receiver.vocabulary.kinds import Kind
from receiver.vocabulary.printable import printable


@click.command()
@click.argument("country", required=False)
@options.AS_JSON
@operation
def countries(country: str | None, as_json: bool) -> None:
    """List countries with numbers for sale, or states.

    With COUNTRY, named by code or name, its states.
    """
    with progress.spinner("Asking the provider …"):
        found = current.number_client().available_countries()
    if country:
        found = (find_country(found, country),)
    if as_json:
        output.json_out({"countries": found})
    elif country and found[0].states:
        tables.show(
            ("state", "name", "can"),
            [(state.code, state.name, shown.abilities(state.capabilities)) for state in found[0].states],
        )
    else:
        tables.show(
            ("code", "country", "prefix", "states"),
            [(place.code, place.name, f"+{place.prefix}", len(place.states) or None) for place in found],
        )


@click.command()
@click.argument("country")
@click.argument("state", required=False)
@click.option("--like", default="", help="Only numbers with these digits in a row.")
@click.option(
    "--kind",
    "kinds",
    type=options.KindsType(),
    metavar="voice,sms",
    help="Only numbers that can receive these.",
)
@click.option(
    "--limit", type=click.IntRange(1), metavar="N", default=20, show_default=True, help="At most this many."
)
@options.AS_JSON
@operation
def available(
    *,
    country: str,
    state: str | None,
    like: str,
    kinds: frozenset[Kind] | None,
    limit: int,
    as_json: bool,
) -> None:
    """List numbers for sale in a country or state.

    COUNTRY and STATE are codes or names. STATE is needed where numbers are sold by state.
    """
    digits = re.sub(r"[\s+().\-]", "", like)
    if not re.fullmatch(r"[0-9]*", digits):
        raise click.UsageError(f"--like takes digits, not {like!r}.")
    client = current.number_client(output.patient)
    with progress.spinner("Asking the provider …"):
        place = find_country(client.available_countries(), country)
    part = _state(place, state)
    count, more = 0, False
    found: list[AvailableNumber] = []
    for page in _pages(client, place.code, part):
        fitting = [entry for entry in page if digits in entry.number and can(entry.capabilities, kinds or ())]
        fitting, more = fitting[: limit - count], len(fitting) > limit - count
        if as_json:
            found += fitting
        elif fitting:
            # Page by page: whoever sees a suitable number need not wait for the rest.
            _print_page(fitting, heading=not count)
        count += len(fitting)
        if more:
            break
    if as_json:
        output.json_out({"numbers": found, "more": more})
        return
    if not count:
        narrowed = " with that" if digits or kinds else ""
        raise click.ClickException(
            f"no number{narrowed} is for sale in {shown.place(place.code, part or '')}"
        )
    if more:
        output.say(f"There are more: add --limit {limit * 5}, or narrow it with --like.")


@click.command()
@click.argument("countries", metavar="COUNTRY...", nargs=-1, required=True)
@options.AS_JSON
@operation
def rates(countries: tuple[str, ...], as_json: bool) -> None:
    """Compare what numbers of several countries cost.

    The price is for the whole period, and due at once.
    """
    client = current.number_client(output.patient)
    with progress.spinner("Asking the provider …"):
        known = client.available_countries()
        found = [client.rate(find_country(known, country).code) for country in countries]
    if as_json:
        output.json_out(
            {
                "rates": [
                    {
                        "country": each.country,
                        "currency": each.currency,
                        "entries": [
                            {"months": rate.months, "price": rate.price, "per_month": shown.monthly(rate)}
                            for rate in each.entries
                        ],
                    }
                    for each in found
                ]
            }
        )
        return
    rows = [
        (each.country, rate.months, rate.price, shown.monthly(rate), each.currency)
        for each in found
        for rate in each.entries
    ]
    tables.show(("country", "months", "price", "per month", "currency"), rows)


def _pages(client: NumberClient, country: str, state: str | None) -> Iterator[tuple[AvailableNumber, ...]]:
    """The pages of what is for sale, showing that it goes on."""
    pages, seen = client.every_available_page(country, state), 0
    total: int | None = None
    while True:
        of = f" of {total}" if total else ""
        with progress.spinner(f"Looking through the numbers for sale: {seen}{of} …"):
            page = next(pages, None)
        if page is None:
            return
        seen, total = seen + len(page.entries), page.total_entries_count
        yield page.entries


def _print_page(page: list[AvailableNumber], *, heading: bool) -> None:
    """Rows that line up with those of later pages, which are not known yet."""
    if heading:
        click.echo(f"{'number':16}  can")
    for entry in page:
        click.echo(f"{printable(entry.number):16}  {printable(shown.abilities(entry.capabilities))}")
    sys.stdout.flush()


def _state(country: Country, text: str | None) -> str | None:
    if text is not None:
        return find_state(country, text).code
    if country.states:
        raise click.UsageError(
            f"Numbers of {country.name} are sold by state: name one of"
            f" {', '.join(state.code for state in country.states)}."
        )
    return None
