"""`flask numbers`: what is for sale, what it costs, what is held. No command gives a number up."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from urllib.parse import urlsplit

import click
from flask.cli import with_appcontext

from receiver import current
from receiver.cli import output, words
from receiver.cli.setup import AmountType
from receiver.hoiio.client import Country, Duration, Mode, NumberClient, SubscribedNumber
from receiver.hoiio.errors import masked
from receiver.hoiio.notifications import Kind
from receiver.offers import NotForSale, can, country_of, find_country, find_state, offer_of
from receiver.setup import (
    Configure,
    Outcome,
    Plan,
    able,
    apply,
    balance_if_told,
    buy,
    masked_url,
)

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
    client = current.number_client()
    with output.progress("Looking through the numbers for sale …"):
        place = find_country(client.available_countries(), country)
        part = _state(place, state)
        fitting = (
            entry
            for entry in client.every_available_number(place.code, part)
            if digits in entry.number and can(entry.capabilities, kinds or ())
        )
        found = list(islice(fitting, limit + 1))
    shown = found[:limit]
    if as_json:
        output.json_out({"numbers": shown, "more": len(found) > limit})
        return
    if not shown:
        narrowed = " with that" if digits or kinds else ""
        raise click.ClickException(
            f"no number{narrowed} is for sale in {words.place(place.code, part or '')}"
        )
    output.table(("number", "can"), [(entry.number, words.abilities(entry.capabilities)) for entry in shown])
    if len(found) > limit:
        output.say(f"There are more: add --limit {limit * 5}, or narrow it with --like.")


@numbers.command()
@click.argument("countries", metavar="COUNTRY...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_appcontext
@output.operation_errors()
def rates(countries: tuple[str, ...], as_json: bool) -> None:
    """Show what numbers of a COUNTRY cost. The price is for the whole period."""
    client = current.number_client()
    with output.progress("Asking the provider …"):
        known = client.available_countries()
        found = [client.rate(find_country(known, country).code) for country in countries]
    if as_json:
        output.json_out({"rates": found})
        return
    rows = [(each.country, rate.months, rate.price, each.currency) for each in found for rate in each.entries]
    output.table(("country", "months", "price", "currency"), rows)


@numbers.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_appcontext
@output.operation_errors()
def list_numbers(as_json: bool) -> None:
    """List the numbers held and where they point."""
    with output.progress("Asking the provider …"):
        found = sorted(current.number_client().subscribed_numbers(), key=lambda number: number.number)
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
@click.option("--state", help="Where to look for it, if its digits do not tell.")
@click.option("--extend", is_flag=True, help="Pay for more time of a number already held.")
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
    state: str | None,
    extend: bool,
    max_cost: Decimal | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Buy a NUMBER, without configuring it. `flask setup` does both.

    Shows the price and asks. It is bought once: if the answer gets lost, the numbers held are looked at.
    """
    duration, client = words.duration(months, auto_extend), current.number_client()
    with output.progress("Asking the provider …"):
        before = next((held for held in client.subscribed_numbers() if held.number == number), None)
        if before and not extend:
            raise click.ClickException(
                f"{masked(number)} is held already (expires {words.expires(before)}), so nothing was bought."
                " To pay for more time add --extend."
            )
        if extend and not before:
            raise click.ClickException(
                f"{masked(number)} is not held, so there is nothing to extend. {_SEE_LIST}"
            )
        price = _price(client, number, before, duration, state or "")
    if max_cost is not None and price.amount > max_cost:
        raise click.ClickException(f"{price} is more than --max-cost {max_cost:f}, so nothing was bought")
    what = f"{'Extend' if before else 'Subscribe'} {number} for {words.term(duration)}"
    balance = balance_if_told(client)
    left = f" Balance: {balance.currency} {output.money(balance.balance)}." if balance else ""
    output.say(f"{what}: {price}.{left}")
    if not output.confirmed(f"Pay {price}?", yes=yes):
        output.say("Nothing was bought.")
        raise SystemExit(1)
    with output.progress("Buying …"):
        done = buy(client, number, duration, before=before)
    if as_json:
        output.json_out(done)
    elif done.debit is None:
        output.say(f"The answer was lost, but looking shows that it was bought, until {done.expiry}.")
    else:
        output.say(f"Done: {done.currency} {output.money(done.debit)} paid, until {done.expiry}.")


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


@dataclass(frozen=True)
class _Price:
    currency: str
    amount: Decimal

    def __str__(self) -> str:
        return f"{self.currency} {output.money(self.amount)}"


def _held(client: NumberClient, number: str) -> SubscribedNumber:
    with output.progress("Asking the provider …"):
        found = next((held for held in client.subscribed_numbers() if held.number == number), None)
    if found is None:
        raise click.ClickException(f"{masked(number)} is not held by this application. {_SEE_LIST}")
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


def _price(
    client: NumberClient, number: str, before: SubscribedNumber | None, duration: Duration, state: str
) -> _Price:
    if before is None:
        offer = offer_of(client, number, client.available_countries(), state)
        if isinstance(offer, NotForSale):
            raise click.ClickException(f"{masked(number)}: {offer.reason}")
        quoted = offer.rates
    else:
        quoted = client.rate(before.country or country_of(number))
    amount = quoted.price(duration)
    if amount is None:
        raise click.ClickException(f"the provider quotes no price for {words.term(duration)}")
    return _Price(quoted.currency, amount)


def _settings(
    held: SubscribedNumber, forward_to: str | None, forward_sms_to: str | None, mode: str | None
) -> Configure:
    """All settings of a number, those given and those kept."""
    taken_for = mode or held.mode
    if mode and held.capabilities and not can(held.capabilities, (Kind(mode),)):
        raise click.ClickException(f"{masked(held.number)} cannot take {mode}: {able(held.capabilities)}")
    calls = _url("--forward-to", forward_to, Kind.FAX if taken_for == Mode.FAX else Kind.VOICE)
    sms = _url("--forward-sms-to", forward_sms_to, Kind.SMS)
    if sms and held.capabilities and not can(held.capabilities, (Kind.SMS,)):
        raise click.ClickException(f"{masked(held.number)} cannot receive sms: {able(held.capabilities)}")
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
    return given


def _apply(step: Configure, client: NumberClient) -> SubscribedNumber:
    with output.progress("Configuring …"):
        (done,) = apply(Plan((step,)), client)
    if done.number is None or done.outcome not in (Outcome.DONE, Outcome.FOUND):
        raise click.ClickException(done.detail)
    return done.number
