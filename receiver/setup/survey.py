"""Asking the provider before deciding: what is held, what earlier runs paid for, what is for sale."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from receiver.keys.urls import CallbackUrls
from receiver.providers.errors import Refused, UnexpectedAnswer, WrongConfiguration
from receiver.providers.numbers import Balance, NumberClient, SubscribedNumber
from receiver.setup.catalogue import Offers, Shop, find_country
from receiver.setup.journal import Attempt, Ending, Journal, SetupAction
from receiver.setup.matching import allotted, may_fulfil
from receiver.setup.plan import Unsettled, Wish
from receiver.vocabulary.mask import masked_number

SETTLING_SECONDS = 120.0
"""A payment that the provider does not show so long after it was sent was not made, or shows up too late to
wait for. Longer than the client waits for an answer."""
_LOOKS = (1.0, 2.0, 4.0, 8.0, 15.0)


@dataclass(frozen=True)
class Survey:
    """What the provider said: the numbers held, and what is for sale for the wishes they do not fulfil."""

    active: tuple[SubscribedNumber, ...]
    offers: Mapping[Wish, Offers]
    unsettled: tuple[Unsettled, ...] = ()
    balance: Balance | None = None


def survey(
    client: NumberClient,
    shop: Shop,
    journal: Journal,
    wanted: Sequence[Wish],
    urls: CallbackUrls,
    *,
    wait: bool = True,
    sleep: Callable[[float], None] = time.sleep,
    say: Callable[[str], None] = lambda _: None,
) -> Survey:
    """Ask the provider all that `plan` needs. Changes nothing there.

    Payments of earlier runs are settled first; without `wait`, only if that takes no waiting.
    """
    active, unsettled = settle(client, shop, journal, wait=wait, sleep=sleep, say=say)
    held = allotted(wanted, active, urls)
    missing = [
        wish
        for wish, numbers in held.items()
        if len(numbers) < wish.count and not any(may_fulfil(one, wish) for one in unsettled)
    ]
    if not missing:
        return Survey(active, {}, unsettled)
    taken = {wish.number for wish in wanted if wish.number} | {number.number for number in active}
    offers: dict[Wish, Offers] = {}
    for wish in sorted(missing, key=lambda wish: not wish.number):
        if wish.number:
            offers[wish] = shop.number(wish.number, wish.state)
            continue
        country = find_country(shop.countries, wish.country)
        count = wish.count - len(held[wish])
        offers[wish] = shop.any(country, wish.state, wish.narrowed, count=count, taken=taken)
        taken |= {offer.number.number for offer in offers[wish].found}
    return Survey(active, offers, unsettled, balance_if_told(client))


def settle(
    client: NumberClient,
    shop: Shop,
    journal: Journal,
    *,
    wait: bool = True,
    sleep: Callable[[float], None] = time.sleep,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[tuple[SubscribedNumber, ...], tuple[Unsettled, ...]]:
    """The numbers held, and the payments of earlier runs whose outcome is still unknown.

    Country and state of a number are those that it was bought as here; providers guess, or tell neither.

    A payment was made if the provider's list shows it. It was surely not made if the list has not shown it
    for two minutes and the provider offers the number to everybody, or has not extended it. What the shop
    has seen before is forgotten: that the number was for sale then says nothing.
    """
    active = client.subscribed_numbers()
    unsettled = _not_shown(journal, journal.unsettled(), active)
    looks = iter(_LOOKS)
    while wait and (left := max((_seconds_left(journal, one) for one in unsettled), default=0.0)):
        pause = min(next(looks, _LOOKS[-1]), left)
        if pause == _LOOKS[0]:
            shown = ", ".join(masked_number(one.number) for one in unsettled)
            say(
                f"An earlier run may have paid for {shown}, and the provider does not show it."
                f" Looking for up to {left:.0f} s …"
            )
        sleep(pause)
        active = client.subscribed_numbers()
        unsettled = _not_shown(journal, unsettled, active)
    shop.forget()
    places = journal.places()
    active = tuple(_placed(one, *places.get(one.number, ("", ""))) for one in active)
    return active, tuple(filter(None, (_judged(journal, shop, one) for one in unsettled)))


def _placed(number: SubscribedNumber, country: str, state: str) -> SubscribedNumber:
    return replace(number, country=country or number.country, state=state or number.state)


def balance_if_told(client: NumberClient) -> Balance | None:
    """The balance, or None if the provider does not tell: a purchase does not depend on it."""
    try:
        return client.balance()
    except (Refused, UnexpectedAnswer, WrongConfiguration):  # a key may be kept from seeing money
        return None


def _not_shown(
    journal: Journal, attempts: Sequence[Attempt], active: Sequence[SubscribedNumber]
) -> list[Attempt]:
    """Settle the payments that the list shows; the others are left."""
    held = {number.number: number for number in active}
    left = []
    for attempt in attempts:
        if attempt.shows_in(held):
            journal.end(attempt.id, Ending.HELD, "the provider lists it")
        else:
            left.append(attempt)
    return left


def _seconds_left(journal: Journal, attempt: Attempt) -> float:
    due = attempt.begun_at + timedelta(seconds=SETTLING_SECONDS)
    return max(0.0, (due - journal.now).total_seconds())


def _judged(journal: Journal, shop: Shop, attempt: Attempt) -> Unsettled | None:
    """Why a payment that the list does not show is still open. None if it was surely not made."""
    when = f"{attempt.begun_at:%Y-%m-%d %H:%M} UTC"
    number = masked_number(attempt.number)
    if attempt.action is SetupAction.EXTEND:  # concerns a number that is held, and no wish for another one
        if not _seconds_left(journal, attempt):
            journal.end(attempt.id, Ending.NOT_DONE, "the number is not extended, two minutes later")
        return None
    if _seconds_left(journal, attempt):
        reason = f"whether {number} was bought at {when} is not known yet: run this again in two minutes"
    elif attempt.confirmed:
        reason = (
            f"the provider confirmed the purchase of {number} at {when}, but does not list it: ask its"
            f" support. If it was not bought after all, say so with --not-bought {attempt.number}"
        )
    elif shop.number(attempt.number, attempt.state).found:
        journal.end(attempt.id, Ending.NOT_DONE, "the provider still sells it, two minutes later")
        return None
    else:
        reason = (
            f"nobody can tell whether {number} was bought at {when}: the provider neither lists nor sells it."
            f" Look into its portal; if it was not bought, say so with --not-bought {attempt.number}"
        )
    return Unsettled(attempt.number, attempt.country, attempt.state, reason)
