"""Numbers that are held, and what can be asked of a provider's API: the same for every provider."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from receiver.providers.market import ANY, AvailableNumbers, Country, Duration, Narrowed, NumberSort, Rates
from receiver.vocabulary.kinds import Kind


class Capability(StrEnum):
    """What a number can do. VOICE and FAX together mean either of them, by `mode`."""

    VOICE = "VOICE"
    FAX = "FAX"
    SMS = "SMS"


@dataclass(frozen=True)
class Subscription:
    """A purchase that was made. What the provider left out of its answer is None."""

    number: str
    currency: str
    debit: Decimal | None
    expiry: date | None
    answered: bool = True
    """False if the answer was lost, and the number was found to be held, or extended."""


@dataclass(frozen=True)
class Routes:
    """Where a number sends what arrives, by kind: None if it does not take the kind, empty if nowhere.

    A number takes calls as voice or as fax, never as both at a time.
    """

    voice: str | None = None
    fax: str | None = None
    sms: str | None = None
    others: Mapping[str, str] = field(default_factory=dict)
    """Further settings by the provider's own names, empty if not set: whom it asks when a URL fails, methods
    of requests, what takes precedence over the URLs. Those that are not named stay as they are."""

    def of(self, kind: Kind) -> str:
        """The URL for a kind; empty if there is none."""
        url: str | None = getattr(self, kind)
        return url or ""

    @property
    def urls(self) -> Mapping[Kind, str]:
        """The URLs that are set, by kind."""
        return {kind: url for kind in Kind if (url := self.of(kind))}

    @property
    def calls(self) -> Kind:
        """What it takes calls for."""
        return Kind.FAX if self.fax is not None else Kind.VOICE

    @property
    def mode(self) -> str:
        """The same as a word; empty if it takes no calls."""
        return "" if self.fax is None and self.voice is None else str(self.calls)

    def leading(self, urls: Mapping[Kind, str], others: Mapping[str, str] | None = None) -> Routes:
        """These routes with some kinds leading to other URLs, and some other settings changed."""
        changed: dict[str, Any] = {str(kind): url for kind, url in urls.items()}
        if Kind.VOICE in urls:
            changed[Kind.FAX] = None
        elif Kind.FAX in urls:
            changed[Kind.VOICE] = None
        return replace(self, **changed, others={**self.others, **(others or {})})


@dataclass(frozen=True)
class Instead:
    """What a provider uses in place of a number's URL for a kind."""

    name: str
    """As in `the trunk TK12`. If that is one of `Routes.others`, its value stands in it."""
    url: str | None = None
    """The URL that it has itself, or a word for where else it leads; empty if what arrives goes nowhere, None
    if the provider did not tell."""
    beside: tuple[str, ...] = ()
    """Its further URLs: whom the provider asks when the first one fails, and whom it tells afterwards."""

    @property
    def urls(self) -> tuple[str, ...]:
        """All that are known."""
        return (self.url, *self.beside) if self.url else self.beside


class AnyNumber(Protocol):
    """A number of which is known where what arrives for it goes."""

    @property
    def routes(self) -> Routes: ...

    @property
    def overruled(self) -> Mapping[Kind, Instead]: ...

    @property
    def unsure(self) -> frozenset[Kind]: ...


@dataclass(frozen=True)
class SubscribedNumber:
    """A number this application holds, and where it sends what arrives.

    A `country` or `state` that the provider did not tell is empty. Capabilities that this version does not
    know are kept as they came.
    """

    number: str
    routes: Routes = Routes()
    expiry: date | None = None
    auto_extend: bool | None = None
    country: str = ""
    state: str = ""
    capabilities: frozenset[str] = frozenset()
    overruled: Mapping[Kind, Instead] = field(default_factory=dict)
    """Kinds whose URL the provider does not use, with what it uses instead."""
    unsure: frozenset[Kind] = frozenset()
    """Kinds of which the provider did not tell whether it uses the URL."""
    sort: NumberSort | None = None


def words_of(setting: str) -> str:
    """A provider's name of a setting, in words: `voice fallback URL`."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", setting).lower()
    return re.sub(r"\b(url|sid)\b", lambda found: found[0].upper(), words)


def untold(number: AnyNumber) -> frozenset[Kind]:
    """Kinds of which the provider did not tell where what arrives goes."""
    return number.unsure | {kind for kind, instead in number.overruled.items() if instead.url is None}


def only_in_console(overruled: Mapping[Kind, Instead], routes: Routes) -> dict[Kind, Instead]:
    """What overrules a number's URLs and is no setting of the number, so that nothing here can end it."""
    return {
        kind: instead
        for kind, instead in overruled.items()
        if not any(value and value in instead.name for value in routes.others.values())
    }


@dataclass(frozen=True)
class Balance:
    """The account's credit."""

    currency: str
    balance: Decimal


class NumberClient(Protocol):
    """A provider's calls for numbers.

    Every method raises a `ProviderError` or returns what the provider confirmed. Reads are repeated when they
    fail; what spends or changes something is not. One client is for one thread.
    """

    def available_countries(self) -> tuple[Country, ...]:
        """The countries that have numbers for sale, with their states where they are sold by state."""
        ...

    def every_available_page(
        self, country: str, state: str | None = None, narrowed: Narrowed = ANY
    ) -> Iterator[AvailableNumbers]:
        """The numbers for sale there by the page, each number once; a page is asked for when it is taken.

        What the provider cannot search by (`Market.narrows`) is left to the caller.
        """
        ...

    def rate(self, country: str) -> Rates:
        """The prices of a country's numbers."""
        ...

    def subscribe(
        self, number: str, duration: Duration | int | str, routes: Routes | None = None
    ) -> Subscription:
        """Buy a number, or more time for one that is held.

        `routes` configures it in the same request, where `Market.buys_configured`. Sent once;
        `OutcomeUnknown` says that the answer was lost and the money may be spent.
        """
        ...

    def wait_to_subscribe(self) -> None:
        """Wait until the provider takes one more `subscribe`; for who does not want to wait in the middle."""
        ...

    def route(self, number: str, routes: Routes, was: Routes | None = None) -> None:
        """Set where a number sends what arrives.

        The URL of every kind is replaced, so pass those that are to be kept; of `others`, those named. A
        provider that can set one alone is told only what differs from how it `was`: somebody may change the
        rest at the same time.
        """
        ...

    def subscribed_numbers(self) -> tuple[SubscribedNumber, ...]:
        """All numbers held, with their settings."""
        ...

    def balance(self) -> Balance:
        """What is left on the account."""
        ...
