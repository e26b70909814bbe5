"""Choosing a number at a terminal: country, state, number, kinds, term. What is known is not asked."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import TypeVar

import click

from receiver.cli import options, output, progress, tables
from receiver.cli.numbers import shown
from receiver.providers.base import Provider
from receiver.providers.market import AvailableNumber, Country, Duration
from receiver.providers.numbers import Capability, SubscribedNumber
from receiver.setup.catalogue import NoSuchPlace, Shop, can, described, find_country, find_state, papers
from receiver.setup.matching import fitting
from receiver.setup.plan import Wish
from receiver.setup.request import SetupRequest
from receiver.setup.run import Account, impossible
from receiver.vocabulary.kinds import Kind
from receiver.vocabulary.printable import printable

_Answer = TypeVar("_Answer")

_SHOWN = 10
_TERMS = {"1": Duration.ONE_MONTH, "3": Duration.THREE_MONTHS, "12": Duration.TWELVE_MONTHS}
_RENEWED = "renewed"


class _Again(Exception):
    """The answer will not do; the message says why."""


def for_a_provider(providers: Sequence[Provider]) -> Provider:
    """The provider that the person at the terminal wants a number of."""
    named = {each.name: each for each in providers}

    def read(text: str) -> Provider:
        if text.lower() not in named:
            raise _Again(f"Type {' or '.join(named)}.")
        return named[text.lower()]

    return _answer(f"Provider ({' or '.join(named)})", read)


def for_a_wish(account: Account, known: SetupRequest) -> Wish:
    """The wish of the person at the terminal, who is asked only for what is not `known`."""
    shop = account.shop
    asked = Wish(
        known.kinds or frozenset(),
        duration=known.duration,
        sort=known.sort,
        area_code=known.area_code,
        contains=known.contains,
    )
    if reason := impossible(asked, shop.market):
        raise click.ClickException(reason)
    with progress.spinner("Asking the provider …"):
        countries = shop.countries
    country = find_country(countries, known.country) if known.country else _country(countries)
    state = find_state(country, known.state).code if known.state else _state(country)
    asked = replace(asked, country=country.code, state=state)
    some_state = country.states and country.sold_by_state and not state
    number = None if known.any_number or some_state else _number(account, country, asked)
    kinds = known.kinds if known.kinds is not None else _kinds(number or _sample(shop, country, state))
    if isinstance(number, SubscribedNumber):
        return Wish(kinds, number=number.number)
    duration = known.duration or _duration(shop, country)
    if number:
        return Wish(kinds, number=number.number, state=state, duration=duration)
    return replace(asked, kinds=kinds, duration=duration)


def _country(countries: tuple[Country, ...]) -> Country:
    tables.show(
        ("code", "country", "prefix"),
        [(country.code, country.name, f"+{country.prefix}") for country in countries],
    )
    return _answer("Country (code or name)", lambda text: find_country(countries, text))


def _state(country: Country) -> str:
    if not country.states or not country.sold_by_state:
        return ""
    listed = ", ".join(f"{state.code} {state.name}" for state in country.states)
    click.echo(textwrap.fill(printable(listed), 78))
    return _answer(
        "State (code or name; Enter for any)",
        lambda text: find_state(country, text).code if text else "",
        default="",
    )


def _number(account: Account, country: Country, asked: Wish) -> AvailableNumber | SubscribedNumber | None:
    """One of the numbers for sale, the one that is held and will do, or None for the first that will do."""
    shop, state, narrowed = account.shop, asked.state, replace(asked.narrowed, kinds=frozenset())
    listed: list[AvailableNumber] = []

    def show(digits: str) -> None:
        with progress.spinner("Looking through the numbers for sale …"):
            also = replace(narrowed, contains=digits) if digits else narrowed
            found = list(islice(shop.numbers(country.code, state, also), _SHOWN))
        if not found:
            where = shown.place(country.code, state)
            other = "other digits" if digits else "another place"
            raise _Again(f"no {described(also)} is for sale in {where} at present: choose {other}")
        listed[:] = found
        tables.show(
            ("", "number", "can"),
            [(at, one.number, shown.for_sale(one)) for at, one in enumerate(found, 1)],
        )
        for sentence in shown.requirements(found):
            output.say(sentence)

    def free(number: AvailableNumber) -> AvailableNumber:
        if wanting := papers(number):
            raise _Again(wanting)
        return number

    def chosen(text: str) -> AvailableNumber | SubscribedNumber | None:
        digits = options.digits(text)
        if not text:
            return held
        if not re.fullmatch(r"[0-9]+", digits):
            raise _Again("Type the place in the list, digits to look for, or nothing.")
        if "+" not in text and int(digits) in range(1, len(listed) + 1):
            return free(listed[int(digits) - 1])
        show(digits)
        return free(listed[0]) if len(listed) == 1 else _answer(question, chosen, default="")

    with progress.spinner("Asking the provider …"):
        fit = fitting(asked, account.client.subscribed_numbers(), account.urls)
    held = fit[0] if fit else None
    usual = f"{held.number}, which you have" if held else "any"
    question = f"Number (1, 2, …; digits to look for; Enter for {usual})"
    try:
        show("")
    except _Again as reason:
        raise click.ClickException(str(reason)) from None
    return _answer(question, chosen, default="")


def _sample(shop: Shop, country: Country, state: str) -> AvailableNumber | None:
    """A number that tells what those of a place can do."""
    place = state or (country.states[0].code if country.states and country.sold_by_state else "")
    return next(shop.numbers(country.code, place), None)


def _kinds(number: AvailableNumber | SubscribedNumber | None) -> frozenset[Kind]:
    """What to receive; not asked where there is no choice."""
    if number is None or not number.capabilities:
        return frozenset()
    both = {Capability.VOICE, Capability.FAX} <= number.capabilities
    calls = [kind for kind in (Kind.VOICE, Kind.FAX) if can(number.capabilities, (kind,))]
    has_sms = can(number.capabilities, (Kind.SMS,))
    if not both and not (calls and has_sms):
        return frozenset()
    usual = ",".join([*calls[:1], *([Kind.SMS] if has_sms else [])])
    choices = " or ".join([*calls, *(["sms"] if has_sms else [])])

    def read(text: str) -> frozenset[Kind]:
        try:
            kinds = options.KindsType().convert(text, None, None)
        except click.BadParameter as error:
            raise _Again(error.message) from None
        if not can(number.capabilities, kinds):
            raise _Again(f"It cannot receive that; it can {shown.abilities(number.capabilities)}.")
        return kinds

    return _answer(f"Receive ({choices}; several with commas)", read, default=usual)


def _duration(shop: Shop, country: Country) -> Duration | None:
    """The term; None where there is no choice."""
    if len(shop.market.terms) == 1:
        return None
    with progress.spinner("Asking the provider …"):
        rates = shop.rates(country.code)
    tables.show(
        ("months", "price", "per month", ""),
        [(rate.months, rate.price, shown.monthly(rate), rates.currency) for rate in rates.entries],
    )

    def read(text: str) -> Duration:
        if text.lower() == _RENEWED:
            return Duration.AUTO_EXTEND
        if text not in _TERMS or rates.price(_TERMS[text]) is None:
            raise _Again(f"Type {', '.join(str(rate.months) for rate in rates.entries)} or {_RENEWED}.")
        return _TERMS[text]

    return _answer(f"Months, or {_RENEWED} for one month at a time", read, default="1")


def _answer(question: str, read: Callable[[str], _Answer], *, default: str | None = None) -> _Answer:
    """Ask until the answer can be read."""
    while True:
        text: str = click.prompt(question, default=default, show_default=bool(default), err=True)
        try:
            return read(text.strip())
        except (NoSuchPlace, _Again) as reason:
            output.say(str(reason))
