"""`receiver numbers countries`, `available` and `rates`: what is for sale, and for how much."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import click

from receiver import current
from receiver.cli import options, output, progress, tables
from receiver.cli.numbers import shown
from receiver.cli.numbers.held import asked_for
from receiver.cli.operation import operation
from receiver.providers.base import Provider
from receiver.providers.market import AvailableNumber, Country, Narrowed, NumberSort, Rates
from receiver.providers.numbers import NumberClient
from receiver.setup.catalogue import NoSuchPlace, Shop, find_country, find_state, fits
from receiver.vocabulary.kinds import Kind
from receiver.vocabulary.printable import printable

_Found = TypeVar("_Found")


@click.command()
@click.argument("country", required=False)
@options.PROVIDER
@options.AS_JSON
@operation
def countries(*, country: str | None, provider: str | None, as_json: bool) -> None:
    """List countries with numbers for sale, or states.

    With COUNTRY, named by code or name, its states.
    """
    asked = asked_for(provider)

    def ask(of: Provider) -> tuple[Country, ...]:
        found = current.number_client(of).available_countries()
        return (find_country(found, country),) if country else found

    found = [(of, place) for of, places in _each(asked, ask) for place in places]
    if as_json:
        output.json_out({"countries": [{"provider": of.name} | vars(place) for of, place in found]})
        return
    columns: tuple[str, ...] = ("code", "country", "prefix", "states")
    rows: list[tuple[Provider, tuple[object, ...]]] = [
        (of, (place.code, place.name, f"+{place.prefix}", len(place.states) or None)) for of, place in found
    ]
    if country and found[0][1].states:
        columns = ("state", "name", "can")
        rows = [
            (of, (state.code, state.name, shown.abilities(state.capabilities)))
            for of, place in found
            for state in place.states
        ]
    _show(columns, rows, several=len(asked) > 1)


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
    "--limit", type=click.IntRange(1), metavar="N", default=20, show_default=True, help="At most this many."
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

    COUNTRY and STATE are codes or names. STATE is needed where numbers are sold by state.
    """
    asked = asked_for(provider)
    narrowed = Narrowed(sort, area_code, contains, kinds or frozenset())
    clients = {of.name: current.number_client(of, output.patient) for of in asked}

    def ask(of: Provider) -> tuple[Country, str | None]:
        place = find_country(clients[of.name].available_countries(), country)
        return place, _state(place, state)

    places = _each(asked, ask)
    found: list[tuple[Provider, AvailableNumber]] = []
    more = False
    for of, (place, part) in places:
        if refusal := next(
            (of.market.refused[kind] for kind in narrowed.kinds if kind in of.market.refused), ""
        ):
            output.say(refusal)
            continue
        for page in _pages(of, clients[of.name], place.code, part, narrowed):
            fitting = [entry for entry in page if fits(entry, narrowed)]
            fitting, more = fitting[: limit - len(found)], len(fitting) > limit - len(found)
            if fitting and not as_json:
                # Page by page: whoever sees a suitable number need not wait for the rest.
                _print_page(of, fitting, heading=not found, several=len(asked) > 1)
            found += [(of, entry) for entry in fitting]
            if more:
                break
        if more:
            break
    if as_json:
        output.json_out(
            {"numbers": [{"provider": of.name} | vars(entry) for of, entry in found], "more": more}
        )
        return
    if not found:
        with_that = " with that" if narrowed != Narrowed() else ""
        raise click.ClickException(
            f"no number{with_that} is for sale in {shown.place(places[0][1][0].code, state or '')}"
        )
    for sentence in shown.requirements(one for _, entry in found for one in entry.requirements):
        output.say(f"* The provider asks for this first: {sentence}")
    if more:
        output.say(f"There are more: add --limit {limit * 5}, or narrow it with --like.")


@click.command()
@click.argument("countries", metavar="COUNTRY...", nargs=-1, required=True)
@options.PROVIDER
@options.AS_JSON
@operation
def rates(*, countries: tuple[str, ...], provider: str | None, as_json: bool) -> None:
    """Compare what numbers of several countries cost.

    The price is for the whole period, and due at once.
    """
    asked = asked_for(provider)

    def ask(of: Provider) -> list[Rates]:
        client = current.number_client(of, output.patient)
        known = client.available_countries()
        return [client.rate(find_country(known, country).code) for country in countries]

    found = [(of, rates) for of, several in _each(asked, ask) for rates in several]
    if as_json:
        output.json_out({"rates": [_rates_json(of, rates) for of, rates in found]})
        return
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
    _show(columns, rows, several=len(asked) > 1)
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


def _each(asked: Iterable[Provider], ask: Callable[[Provider], _Found]) -> list[tuple[Provider, _Found]]:
    """What each provider says. A place that one of them does not have, another may."""
    found: list[tuple[Provider, _Found]] = []
    missing: NoSuchPlace | None = None
    for of in asked:
        with progress.spinner("Asking the provider …"):
            try:
                found.append((of, ask(of)))
            except NoSuchPlace as problem:
                missing = problem
    if missing is not None and not found:
        raise missing
    return found


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
    told = Shop(client, of.market).asked_for(narrowed)
    pages, seen = client.every_available_page(country, state, told), 0
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
        asks = " *" if entry.requirements else ""
        can = printable(shown.abilities(entry.capabilities))
        click.echo(f"{printable(entry.number):16}  {middle}{can}{asks}")
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
