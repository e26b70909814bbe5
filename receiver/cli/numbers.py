"""`flask numbers`: what is for sale, what it costs, what is held. No command gives a number up."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from decimal import Decimal
from urllib.parse import urlsplit

import click
from flask.cli import with_appcontext

from config import URL_SPELLING, is_spelled
from receiver import current
from receiver.cli import output, words
from receiver.cli.setup import AmountType
from receiver.keys.urls import masked_url
from receiver.providers.numbers import (
    AvailableNumber,
    Country,
    Duration,
    Mode,
    NumberClient,
    SubscribedNumber,
)
from receiver.setup.apply import StepOutcome, pay
from receiver.setup.apply import configure as configured
from receiver.setup.catalogue import Shop, can, country_of, find_country, find_state
from receiver.setup.configuring import able
from receiver.setup.journal import Action, Journal
from receiver.setup.plan import Configure, Extend, Payment, Subscribe
from receiver.setup.survey import balance_if_told, settle
from receiver.vocabulary.kinds import Kind
from receiver.vocabulary.mask import masked_number

_HERE = "here"
_NOWHERE = "none"


@click.group()
def numbers() -> None:
    """Look up, subscribe and configure telephone numbers."""


@numbers.command()
@click.argument("country", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_appcontext
@output.operation_errors()
def countries(country: str | None, as_json: bool) -> None:
    """List countries with numbers for sale, or COUNTRY's states."""
    with output.progress("Asking the provider …"):
        found = current.number_client().available_countries()
    if country:
        found = (find_country(found, country),)
    if as_json:
        output.json_out({"countries": found})
    elif country and found[0].states:
        output.table(
            ("state", "name", "can"),
            [(state.code, state.name, words.abilities(state.capabilities)) for state in found[0].states],
        )
    else:
        output.table(
            ("code", "country", "prefix", "states"),
            [(place.code, place.name, f"+{place.prefix}", len(place.states) or None) for place in found],
        )


@numbers.command()
@click.argument("country")
@click.argument("state", required=False)
@click.option("--like", default="", help="Only numbers with these digits in a row.")
@click.option(
    "--kind",
    "kinds",
    type=words.KindsType(),
    metavar="voice,sms",
    help="Only numbers that can receive these.",
)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_appcontext
@output.operation_errors()
def available(
    *,
    country: str,
    state: str | None,
    like: str,
    kinds: frozenset[Kind] | None,
    limit: int,
    as_json: bool,
) -> None:
    """List numbers for sale in COUNTRY and STATE.

    STATE is needed where numbers are sold by state.
    """
    digits = re.sub(r"[\s+().\-]", "", like)
    if not re.fullmatch(r"[0-9]*", digits):
        raise click.UsageError(f"--like takes digits, not {like!r}.")
    client = current.number_client(output.patient)
    with output.progress("Asking the provider …"):
        place = find_country(client.available_countries(), country)
    part = _state(place, state)
    shown, more = 0, False
    found: list[AvailableNumber] = []
    for page in _pages(client, place.code, part):
        fitting = [entry for entry in page if digits in entry.number and can(entry.capabilities, kinds or ())]
        fitting, more = fitting[: limit - shown], len(fitting) > limit - shown
        if as_json:
            found += fitting
        elif fitting:
            # By the page: who sees a number that will do need not wait for the rest.
            _print_page(fitting, heading=not shown)
        shown += len(fitting)
        if more:
            break
    if as_json:
        output.json_out({"numbers": found, "more": more})
        return
    if not shown:
        narrowed = " with that" if digits or kinds else ""
        raise click.ClickException(
            f"no number{narrowed} is for sale in {words.place(place.code, part or '')}"
        )
    if more:
        output.say(f"There are more: add --limit {limit * 5}, or narrow it with --like.")


@numbers.command()
@click.argument("countries", metavar="COUNTRY...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_appcontext
@output.operation_errors()
def rates(countries: tuple[str, ...], as_json: bool) -> None:
    """Compare what numbers of each COUNTRY cost. The price is for the whole period, and due at once."""
    client = current.number_client(output.patient)
    with output.progress("Asking the provider …"):
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
                            {"months": rate.months, "price": rate.price, "per_month": words.monthly(rate)}
                            for rate in each.entries
                        ],
                    }
                    for each in found
                ]
            }
        )
        return
    rows = [
        (each.country, rate.months, rate.price, words.monthly(rate), each.currency)
        for each in found
        for rate in each.entries
    ]
    output.table(("country", "months", "price", "per month", "currency"), rows)


@numbers.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_appcontext
@output.operation_errors()
def list_numbers(as_json: bool) -> None:
    """List the numbers held and where they point."""
    with output.progress("Asking the provider …"):
        found = sorted(current.number_client().subscribed_numbers(), key=lambda number: number.number)
    current.watch().remember(found)
    urls = words.our_urls_if_known()
    if as_json:
        output.json_out({"numbers": [words.number_json(number, urls) for number in found]})
        return
    if not found:
        output.say("No numbers are held. Get one with `flask setup --country SG`, for example.")
        return
    output.table(words.NUMBER_COLUMNS, [words.number_row(number, urls) for number in found])
    if urls is None:
        output.say("PUBLIC_URL is not set, so nobody can tell which of them point here.")


@numbers.command()
@click.argument("number", type=words.NumberType())
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_appcontext
@output.operation_errors()
def show(number: str, as_json: bool) -> None:
    """Show one number held."""
    held, urls = _held(current.number_client(), number), words.our_urls_if_known()
    if as_json:
        output.json_out(words.number_json(held, urls))
        return
    rows = list(zip(words.NUMBER_COLUMNS, words.number_row(held, urls), strict=True))
    rows.append(("expiry", str(held.expiry or "-")))
    rows.append(("calls URL", masked_url(held.forward_to) or "-"))
    rows.append(("sms URL", masked_url(held.forward_sms_to) or "-"))
    output.table(("field", "value"), rows)


@numbers.command()
@click.argument("number", type=words.NumberType())
@words.term_options
@click.option("--state", default="", help="Where to look for it, if its digits do not tell.")
@click.option("--max-cost", type=AmountType(), help="Refuse to pay more than this.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_appcontext
@output.operation_errors()
def subscribe(
    *,
    number: str,
    months: str | None,
    auto_extend: bool,
    state: str,
    max_cost: Decimal | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Buy a NUMBER, without configuring it. `flask setup` does both.

    Shows the price and asks. It is bought once, whatever happens on the way.
    """
    duration, client, journal = words.duration(months, auto_extend), _client(), current.journal()
    with journal.lease(say=output.say):
        held, shop = _held_now(client, journal), Shop(client)
        if before := held.get(number):
            raise click.ClickException(
                f"{masked_number(number)} is held already (expires {words.expires(before)}), so"
                f" nothing was bought. To pay for more time: flask numbers extend {number}"
            )
        with output.progress("Asking the provider …"):
            offered = shop.number(number, state)
        if not offered.found:
            raise click.ClickException(f"{masked_number(number)}: {offered.shortage}")
        offer = offered.found[0]
        price = _price(offer.rates.price(duration), duration)
        step = Subscribe(number, offer.country, offer.state, duration, price, offer.rates.currency)
        _pay(step, client, journal, max_cost=max_cost, yes=yes, as_json=as_json)


@numbers.command()
@click.argument("number", type=words.NumberType())
@words.term_options
@click.option("--max-cost", type=AmountType(), help="Refuse to pay more than this.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_appcontext
@output.operation_errors()
def extend(
    *,
    number: str,
    months: str | None,
    auto_extend: bool,
    max_cost: Decimal | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Pay for more time of a NUMBER that is held.

    Shows the price and asks. It is paid once, whatever happens on the way.
    """
    duration, client, journal = words.duration(months, auto_extend), _client(), current.journal()
    with journal.lease(say=output.say):
        doubtful = [one for one in journal.unsettled() if (one.action, one.number) == (Action.EXTEND, number)]
        held = _held_now(client, journal)
        if number not in held:
            raise click.ClickException(
                f"{masked_number(number)} is not held, so there is nothing to extend. {_SEE_LIST}"
            )
        was = held[number]
        if any(attempt.shows_in(held) for attempt in doubtful):
            raise click.ClickException(
                f"{masked_number(number)} was extended by the run before, whose answer was lost: it now"
                f" expires {words.expires(was)}. Nothing more was paid; to extend it further run this again."
            )
        country = was.country or country_of(number)
        with output.progress("Asking the provider …"):
            rates = client.rate(country)
        price = _price(rates.price(duration), duration)
        step = Extend(number, country, was.state, duration, price, rates.currency, was)
        _pay(step, client, journal, max_cost=max_cost, yes=yes, as_json=as_json)


@numbers.command()
@click.argument("number", type=words.NumberType())
@click.option("--forward-to", metavar="URL", help="For calls or faxes: a URL, `here`, or `none`.")
@click.option("--forward-sms-to", metavar="URL", help="For SMS: a URL, `here`, or `none`.")
@click.option(
    "--mode", type=click.Choice([mode.value for mode in Mode]), help="What an incoming call is taken for."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_appcontext
@output.operation_errors()
def configure(
    *,
    number: str,
    forward_to: str | None,
    forward_sms_to: str | None,
    mode: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Set where a NUMBER held sends what arrives. What is not named stays as it is."""
    if forward_to is forward_sms_to is mode is None:
        raise click.UsageError("Say what to change: --forward-to, --forward-sms-to or --mode.")
    client, urls = current.number_client(), words.our_urls_if_known()
    held = _held(client, number)
    step = _settings(held, forward_to, forward_sms_to, mode)
    if step.holds(held):
        output.say("Nothing to do.")
        shown = held
    else:
        output.say(f"{number}: {words.changes(step, urls)}")
        if not output.confirmed("Change it?", yes=yes):
            output.say("Nothing was changed.")
            raise SystemExit(1)
        shown = _apply(step, client)
    if as_json:
        output.json_out(words.number_json(shown, urls))
    else:
        output.table(words.NUMBER_COLUMNS, [words.number_row(shown, urls)])


_SEE_LIST = "See `flask numbers list`."


def _client() -> NumberClient:
    return current.number_client(output.patient)


def _pages(client: NumberClient, country: str, state: str | None) -> Iterator[tuple[AvailableNumber, ...]]:
    """The pages of what is for sale, showing that it goes on."""
    pages, seen = client.every_available_page(country, state), 0
    total: int | None = None
    while True:
        of = f" of {total}" if total else ""
        with output.progress(f"Looking through the numbers for sale: {seen}{of} …"):
            page = next(pages, None)
        if page is None:
            return
        seen, total = seen + len(page.entries), page.total_entries_count
        yield page.entries


def _print_page(page: list[AvailableNumber], *, heading: bool) -> None:
    """Rows that line up with those of other pages, which are not known yet."""
    if heading:
        click.echo(f"{'number':16}  can")
    for entry in page:
        click.echo(
            f"{output.printable(entry.number):16}  {output.printable(words.abilities(entry.capabilities))}"
        )
    sys.stdout.flush()


def _held_now(client: NumberClient, journal: Journal) -> dict[str, SubscribedNumber]:
    """The numbers held, once it is clear what earlier runs paid for."""
    with output.progress("Asking the provider …"):
        active, unsettled = settle(client, Shop(client), journal, say=output.say)
    if unsettled:
        raise click.ClickException(unsettled[0].reason)
    return {number.number: number for number in active}


def _price(quoted: Decimal | None, duration: Duration) -> Decimal:
    if quoted is None:
        raise click.ClickException(f"the provider quotes no price for {words.term(duration)}")
    return quoted


def _pay(
    step: Payment,
    client: NumberClient,
    journal: Journal,
    *,
    max_cost: Decimal | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Show the price, ask, pay, and say what was paid."""
    price = f"{step.currency} {output.money(step.price)}"
    if max_cost is not None and step.price > max_cost:
        raise click.ClickException(f"{price} is more than --max-cost {max_cost:f}, so nothing was paid")
    balance = balance_if_told(client)
    left = f" Balance: {balance.currency} {output.money(balance.balance)}." if balance else ""
    output.say(f"{type(step).__name__} {step.number} for {words.term(step.duration)}: {price}.{left}")
    if not output.confirmed(f"Pay {price}?", yes=yes):
        output.say("Nothing was paid.")
        raise SystemExit(1)
    with output.progress("Paying …"):
        done = pay(step, client, journal)
    if as_json:
        output.json_out(done)
    elif done.debit is None:
        output.say(f"The answer was lost, but looking shows that it was paid, until {done.expiry}.")
    else:
        output.say(f"Done: {done.currency} {output.money(done.debit)} paid, until {done.expiry}.")


def _held(client: NumberClient, number: str) -> SubscribedNumber:
    with output.progress("Asking the provider …"):
        found = next((held for held in client.subscribed_numbers() if held.number == number), None)
    if found is None:
        raise click.ClickException(f"{masked_number(number)} is not held by this application. {_SEE_LIST}")
    return found


def _state(country: Country, text: str | None) -> str | None:
    if text is not None:
        return find_state(country, text).code
    if country.states:
        raise click.UsageError(
            f"Numbers of {country.name} are sold by state: name one of"
            f" {', '.join(state.code for state in country.states)}."
        )
    return None


def _settings(
    held: SubscribedNumber, forward_to: str | None, forward_sms_to: str | None, mode: str | None
) -> Configure:
    """All settings of a number, those given and those kept."""
    taken_for = mode or held.mode
    if mode and held.capabilities and not can(held.capabilities, (Kind(mode),)):
        raise click.ClickException(
            f"{masked_number(held.number)} cannot take {mode}: {able(held.capabilities)}"
        )
    calls = _url("--forward-to", forward_to, Kind.FAX if taken_for == Mode.FAX else Kind.VOICE)
    sms = _url("--forward-sms-to", forward_sms_to, Kind.SMS)
    if sms and held.capabilities and not can(held.capabilities, (Kind.SMS,)):
        raise click.ClickException(
            f"{masked_number(held.number)} cannot receive sms: {able(held.capabilities)}"
        )
    return Configure(
        held.number,
        forward_to=held.forward_to if calls is None else calls,
        forward_sms_to=held.forward_sms_to if sms is None else sms,
        mode=taken_for,
        kinds=frozenset(),
        was=held,
    )


def _url(option: str, given: str | None, kind: Kind) -> str | None:
    if given is None:
        return None
    if given == _NOWHERE:
        return ""
    if given == _HERE:
        return words.our_urls().of(kind)
    try:
        parts = urlsplit(given)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise click.UsageError(
            f"{option} takes a full URL such as https://example.com/sms, `here` or `none`."
        )
    if not is_spelled(given):
        raise click.UsageError(f"{option} holds {URL_SPELLING}.")
    return given


def _apply(step: Configure, client: NumberClient) -> SubscribedNumber:
    journal = current.journal()
    with journal.lease(say=output.say), output.progress("Configuring …"):
        done = configured(step, client, journal)
    if done.number is None or done.outcome not in (StepOutcome.DONE, StepOutcome.FOUND):
        raise click.ClickException(done.detail)
    return done.number
