"""What is for sale: places by code or name, and a number that fits, with its price."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import TypeVar

import phonenumbers
from phonenumbers.geocoder import description_for_number

from receiver.hoiio.client import AvailableNumber, Country, NumberClient, Rates, State
from receiver.hoiio.errors import Refused
from receiver.hoiio.notifications import Kind

_Place = TypeVar("_Place", Country, State)

_CLOSELY = 200
"""Numbers looked at for one that can do everything, when anything will do."""

# What people call countries that the provider abbreviates.
_ALSO_KNOWN_AS = {
    "united states": "US",
    "united states of america": "US",
    "america": "US",
    "hongkong": "HK",
    "uk": "GB",
    "great britain": "GB",
}


class NoSuchPlace(Exception):
    """No country or state of that name has numbers for sale. The message says which have."""


@dataclass(frozen=True)
class Offer:
    """A number that can be bought, and the prices of its country."""

    number: AvailableNumber
    country: str
    state: str
    rates: Rates


@dataclass(frozen=True)
class NotForSale:
    """No number can be bought for a wish, and why."""

    reason: str


def find_country(countries: Sequence[Country], text: str) -> Country:
    """The country of that code or name, however it is capitalised, or `NoSuchPlace`."""
    wanted = _ALSO_KNOWN_AS.get(text.strip().lower(), text)
    return _find(countries, wanted, text, "country")


def find_state(country: Country, text: str) -> State:
    """The country's state of that code or name, or `NoSuchPlace`."""
    if not country.states:
        raise NoSuchPlace(f"Numbers of {country.name} are not sold by state: leave out {text!r}.")
    return _find(country.states, text, text, f"state of {country.name}")


def _find(places: Sequence[_Place], wanted: str, text: str, what: str) -> _Place:
    names = {name.lower(): place for place in places for name in (place.name, place.code)}
    if place := names.get(wanted.strip().lower()):
        return place
    full_names = {place.name.lower(): place for place in places}
    close = get_close_matches(wanted.strip().lower(), full_names, n=1, cutoff=0.6)
    hint = f" Did you mean {full_names[close[0]].name} ({full_names[close[0]].code})?" if close else ""
    raise NoSuchPlace(
        f"No {what} with numbers for sale is called {text!r}.{hint} See `flask numbers countries`."
    )


def can(capabilities: Collection[str], kinds: Iterable[Kind]) -> bool:
    """Whether a number with these capabilities can receive all of these kinds."""
    return all(kind.upper() in capabilities for kind in kinds)


def country_of(number: str) -> str:
    """The country code a number seems to belong to, by its digits alone; empty if they do not tell."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return ""
    # A number that was never given out has a calling code all the same.
    region = phonenumbers.region_code_for_number(parsed)
    return region or phonenumbers.region_code_for_country_code(parsed.country_code or 0)


def area_of(number: str) -> str:
    """The code or name of the state a number's area code lies in; empty if its digits do not tell."""
    try:
        area = str(description_for_number(phonenumbers.parse(number), "en"))
    except phonenumbers.NumberParseException:
        return ""
    # "San Francisco, CA"; where nothing smaller is known the state's name: "Alaska".
    return area.rpartition(", ")[2].removesuffix(" State")


def offer_of(
    client: NumberClient, number: str, countries: Sequence[Country], state: str = ""
) -> Offer | NotForSale:
    """This very number with its price, if it is for sale. Which state to look in is guessed if not told.

    Looks in one place only: going through all states would take hundreds of calls, which are rationed.
    """
    country = _country_by_digits(number, countries)
    if country is None:
        return NotForSale("no country with numbers for sale has its calling code: check the number")
    place = None
    if country.states:
        area = area_of(number)
        guess = next((known for known in country.states if area in (known.code, known.name)), None)
        place = find_state(country, state) if state else guess
        if place is None:
            return NotForSale(
                f"numbers of {country.name} are sold by state, and its area code does not tell which: add"
                " --state"
            )
    try:
        for entry in client.every_available_number(country.code, place.code if place else None):
            if entry.number == number:
                return Offer(entry, country.code, place.code if place else "", client.rate(country.code))
    except Refused as refusal:
        return NotForSale(refusal.reason)
    hint = "" if state or not place else ", or name its state with --state if that is another one"
    name, where = (place.name, f"{country.code} {place.code}") if place else (country.name, country.code)
    return NotForSale(
        f"it is not held and not for sale in {name}: check the number, choose one from"
        f" `flask numbers available {where}`{hint}"
    )


def any_offer(
    client: NumberClient, country: Country, state: str, kinds: Collection[Kind] = frozenset()
) -> Offer | NotForSale:
    """The first number for sale there that can receive all of these kinds; without a state, in any.

    Without kinds: voice and SMS if one among the first can, else whatever the first number can.
    """
    states = [known for known in country.states if state in ("", known.code)]
    # What a state says it can is believed, so that not every state has to be asked.
    codes = [known.code for known in states if not known.capabilities or can(known.capabilities, kinds)]
    reason = ""
    for code in codes if country.states else [None]:
        try:
            if chosen := _first(client.every_available_number(country.code, code), kinds):
                return Offer(chosen, country.code, code or "", client.rate(country.code))
        except Refused as refusal:
            reason = refusal.reason
    wanted = f" that can receive {' and '.join(sorted(kinds))}" if kinds else ""
    return NotForSale(reason or f"no number{wanted} is for sale there")


def _first(numbers: Iterable[AvailableNumber], kinds: Collection[Kind]) -> AvailableNumber | None:
    if kinds:
        return next((entry for entry in numbers if can(entry.capabilities, kinds)), None)
    seen: AvailableNumber | None = None
    for entry in islice(numbers, _CLOSELY):
        if can(entry.capabilities, (Kind.VOICE, Kind.SMS)):
            return entry
        seen = seen or (entry if entry.capabilities else None)
    return seen


def _country_by_digits(number: str, countries: Sequence[Country]) -> Country | None:
    region = country_of(number)
    if known := next((country for country in countries if country.code == region), None):
        return known
    fitting = [c for c in countries if c.prefix and number.startswith(f"+{c.prefix}")]
    return max(fitting, key=lambda country: len(country.prefix), default=None)
