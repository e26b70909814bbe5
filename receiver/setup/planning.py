"""Deciding what is to be done for what is wished for. Pure: asks nobody, changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from receiver.keys.urls import CallbackUrls
from receiver.providers.market import Market
from receiver.providers.numbers import Balance, SubscribedNumber
from receiver.setup.catalogue import Offer, Offers, papers
from receiver.setup.configuring import Impossible, kinds_for, settings_for
from receiver.setup.matching import allotted, may_fulfil, points_elsewhere
from receiver.setup.plan import Plan, Refusal, Step, Subscribe, Unsettled, Wish


def plan(
    wanted: Sequence[Wish],
    active: Sequence[SubscribedNumber],
    *,
    urls: CallbackUrls,
    offers: Mapping[Wish, Offers] | None = None,
    unsettled: Sequence[Unsettled] = (),
    balance: Balance | None = None,
    take_over: bool = False,
    max_cost: Decimal | None = None,
    market: Market = Market(),  # noqa: B008  # a value that never changes
) -> Plan:
    """What is to be done for these wishes.

    Never buys what is held, nor for a wish that an `unsettled` purchase may have fulfilled; never touches a
    number nobody wished for, and leaves a number that points elsewhere alone unless `take_over`.
    """
    steps: list[Step] = []
    ready: list[SubscribedNumber] = []
    refusals: list[Refusal] = []
    left_alone: dict[str, SubscribedNumber] = {}
    for wish, numbers in allotted(wanted, active, urls).items():
        for number in numbers:
            try:
                step = settings_for(wish, number, urls, take_over=take_over) if wish.point else None
            except Impossible as impossible:
                refusals.append(Refusal(number.number, str(impossible)))
                continue
            if step is None or step.holds(number):
                ready.append(number)
            else:
                steps.append(step)
        missing = wish.count - len(numbers)
        if not missing:
            continue
        left_alone |= {other.number: other for other in active if points_elsewhere(other, wish, urls)}
        if doubt := next((one for one in unsettled if may_fulfil(one, wish)), None):
            refusals.append(Refusal(wish.subject, doubt.reason))
            continue
        offered = (offers or {}).get(wish, Offers((), "it is not held, and nothing was offered"))
        chosen = offered.found[:missing]
        wanting = dict.fromkeys(filter(None, (papers(offer.number) for offer in chosen)))
        refusals += [Refusal(wish.subject, reason) for reason in wanting]
        for offer in chosen:
            if offer.number.requirements:
                continue
            try:
                bought, number = _purchase(wish, offer, market)
                settings = settings_for(wish, number, urls, take_over=False) if wish.point else None
                if settings and market.buys_configured:
                    bought = replace(bought, routes=settings.routes)
                steps += [bought, settings] if settings else [bought]
            except Impossible as impossible:
                refusals.append(Refusal(offer.number.number, str(impossible)))
        if len(offered.found) < missing:
            refusals.append(Refusal(wish.subject, offered.shortage))
    made = Plan(tuple(steps), tuple(ready), tuple(refusals), tuple(left_alone.values()), balance, max_cost)
    reason = _too_dear(made)
    return _without_purchases(made, reason) if reason else made


def _purchase(wish: Wish, offer: Offer, market: Market) -> tuple[Subscribe, SubscribedNumber]:
    """The purchase for a wish, and the number as it will be afterwards."""
    term = wish.duration or market.usual_term
    price = offer.rates.price(term, offer.number.sort)
    if price is None:
        quoted = (str(rate.months) for rate in offer.rates.entries if rate.sort == offer.number.sort)
        terms = ", ".join(quoted) or "none"
        raise Impossible(f"the provider quotes no price for this term; it does for months: {terms}")
    number = SubscribedNumber(
        offer.number.number,
        country=offer.country,
        state=offer.state,
        capabilities=offer.number.capabilities,
        sort=offer.number.sort,
    )
    if wish.point:
        kinds_for(wish.kinds, number)  # before a price is even mentioned
    currency = offer.rates.currency
    bought = Subscribe(number.number, offer.country, offer.state, term, price, currency, offer.number.sort)
    return bought, number


def _too_dear(made: Plan) -> str:
    """Why the purchases cannot be afforded, or nothing."""
    price = f"{made.currency} {made.cost:f}"
    if made.max_cost is not None and made.cost > made.max_cost:
        return f"all purchases together cost {price}, which is more than --max-cost {made.max_cost:f}"
    balance = made.balance
    if balance and balance.currency == made.currency and made.cost > balance.balance:
        has = f"{balance.currency} {balance.balance:f}"
        return f"all purchases together cost {price}, and the account has {has}: top it up first"
    return ""


def _without_purchases(made: Plan, reason: str) -> Plan:
    bought = [step.number for step in made.payments]
    subject = bought[0] if len(bought) == 1 else f"{len(bought)} numbers"
    return replace(
        made,
        steps=tuple(step for step in made.steps if step.number not in bought),
        refusals=(*made.refusals, Refusal(subject, reason)),
    )
