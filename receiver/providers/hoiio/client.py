"""The provider's Number API, and the account's balance, over HTTP.

One private method sends. Every call is a form-encoded POST, although GET would do, so that the credentials
are never part of a URL, which logs and proxies keep. Reads are repeated when they fail; calls that spend or
change something are not, because nobody can tell a lost request from a lost answer.

Be liberal in what comes back: the documents, the SDKs and the years disagree about its shape.
"""

from __future__ import annotations

import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from itertools import count
from typing import Any, Unpack

from config import LIVE_API_URL
from receiver.providers import fields
from receiver.providers.errors import TryLater, UnexpectedAnswer
from receiver.providers.exchange import LONGEST, TIMEOUT, ApiCall, Exchange, Nature
from receiver.providers.hoiio import answers
from receiver.providers.hoiio.exchange import understood
from receiver.providers.hoiio.pace import Pace
from receiver.providers.hoiio.values import MISSPELT, Forwarding, HoiioNumber, HoiioRate, Listed, forwarding
from receiver.providers.market import (
    ANY,
    AvailableNumber,
    AvailableNumbers,
    Country,
    Duration,
    Narrowed,
    Rates,
    State,
)
from receiver.providers.numbers import Balance, Routes, Subscription

_SUBSCRIBE = "number/subscribe"
# The documented limit is 60 a minute; together these outlast it.
_RATE_LIMIT_PAUSES = (2.0, 4.0, 8.0, 16.0, 32.0)


class HoiioClient:
    """The provider's calls for numbers, one method each, under the names of its own SDK.

    Every method raises a `ProviderError` or returns what the provider confirmed. Reads wait and try again
    a few times before they raise `TryLater`. An endpoint that has said how many requests a minute it takes,
    by refusing one, is sent no more than that. All waiting is done by `sleep`. One client is for one thread.
    """

    def __init__(
        self,
        app_id: str,
        access_token: str,
        api_url: str = LIVE_API_URL,
        *,
        timeout: tuple[float, float] = TIMEOUT,
        longest: float = LONGEST,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._credentials = {"app_id": app_id, "access_token": access_token}
        self._api_url = api_url.rstrip("/") + "/"
        self._exchange = Exchange(
            timeout=timeout, longest=longest, crowded_pauses=_RATE_LIMIT_PAUSES, sleep=sleep, clock=clock
        )
        self._sleep = sleep
        self._clock = clock
        self._paces: defaultdict[str, Pace] = defaultdict(Pace)

    def __repr__(self) -> str:
        return f"<HoiioClient of {self._api_url}>"

    def available_countries(self) -> Listed[Country]:
        """The countries that have numbers for sale, with their states where they are sold by state."""
        answer = self._call("number/get_countries", "list countries")
        return Listed(
            Country(
                code=fields.text(entry, "code").upper(),
                name=fields.text(entry, "name") or fields.text(entry, "code"),
                prefix=fields.text(entry, "prefix").removeprefix("+"),
                states=tuple(
                    State(
                        fields.text(state, "code").upper(),
                        fields.text(state, "name"),
                        answers.capabilities(state),
                    )
                    for state in answers.entries(entry, "states", "code")
                ),
            )
            for entry in answers.entries(answer, "entries", "code")
        )

    def available_numbers(self, country: str, state: str | None = None, page: int = 1) -> AvailableNumbers:
        """One page of the numbers for sale in a country, or in one of its states; empty beyond the last."""
        answer = self._call(
            "number/get_choices",
            f"list numbers of {_place(country, state)}",
            {"country": country, "state": state or "", "page": str(page)},
        )
        return AvailableNumbers(
            entries=Listed(
                AvailableNumber(number, answers.capabilities(entry))
                for entry in answers.entries(answer, "entries", "number")
                if (number := answers.number(entry))
            ),
            total_entries_count=fields.integer(answer, "total_entries_count"),
        )

    def every_available_number(self, country: str, state: str | None = None) -> Iterator[AvailableNumber]:
        """All numbers for sale there, each once, page after page as they are asked for."""
        for page in self.every_available_page(country, state):
            yield from page.entries

    def every_available_page(
        self, country: str, state: str | None = None, narrowed: Narrowed = ANY
    ) -> Iterator[AvailableNumbers]:
        """The same by the page, each number in one page only; the next page is asked for when it is taken.

        It cannot be `narrowed`.
        """
        seen: set[str] = set()
        for page in count(1):
            found = self.available_numbers(country, state, page)
            new = {entry.number: entry for entry in found.entries if entry.number not in seen}
            seen |= new.keys()
            yield AvailableNumbers(tuple(new.values()), found.total_entries_count)
            # A page without news ends it: the one after the last, or the first one over and over.
            if not new or (found.total_entries_count or len(seen) + 1) <= len(seen):
                return

    def rate(self, country: str) -> Rates:
        """The prices of a country's numbers."""
        answer = self._call("number/get_rates", f"ask prices of {_place(country)}", {"country": country})
        rates = (
            (fields.integer(entry, "duration"), fields.money(entry, "rate"))
            for entry in answers.entries(answer, "entries", "duration")
        )
        return Rates(
            country=country,
            currency=fields.text(answer, "currency"),
            entries=Listed(
                HoiioRate(months, price) for months, price in rates if months and price is not None
            ),
        )

    def subscribe(
        self, number: str, duration: Duration | int | str, routes: Routes | None = None
    ) -> Subscription:
        """Buy a number for 1, 3 or 12 months or with `auto_extend`; a number already held is extended.

        It does not configure it by `routes` in the same request.

        This costs money. It is sent once, whatever happens; `OutcomeUnknown` says that the answer was lost
        and the money may be spent.
        """
        term = Duration(str(duration))
        answer = self._call(
            _SUBSCRIBE,
            "subscribe",
            {"number": number, "duration": term},
            number=number,
            nature=Nature.SPEND,
        )
        return Subscription(
            number,
            fields.text(answer, "currency"),
            fields.money(answer, "debit"),
            answers.day(answer, "expiry"),
        )

    def wait_to_subscribe(self) -> None:
        """Wait until the provider takes one more `subscribe`; for who does not want to wait in the middle."""
        self._wait_for_turn(_SUBSCRIBE)

    def configure(self, number: str, **settings: Unpack[Forwarding]) -> None:
        """Set where a number sends what arrives: calls or faxes (`forward_to`, by `mode`) and SMS.

        This replaces everything. A URL that is not given is cleared, and a `mode` that is not given becomes
        voice, so always pass all that is to be kept. The spelling `foward_to` of the provider's page is taken
        for what it means, with a warning.
        """
        given: dict[str, object] = {}
        for name, value in settings.items():
            meant = MISSPELT.get(name, name)
            if meant not in Forwarding.__annotations__:
                raise TypeError(f"configure() has no setting {name!r}. {_right_name(name)}")
            if meant in given:
                raise TypeError(f"configure() got {meant!r} twice: once it is misspelt.")
            if meant != name:
                warnings.warn(f"configure() takes {name!r} for {meant!r}: write that.", stacklevel=2)
            given[meant] = value
        self._call(
            "number/update_forwarding",
            "configure",
            {name: str(value) for name, value in given.items() if value},
            number=number,
            nature=Nature.CHANGE,
        )

    def route(self, number: str, routes: Routes, was: Routes | None = None) -> None:
        """`configure` in the words of every provider."""
        self.configure(number, **forwarding(routes))

    def subscribed_numbers(self) -> Listed[HoiioNumber]:
        """All numbers this application holds, with their settings."""
        what = "list the numbers held"
        answer = self._call("number/get_active", what)
        entries = answers.entries(answer, "entries", "number")
        listed = answer.get("entries")
        announced = max(
            fields.integer(answer, "entries_count") or 0, len(listed) if isinstance(listed, list) else 0
        )
        if len(entries) < announced:
            # Whoever decides on a purchase must not take half a list for all of it.
            raise UnexpectedAnswer(what, "the provider announces more numbers than it lists. Try again.")
        if not all(map(answers.number, entries)):
            raise UnexpectedAnswer(what, "the provider lists something that is no telephone number.")
        return Listed(
            HoiioNumber(
                number=answers.number(entry),
                forward_to=fields.text(entry, "forward_to"),
                forward_sms_to=fields.text(entry, "forward_sms_to"),
                mode=fields.text(entry, "mode").lower(),
                expiry=answers.day(entry, "expiry"),
                auto_extend=answers.flag(entry, "auto_extend_status"),
                country=fields.text(entry, "country").upper(),
                state=fields.text(entry, "state").upper(),
                capabilities=answers.capabilities(entry),
            )
            for entry in entries
        )

    def balance(self) -> Balance:
        """What is left on the account."""
        what = "ask the balance"
        answer = self._call("user/get_balance", what)
        balance = fields.money(answer, "balance")
        if balance is None:
            raise UnexpectedAnswer(what, "the provider's answer holds no balance.")
        return Balance(fields.text(answer, "currency"), balance)

    def _call(
        self,
        path: str,
        what: str,
        parameters: Mapping[str, str] | None = None,
        *,
        number: str = "",
        nature: Nature = Nature.READ,
    ) -> dict[str, Any]:
        call = ApiCall(what, "HOIIO_API_URL", number, nature)
        body = {name: value for name, value in (parameters or {}).items() if value} | self._credentials
        if number:
            body["number"] = number
        return self._exchange.repeated(call, lambda: self._send(call, path, body))

    def _send(self, call: ApiCall, path: str, body: Mapping[str, str]) -> dict[str, Any]:
        """Send once, at the endpoint's pace, and return an answer whose status is success."""
        self._wait_for_turn(path)
        pace = self._paces[path]
        try:
            answer = self._exchange.send(call, "POST", self._api_url + path, body)
        finally:
            # Taken at the end, so that the minute is over there when it is over here.
            pace.sent(self._clock())
        try:
            return understood(call, *answer)
        except TryLater as error:
            if error.rate_limited:
                pace.refused(self._clock())
            raise

    def _wait_for_turn(self, path: str) -> None:
        if wait := self._paces[path].wait(self._clock()):
            self._sleep(wait)


def _right_name(name: str) -> str:
    """Which setting was meant. The words' order is ignored: one SDK calls it `forward_to_sms`."""
    known = {"_".join(sorted(setting.split("_"))): setting for setting in Forwarding.__annotations__}
    close = get_close_matches("_".join(sorted(name.lower().split("_"))), known, n=1)
    return f"Did you mean {known[close[0]]}?" if close else f"It takes {', '.join(known.values())}."


def _place(country: str, state: str | None = None) -> str:
    return "/".join(part for part in (country, state) if part)
