"""Twilio's numbers, prices and balance, as every provider's.

Nothing here releases a number: what is released is gone at once, and cannot be had back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import quote

from config import TWILIO_API_URL
from receiver.providers import fields
from receiver.providers.digits import countries_of
from receiver.providers.errors import ProviderError, Refused
from receiver.providers.exchange import LONGEST, TIMEOUT, ApiCall, Nature
from receiver.providers.market import (
    ANY,
    AvailableNumbers,
    Country,
    Duration,
    Narrowed,
    NumberSort,
    Rates,
)
from receiver.providers.numbers import Balance, Instead, Routes, SubscribedNumber, Subscription
from receiver.providers.twilio import resources
from receiver.providers.twilio.api import Api, Json, Product
from receiver.providers.twilio.market import SORTS, TERMS, sort_of
from receiver.providers.twilio.overruled import Applications, Services, overruled
from receiver.providers.twilio.refusals import NOT_FOUND, SETTING
from receiver.providers.twilio.regulations import Regulations
from receiver.providers.twilio.states import STATES
from receiver.providers.twilio.ways import parameters, routes
from receiver.vocabulary.kinds import Kind

_FEWEST_DIGITS = 2
"""It does not search for fewer."""
_LARGEST_PAGE = {"PageSize": "1000"}


class TwilioClient:
    """A `NumberClient`. Its limit is on requests at the same time, of which one client never has two."""

    def __init__(
        self,
        account_sid: str,
        credentials: tuple[str, str],
        api_url: str = TWILIO_API_URL,
        *,
        timeout: tuple[float, float] = TIMEOUT,
        longest: float = LONGEST,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`credentials` are the account's SID and auth token, or the SID and secret of an API key."""
        self._api = Api(
            account_sid, credentials, api_url, timeout=timeout, longest=longest, sleep=sleep, clock=clock
        )
        self._services, self._applications = Services(self._api), Applications(self._api)
        self._sids: dict[str, str] = {}
        self._regulations = Regulations(self._api)

    def __repr__(self) -> str:
        return f"<TwilioClient of {self._api}>"

    def available_countries(self) -> tuple[Country, ...]:
        """The countries that have numbers for sale, with the sorts that they have."""
        call = ApiCall("list countries", SETTING)
        path = self._api.account_path("AvailablePhoneNumbers.json")
        return tuple(
            _country(entry)
            for page in self._api.every_page(call, Product.API, path)
            for entry in resources.entries(call, page, "countries")
            if fields.text(entry, "country_code")
        )

    def every_available_page(
        self, country: str, state: str | None = None, narrowed: Narrowed = ANY
    ) -> Iterator[AvailableNumbers]:
        """The numbers for sale there by the page, sort after sort, with what has to be there before."""
        call = ApiCall(f"list numbers of {country}", SETTING)
        query = _query(country, state, narrowed)
        seen: set[str] = set()
        for sort in (narrowed.sort,) if narrowed.sort else self._sorts(call, country):
            path = self._api.account_path(f"AvailablePhoneNumbers/{_quoted(country)}/{SORTS[sort]}.json")
            for page in self._pages_of(call, path, query, f"no {sort} numbers of {country} are for sale"):
                listed = resources.entries(call, page, "available_phone_numbers")
                beside = self._regulations.of(country, sort) if listed else ()
                offers = (resources.available(entry, country, sort, beside) for entry in listed)
                new = {offer.number: offer for offer in offers if offer and offer.number not in seen}
                seen |= new.keys()
                yield AvailableNumbers(tuple(new.values()), None)

    def rate(self, country: str) -> Rates:
        """The prices of a country's numbers, each for a month, by sort."""
        call = ApiCall(f"ask prices of {country}", SETTING)
        try:
            answer = self._api.read(call, Product.PRICING, f"/v1/PhoneNumbers/Countries/{_quoted(country)}")
        except ProviderError as error:
            raise _instead(error, call, "Twilio sells no numbers there") from None
        rates = map(resources.rate, resources.entries(call, answer, "phone_number_prices"))
        currency = fields.text(answer, "price_unit")
        if not currency:
            raise resources.unreadable(call, "does not say in which currency the prices are")
        return Rates(country, currency.upper(), tuple(rate for rate in rates if rate))

    def subscribe(
        self, number: str, duration: Duration | int | str, routes: Routes | None = None
    ) -> Subscription:
        """Buy a number and configure it, in one request.

        Sent again only if Twilio says that it did nothing because it had too many requests at the same time.
        """
        call = ApiCall("subscribe", SETTING, number, Nature.CHANGE)
        if str(duration) != Duration.AUTO_EXTEND:
            raise call.error(Refused, f"Twilio sells no terms. {TERMS}")
        settings = parameters(routes, call.what, number) if routes else {}
        answer = self._api.change(call, "IncomingPhoneNumbers.json", {"PhoneNumber": number, **settings})
        if resources.number(answer) != number:
            raise call.lost("the provider's answer does not name the number")
        if sid := resources.sid(answer):
            self._sids[number] = sid
        # It says nothing of money: what a month costs is in `rate`.
        return Subscription(number, currency="", debit=None, expiry=None)

    def wait_to_subscribe(self) -> None:
        """There is nothing to wait for."""

    def route(self, number: str, routes: Routes, was: Routes | None = None) -> None:
        """Set where a number sends what arrives, and the settings named in `routes.others`."""
        call = ApiCall("configure", SETTING, number, Nature.CHANGE)
        settings = parameters(routes, call.what, number, was)
        if number not in self._sids:
            self._held()
        gone = "the number is not held by this account. Check the number, and TWILIO_ACCOUNT_SID."
        if number not in self._sids:
            raise call.error(Refused, gone)
        try:
            self._api.change(call, f"IncomingPhoneNumbers/{self._sids[number]}.json", settings)
        except ProviderError as error:
            if error.status == NOT_FOUND:
                del self._sids[number]
            raise _instead(error, call, gone) from None

    def subscribed_numbers(self) -> tuple[SubscribedNumber, ...]:
        """All numbers held, with what overrules their URLs."""
        held = self._held()
        services = self._services.by_number() if held else {}
        applications = self._applications.of(held)
        return tuple(_subscribed(entry, services, applications) for entry in held)

    def balance(self) -> Balance:
        """What is left on the account."""
        call = ApiCall("ask the balance", SETTING)
        try:
            answer = self._api.read(call, Product.API, self._api.account_path("Balance.json"))
        except ProviderError as error:
            raise _instead(error, call, "the account has none of its own, as sub-accounts have not") from None
        balance = fields.money(answer, "balance")
        if balance is None:
            raise resources.unreadable(call, "holds no balance")
        return Balance(fields.text(answer, "currency").upper(), balance)

    def _held(self) -> list[Json]:
        """The numbers held as Twilio describes them. One that cannot be read is not left out silently."""
        call = ApiCall("list the numbers held", SETTING)
        path = self._api.account_path("IncomingPhoneNumbers.json")
        held = [
            entry
            for page in self._api.every_page(call, Product.API, path, _LARGEST_PAGE)
            for entry in resources.entries(call, page, "incoming_phone_numbers")
        ]
        if not all(resources.number(entry) and resources.sid(entry) for entry in held):
            raise resources.unreadable(call, "lists something that is no telephone number with its SID")
        self._sids = {resources.number(entry): resources.sid(entry) for entry in held}
        return held

    def _sorts(self, call: ApiCall, country: str) -> tuple[NumberSort, ...]:
        path = self._api.account_path(f"AvailablePhoneNumbers/{_quoted(country)}.json")
        try:
            return _country(self._api.read(call, Product.API, path)).sorts
        except ProviderError as error:
            raise _instead(error, call, f"Twilio sells no numbers of {country}") from None

    def _pages_of(self, call: ApiCall, path: str, query: dict[str, str], none: str) -> Iterator[Json]:
        try:
            yield from self._api.every_page(call, Product.API, path, query)
        except ProviderError as error:
            raise _instead(error, call, none) from None


def _instead(error: ProviderError, call: ApiCall, none: str) -> ProviderError:
    """The error; but if what was asked for does not exist, what that means here."""
    if error.status != NOT_FOUND:
        return error
    return Refused(call.what, f"{none.rstrip('.')}.", number=call.number, status=NOT_FOUND)


def _quoted(country: str) -> str:
    return quote(country, safe="")


def _country(entry: Json) -> Country:
    import phonenumbers  # noqa: PLC0415  # its tables take a moment to load

    code = fields.text(entry, "country_code").upper()
    kinds = entry.get("subresource_uris")
    sold = {sort_of(word) for word in kinds if isinstance(word, str)} if isinstance(kinds, dict) else set()
    prefix = phonenumbers.country_code_for_region(code)
    return Country(
        code=code,
        name=fields.text(entry, "country") or code,
        prefix=str(prefix) if prefix else "",
        states=STATES.get(code, ()),
        sold_by_state=False,
        sorts=tuple(sort for sort in NumberSort if sort in sold),
    )


def _query(country: str, state: str | None, narrowed: Narrowed) -> dict[str, str]:
    query = {
        f"{kind.capitalize()}Enabled": "true" for kind in (Kind.VOICE, Kind.SMS) if kind in narrowed.kinds
    }
    # For other countries it ignores both area code and state.
    by_area = country.upper() in STATES
    digits = narrowed.contains or ("" if by_area else narrowed.area_code)
    if len(digits) >= _FEWEST_DIGITS:
        query["Contains"] = digits
    if by_area:
        query |= {"AreaCode": narrowed.area_code} if narrowed.area_code else {}
        query |= {"InRegion": state} if state else {}
    return query


def _subscribed(
    entry: Json, services: Mapping[str, Instead] | None, applications: Mapping[str, Json]
) -> SubscribedNumber:
    can, number = resources.capabilities(entry), resources.number(entry)
    countries = countries_of(number)
    return SubscribedNumber(
        number=number,
        # An answer does not tell it, and digits only if no other country shares them.
        country=countries[0] if len(countries) == 1 else "",
        sort=sort_of(fields.text(entry, "type")),
        routes=routes(entry, can),
        auto_extend=True,
        capabilities=can,
        overruled=overruled(entry, (services or {}).get(number), applications),
        unsure=frozenset({Kind.SMS}) if services is None and Kind.SMS.upper() in can else frozenset(),
    )
