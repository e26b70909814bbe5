"""What is for sale: places by code or name, and numbers that fit, with their prices."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeVar

from receiver.providers.digits import area_of, countries_of, national
from receiver.providers.errors import ProviderError, Refused
from receiver.providers.market import ANY, AvailableNumber, Country, Market, Narrowed, Rates, State
from receiver.providers.numbers import NumberClient
from receiver.vocabulary.errors import OperatorError
from receiver.vocabulary.kinds import Kind

_Place = TypeVar("_Place", Country, State)

_CLOSELY = 20
"""Numbers looked through for the most able ones, when no kinds were named; about one page."""

# What people call countries that the provider abbreviates.
_ALSO_KNOWN_AS = {
    "usa": "US",
    "united states": "US",
    "united states of america": "US",
    "america": "US",
    "hongkong": "HK",
    "uk": "GB",
    "great britain": "GB",
}


class NoSuchPlace(OperatorError):
    """No country or state of that name has numbers for sale. The message says which ones do."""


@dataclass(frozen=True)
class Offer:
    """A number that can be bought, and the prices of its country."""

    number: AvailableNumber
    country: str
    state: str
    rates: Rates


@dataclass(frozen=True)
class Offers:
    """The numbers that can be bought for a wish; if they are too few, why."""

    found: tuple[Offer, ...]
    shortage: str = ""


def papers(number: AvailableNumber) -> str:
    """Why a number cannot be bought here although it is for sale; empty if it can be.

    What a provider asks for before it sells a number is given in its console, and named in the purchase.
    """
    if not (asked := number.requirements):
        return ""
    console = "Buy it in the provider's console; then `receiver setup` configures it."
    said = (*(one.sentence for one in asked), console, *(one.link for one in asked))
    return " ".join(dict.fromkeys(filter(None, said)))


def find_country(countries: Sequence[Country], text: str) -> Country:
    """The country of that code or name, however it is capitalised, or `NoSuchPlace`."""
    wanted = _ALSO_KNOWN_AS.get(text.strip().lower(), text)
    return _find(countries, wanted, text, "country")


def find_state(country: Country, text: str) -> State:
    """The country's state of that code or name, or `NoSuchPlace`."""
    if not country.states:
        raise NoSuchPlace(
            f"Numbers of {country.name} are not sold by state: leave out {text!r}."
            " --area-code and --contains choose by digits."
        )
    return _find(country.states, text, text, f"state of {country.name}")


def _find(places: Sequence[_Place], wanted: str, text: str, what: str) -> _Place:
    names = {name.lower(): place for place in places for name in (place.name, place.code)}
    if place := names.get(wanted.strip().lower()):
        return place
    full_names = {place.name.lower(): place for place in places}
    close = get_close_matches(wanted.strip().lower(), full_names, n=1, cutoff=0.6)
    hint = f" Did you mean {full_names[close[0]].name} ({full_names[close[0]].code})?" if close else ""
    raise NoSuchPlace(
        f"No {what} with numbers for sale is called {text!r}.{hint} See `receiver numbers countries`."
    )


def can(capabilities: Collection[str], kinds: Iterable[Kind]) -> bool:
    """Whether a number with these capabilities can receive all of these kinds."""
    return all(kind.upper() in capabilities for kind in kinds)


def in_narrow(number: str, narrowed: Narrowed) -> bool:
    """Whether a number has the digits that are wished for."""
    if narrowed.area_code and not national(number).startswith(narrowed.area_code):
        return False
    return narrowed.contains in number


_Search = tuple[str, str, Narrowed]


class Shop:
    """What the provider sells, asked for as it is needed and remembered: 200 wishes for numbers of one state
    page through it once. Keep it no longer than one command, and `forget` before what matters, since numbers
    get sold."""

    def __init__(self, client: NumberClient, market: Market = Market()) -> None:  # noqa: B008
        self._client = client
        self.market = market
        self._countries: tuple[Country, ...] | None = None
        self._rates: dict[str, Rates] = {}
        self._seen: dict[_Search, list[AvailableNumber]] = {}
        self._pages: dict[_Search, Iterator[AvailableNumber]] = {}

    def forget(self) -> None:
        """Ask again for numbers and prices. The countries stay."""
        self._rates, self._seen, self._pages = {}, {}, {}

    @property
    def countries(self) -> tuple[Country, ...]:
        """The countries with numbers for sale."""
        if self._countries is None:
            self._countries = self._client.available_countries()
        return self._countries

    def rates(self, country: str) -> Rates:
        """The prices of a country's numbers."""
        if country not in self._rates:
            self._rates[country] = self._client.rate(country)
        return self._rates[country]

    def numbers(self, country: str, state: str = "", narrowed: Narrowed = ANY) -> Iterator[AvailableNumber]:
        """The numbers for sale in a place; further pages are fetched when they are reached."""
        found = self._asked(country, state, self.market.searchable(narrowed))
        return (entry for entry in found if fits(entry, narrowed))

    def _asked(self, country: str, state: str, narrowed: Narrowed) -> Iterator[AvailableNumber]:
        place = (country, state, narrowed)
        if place not in self._seen:
            self._seen[place] = []
            pages = self._client.every_available_page(country, state or None, narrowed)
            self._pages[place] = (entry for page in pages for entry in page.entries)
        seen, at = self._seen[place], 0
        while True:
            if at == len(seen):
                try:
                    more = next(self._pages[place], None)
                except ProviderError:
                    del self._seen[place]  # a generator that failed is over: begin anew next time
                    raise
                if more is None:
                    return
                seen.append(more)
            yield seen[at]
            at += 1

    def number(self, number: str, state: str = "") -> Offers:
        """This very number with its price, if it is for sale. Without a state, its area code tells which.

        Looks where its digits say it belongs: searching all states would take hundreds of calls, and there is
        a rate limit.
        """
        missing = Offers((), "no country with numbers for sale has its calling code: check the number")
        for at, country in enumerate(self._countries_by_digits(number)):
            offered = self._number_of(country, number, state)
            if offered.found:
                return offered
            missing = missing if at else offered  # what the likeliest country says
        return missing

    def _number_of(self, country: Country, number: str, state: str) -> Offers:
        place = None
        if country.states and (state or country.sold_by_state):
            area = area_of(number)
            guess = next((known for known in country.states if area in (known.code, known.name)), None)
            place = find_state(country, state) if state else guess
            if place is None:
                return Offers(
                    (),
                    f"numbers of {country.name} are sold by state, and its area code does not tell which: add"
                    " the state",
                )
        code = place.code if place else ""
        try:
            for entry in self.numbers(country.code, code, Narrowed(contains=number.removeprefix("+"))):
                if entry.number == number:
                    return Offers((Offer(entry, country.code, code, self.rates(country.code)),))
        except Refused as refusal:
            return Offers((), refusal.reason)
        hint = "" if state or not place else ", or name its state if that is another one"
        name, where = (place.name, f"{country.code} {code}") if place else (country.name, country.code)
        return Offers(
            (),
            f"this account does not hold it, and it is not for sale in {name}: check the number, choose one"
            f" from `receiver numbers available {where}`{hint}",
        )

    def any(
        self,
        country: Country,
        state: str = "",
        narrowed: Narrowed = ANY,
        *,
        count: int = 1,
        taken: Collection[str] = frozenset(),
    ) -> Offers:
        """The first numbers for sale there that can receive all of these kinds; without a state, in any.

        Without kinds: those with voice and SMS if there are enough among the first, else whatever can do
        anything. Those for which the provider asks for nothing come first. Skips what is `taken`.
        """
        kinds = narrowed.kinds
        states = [known for known in country.states if state in ("", known.code)]
        # Trust what a state is listed with, so that not every state has to be asked.
        codes = [known.code for known in states if not known.capabilities or can(known.capabilities, kinds)]
        found: list[Offer] = []
        reason = ""
        for code in codes if country.states and (state or country.sold_by_state) else [""]:
            if len(found) == count:
                break
            free = (
                entry for entry in self.numbers(country.code, code, narrowed) if entry.number not in taken
            )
            try:
                chosen = _first(free, kinds, count - len(found))
                found += [Offer(one, country.code, code, self.rates(country.code)) for one in chosen]
            except Refused as refusal:
                reason = refusal.reason
        if len(found) == count:
            return Offers(tuple(found))
        are = "is" if len(found) == 1 else "are"
        few = f"only {len(found)} of {count} {described(narrowed, 'numbers')} {are} for sale there"
        none = reason or f"no {described(narrowed)} is for sale there"
        return Offers(tuple(found), few if found else none)

    def _countries_by_digits(self, number: str) -> list[Country]:
        sold = {country.code: country for country in self.countries}
        if known := [sold[code] for code in countries_of(number) if code in sold]:
            return known
        fitting = [c for c in self.countries if c.prefix and number.startswith(f"+{c.prefix}")]
        return sorted(fitting, key=lambda country: len(country.prefix))[-1:]


def fits(entry: AvailableNumber, narrowed: Narrowed) -> bool:
    """Whether a number for sale is what it is narrowed to."""
    return (
        can(entry.capabilities, narrowed.kinds)
        and narrowed.sort in (None, entry.sort)
        and in_narrow(entry.number, narrowed)
    )


def described(narrowed: Narrowed, what: str = "number") -> str:
    """A number as it is wished for: `toll-free number that can receive sms, with area code 415`."""
    named = f"{narrowed.sort} {what}" if narrowed.sort else what
    kinds = f" that can receive {' and '.join(sorted(narrowed.kinds))}" if narrowed.kinds else ""
    digits = [f"area code {narrowed.area_code}"] if narrowed.area_code else []
    digits += [f"the digits {narrowed.contains}"] if narrowed.contains else []
    return f"{named}{kinds}" + (f" with {' and '.join(digits)}" if digits else "")


def _first(numbers: Iterable[AvailableNumber], kinds: Collection[Kind], count: int) -> list[AvailableNumber]:
    best: list[AvailableNumber] = []
    others: list[AvailableNumber] = []
    asking: list[AvailableNumber] = []
    for at, entry in enumerate(numbers, 1):
        if entry.requirements:
            asking.append(entry)
        elif kinds or can(entry.capabilities, (Kind.VOICE, Kind.SMS)):
            best.append(entry)
        elif entry.capabilities:
            others.append(entry)
        enough = len(best) + (len(asking) if kinds else len(others) + len(asking)) >= count
        if len(best) == count or (at >= max(_CLOSELY, count) and (enough or not kinds)):
            break
    return (best + others + asking)[:count]
