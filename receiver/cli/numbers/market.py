"""`receiver numbers countries`, `available` and `rates`: what is for sale, and for how much."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence

import click

from receiver import current
from receiver.cli import options, output, progress, tables
from receiver.cli.numbers import shown
from receiver.cli.numbers.held import asked_for
from receiver.cli.numbers.several import Several
from receiver.cli.operation import operation
from receiver.providers.base import Provider
from receiver.providers.market import AvailableNumber, Country, Narrowed, NumberSort, Rates
from receiver.providers.numbers import NumberClient
from receiver.setup.catalogue import described, find_country, find_state, fits
from receiver.vocabulary.kinds import Kind
from receiver.vocabulary.printable import printable


@click.command()
@click.argument("country", required=False)
@options.PROVIDER
@options.AS_JSON
@operation
def countries(*, country: str | None, provider: str | None, as_json: bool) -> None:
    """List countries with numbers for sale, or states.

    With COUNTRY, named by code or name, its states.
    """
    several = Several(asked_for(provider))
    found: list[tuple[Provider, Country]] = []
    for of in several.asked:
        with several.one(of), progress.spinner("Asking the provider …"):
            listed = current.number_client(of).available_countries()
            found += [(of, place) for place in ((find_country(listed, country),) if country else listed)]
    if as_json:
        output.json_out({"countries": [{"provider": of.name} | vars(place) for of, place in found]})
    elif country and any(place.states for _, place in found):
        states = [(of, state) for of, place in found for state in place.states]
        rows = [(of, (one.code, one.name, shown.abilities(one.capabilities))) for of, one in states]
        _show(("state", "name", "can"), rows, several=several.many)
    elif found:
        places = [(of, (one.code, one.name, f"+{one.prefix}", len(one.states) or None)) for of, one in found]
        _show(("code", "country", "prefix", "states"), places, several=several.many)
    several.end(found=bool(found))


@click.command()
@click.argument("country")
@click.argument("state", required=False)
@options.narrowed
@click.option(
    "--kind",
    "kinds",
    type=options.KindsType(),
    metavar="voice,sms",
    help="Only numbers that can receive these.",
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    metavar="N",
    default=20,
    show_default=True,
    help="At most this many of each provider.",
)
@options.PROVIDER
@options.AS_JSON
@operation
def available(
    *,
    country: str,
    state: str | None,
    sort: NumberSort | None,
    area_code: str,
    contains: str,
    kinds: frozenset[Kind] | None,
    limit: int,
    provider: str | None,
    as_json: bool,
) -> None:
    """List numbers for sale in a country or state.

    COUNTRY and STATE are codes or names. STATE is needed where a provider sells by state only; elsewhere it
    narrows the list.
    """
    several = Several(asked_for(provider))
    narrowed = Narrowed(sort, area_code, contains, kinds or frozenset())
    found: list[tuple[Provider, AvailableNumber]] = []
    where, more = "", False
    for of in several.asked:
        if refusal := next((why for kind, why in of.market.refused.items() if kind in narrowed.kinds), ""):
            output.say(refusal)
            continue
        with several.one(of):
            client = current.number_client(of, output.patient)
            with progress.spinner("Asking the provider …"):
                place = find_country(client.available_countries(), country)
            part, left = _state(place, state), limit
            where = shown.place(place.code, part or "")
            for page in _pages(of, client, place.code, part, narrowed):
                fitting = [entry for entry in page if fits(entry, narrowed)]
                if fitting[:left] and not as_json:
                    # Page by page: whoever sees a suitable number need not wait for the rest.
                    _print_page(of, fitting[:left], heading=not found, several=several.many)
                found += [(of, entry) for entry in fitting[:left]]
                if len(fitting) > left:
                    more = True
                    break
                left -= len(fitting)
    if as_json:
        numbers = [{"provider": of.name} | vars(entry) for of, entry in found]
        output.json_out({"numbers": numbers, "more": more})
    else:
        _say_what_to_know([entry for _, entry in found], limit if more else None)
        if where and not found and not several.failed:
            raise click.ClickException(f"no {described(narrowed)} is for sale in {where}")
    several.end(found=bool(found or (where and as_json)))


def _say_what_to_know(listed: Iterable[AvailableNumber], limit: int | None) -> None:
    """What has to be known of the numbers listed; `limit` if there are more than so many."""
    for sentence in shown.requirements(listed):
        output.say(sentence)
    if limit is not None:
        output.say(f"There are more: add --limit {limit * 5}, or narrow it with --contains.")


@click.command()
@click.argument("countries", metavar="COUNTRY...", nargs=-1, required=True)
@options.PROVIDER
@options.AS_JSON
@operation
def rates(*, countries: tuple[str, ...], provider: str | None, as_json: bool) -> None:
    """Compare what numbers of several countries cost.

    The price is for the whole period, and due at once.
    """
    several = Several(asked_for(provider))
    found: list[tuple[Provider, Rates]] = []
    missing = set(countries)
    for of in several.asked:
        with several.one(of), progress.spinner("Asking the provider …"):
            client = current.number_client(of, output.patient)
            known = client.available_countries()
            for country in countries:
                with several.one(of):
                    found.append((of, client.rate(find_country(known, country).code)))
                    missing.discard(country)
    if as_json:
        output.json_out({"rates": [_rates_json(of, rates) for of, rates in found]})
    elif found:
        _show_rates(found, several=several.many)
    several.end(found=not missing)


def _show_rates(found: Sequence[tuple[Provider, Rates]], *, several: bool) -> None:
    sorts = any(rate.sort for _, each in found for rate in each.entries)
    rows = [
        (
            of,
            (
                each.country,
                *((rate.sort,) if sorts else ()),
                rate.months,
                rate.price,
                shown.monthly(rate),
                each.currency,
            ),
        )
        for of, each in found
        for rate in each.entries
    ]
    columns = ("country", *(("sort",) if sorts else ()), "months", "price", "per month", "currency")
    _show(columns, rows, several=several)
    for sentence in dict.fromkeys(of.market.terms_sentence for of, _ in found if of.market.terms_sentence):
        output.say(sentence)


def _rates_json(of: Provider, rates: Rates) -> dict[str, object]:
    entries = [
        {"months": rate.months, "price": rate.price, "per_month": shown.monthly(rate)}
        | ({"sort": rate.sort} if rate.sort else {})
        for rate in rates.entries
    ]
    return {
        "provider": of.name,
        "country": rates.country,
        "currency": rates.currency,
        "entries": entries,
    }


def _show(
    columns: tuple[str, ...], rows: Iterable[tuple[Provider, tuple[object, ...]]], *, several: bool
) -> None:
    if several:
        tables.show(("provider", *columns), [(of.name, *row) for of, row in rows])
    else:
        tables.show(columns, [row for _, row in rows])


def _pages(
    of: Provider, client: NumberClient, country: str, state: str | None, narrowed: Narrowed
) -> Iterator[tuple[AvailableNumber, ...]]:
    """The pages of what is for sale, showing that it goes on."""
    pages, seen = client.every_available_page(country, state, of.market.searchable(narrowed)), 0
    total: int | None = None
    while True:
        of_all = f" of {total}" if total else ""
        with progress.spinner(f"Looking through the numbers for sale: {seen}{of_all} …"):
            page = next(pages, None)
        if page is None:
            return
        seen, total = seen + len(page.entries), page.total_entries_count
        yield page.entries


def _print_page(of: Provider, page: list[AvailableNumber], *, heading: bool, several: bool) -> None:
    """Rows that line up with those of later pages, which are not known yet."""
    with_sort = several or "sort" in of.market.narrows
    before = (f"{'provider':9} " if several else "", f"{'sort':9} " if with_sort else "")
    if heading:
        click.echo(f"{'number':16}  {''.join(before)}can")
    for entry in page:
        middle = (f"{of.name:9} " if several else "") + (f"{entry.sort or '-':9} " if with_sort else "")
        click.echo(f"{printable(entry.number):16}  {middle}{printable(shown.for_sale(entry))}")
    sys.stdout.flush()


def _state(country: Country, text: str | None) -> str | None:
    if text is not None:
        return find_state(country, text).code
    if country.states and country.sold_by_state:
        raise click.UsageError(
            f"Numbers of {country.name} are sold by state: name one of"
            f" {', '.join(state.code for state in country.states)}."
        )
    return None
