"""`receiver numbers subscribe` and `extend`: what costs money, one number at a time."""

from __future__ import annotations

from decimal import Decimal

import click

from receiver import current
from receiver.cli import options, output, progress, tables
from receiver.cli.numbers import shown
from receiver.cli.numbers.held import SEE_LIST, asked_for
from receiver.cli.numbers.held import held as find_held
from receiver.cli.operation import operation
from receiver.providers.base import Provider
from receiver.providers.digits import country_of
from receiver.providers.market import Duration, Market
from receiver.providers.numbers import NumberClient, SubscribedNumber
from receiver.setup.apply import pay
from receiver.setup.catalogue import Shop, papers
from receiver.setup.journal import Journal, SetupAction
from receiver.setup.plan import Extend, Payment, Subscribe
from receiver.setup.survey import balance_if_told, settle
from receiver.vocabulary.mask import masked_number

_MAX_COST = click.option("--max-cost", type=options.AmountType(), help="Refuse to pay more than this.")


@click.command()
@click.argument("number", type=options.NumberType())
@options.term
@click.option("--state", default="", help="Where to look for it, if its digits do not tell.")
@_MAX_COST
@options.PROVIDER
@options.YES
@options.AS_JSON
@operation
def subscribe(
    *,
    number: str,
    duration: Duration | None,
    state: str,
    max_cost: Decimal | None,
    provider: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Buy a number without configuring it.

    Shows the price and asks first. The number is bought once, whatever happens on the way. `receiver setup`
    buys and configures.
    """
    of = current.provider(provider)
    term = _term(duration, of)
    client, journal = current.number_client(of, output.patient), current.journal(of)
    with journal.lease(say=output.say):
        shop = Shop(client, of.market)
        held = _held_now(client, shop, journal)
        if before := held.get(number):
            raise click.ClickException(
                f"{masked_number(number)} is held already (expires {shown.expires(before, of)}), so"
                f" nothing was bought. To pay for more time: receiver numbers extend {output.spoken(number)}"
            )
        with progress.spinner("Asking the provider …"):
            offered = shop.number(number, state)
        if not offered.found:
            raise click.ClickException(f"{masked_number(number)}: {offered.shortage}")
        offer = offered.found[0]
        if wanting := papers(offer.number):
            raise click.ClickException(f"{masked_number(number)}: {wanting}")
        price = _price(offer.rates.price(term, offer.number.sort), term)
        step = Subscribe(
            number, offer.country, offer.state, term, price, offer.rates.currency, offer.number.sort
        )
        _pay(step, client, journal, of.market, max_cost=max_cost, yes=yes, as_json=as_json)


@click.command()
@click.argument("number", type=options.NumberType())
@options.term
@_MAX_COST
@options.PROVIDER
@options.YES
@options.AS_JSON
@operation
def extend(
    *,
    number: str,
    duration: Duration | None,
    max_cost: Decimal | None,
    provider: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Pay for more time of one of your numbers.

    Shows the price and asks first. It is paid once, whatever happens on the way.
    """
    asked = asked_for(provider)
    of = asked[0] if len(asked) == 1 else find_held(number, provider).provider
    client = current.number_client(of, output.patient)
    if len(of.market.terms) == 1:
        raise click.ClickException(f"there is nothing to extend. {of.market.terms_sentence}")
    term, journal = _term(duration, of), current.journal(of)
    with journal.lease(say=output.say):
        doubtful = [
            one for one in journal.unsettled() if (one.action, one.number) == (SetupAction.EXTEND, number)
        ]
        held = _held_now(client, Shop(client, of.market), journal)
        if number not in held:
            raise click.ClickException(
                f"{masked_number(number)} is not held, so there is nothing to extend. {SEE_LIST}"
            )
        was = held[number]
        if any(attempt.shows_in(held) for attempt in doubtful):
            raise click.ClickException(
                f"{masked_number(number)} was extended by the run before, whose answer was lost: it now"
                f" expires {shown.expires(was, of)}. Nothing more was paid; to extend it further run this"
                " again."
            )
        country = was.country or country_of(number)
        with progress.spinner("Asking the provider …"):
            rates = client.rate(country)
        price = _price(rates.price(term, was.sort), term)
        step = Extend(number, country, was.state, term, price, rates.currency, was)
        _pay(step, client, journal, of.market, max_cost=max_cost, yes=yes, as_json=as_json)


def _term(asked: Duration | None, provider: Provider) -> Duration:
    """The term that is asked for, or the usual one."""
    market = provider.market
    if asked not in (None, *market.terms):
        raise click.UsageError(f"Leave out --months. {market.terms_sentence}")
    return asked or market.usual_term


def _held_now(client: NumberClient, shop: Shop, journal: Journal) -> dict[str, SubscribedNumber]:
    """The numbers held, once it is clear what earlier runs paid for."""
    with progress.spinner("Asking the provider …"):
        active, unsettled = settle(client, shop, journal, say=output.say)
    for one in unsettled:
        raise click.ClickException(one.reason.replace(one.number, output.spoken(one.number)))
    return {number.number: number for number in active}


def _price(quoted: Decimal | None, duration: Duration) -> Decimal:
    if quoted is None:
        raise click.ClickException(f"the provider quotes no price for {shown.term(duration)}")
    return quoted


def _pay(
    step: Payment,
    client: NumberClient,
    journal: Journal,
    market: Market,
    *,
    max_cost: Decimal | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Show the price, ask, pay, and say what was paid."""
    price = f"{step.currency} {tables.money(step.price)}"
    if max_cost is not None and step.price > max_cost:
        raise click.ClickException(f"{price} is more than --max-cost {max_cost:f}, so nothing was paid")
    balance = balance_if_told(client)
    left = f" Balance: {balance.currency} {tables.money(balance.balance)}." if balance else ""
    number = output.spoken(step.number)
    output.say(f"{type(step).__name__} {number} for {shown.term(step.duration)}: {price}.{left}")
    if not output.confirmed(f"Pay {price}?", yes=yes):
        output.say("Nothing was paid.")
        raise SystemExit(1)
    with progress.spinner("Paying …"):
        done = pay(step, client, journal, market, sleep=output.patient)
    if as_json:
        # An answer that was lost, or tells nothing of money, leaves what was agreed to.
        output.json_out({**vars(done), "currency": done.currency or step.currency, "price": step.price})
    elif not done.answered:
        until = f", until {done.expiry}" if done.expiry else ""
        output.say(f"The answer was lost, but looking shows that it was paid{until}.")
    elif done.debit is None:
        output.say(f"Done: it costs {price} a month, as quoted.")
    else:
        output.say(f"Done: {done.currency} {tables.money(done.debit)} paid, until {done.expiry}.")
