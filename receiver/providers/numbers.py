"""Numbers as a provider sells and describes them: values, the same for every provider."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from receiver.vocabulary.kinds import Kind


class Capability(StrEnum):
    """What a number can do. VOICE and FAX together mean either of them, by `mode`."""

    VOICE = "VOICE"
    FAX = "FAX"
    SMS = "SMS"


class Duration(StrEnum):
    """The terms a number can be subscribed for: months, or by the month until it is stopped in the portal."""

    ONE_MONTH = "1"
    THREE_MONTHS = "3"
    TWELVE_MONTHS = "12"
    AUTO_EXTEND = "auto_extend"


@dataclass(frozen=True)
class State:
    """A part of a country that sells numbers by the part."""

    code: str
    name: str
    capabilities: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Country:
    """A country with numbers for sale. `prefix` is its calling code, without a plus sign."""

    code: str
    name: str
    prefix: str
    states: tuple[State, ...] = ()


@dataclass(frozen=True)
class AvailableNumber:
    """A number that can be bought. Capabilities this version does not know are kept as they came."""

    number: str
    capabilities: frozenset[str] = frozenset()


@dataclass(frozen=True)
class AvailableNumbers:
    """One page of the numbers that can be bought; `total_entries_count` counts all pages, if it was told."""

    entries: tuple[AvailableNumber, ...]
    total_entries_count: int | None


@dataclass(frozen=True)
class Rate:
    """What a number costs for so many months: one amount for the whole period."""

    months: int
    price: Decimal


@dataclass(frozen=True)
class Rates:
    """The prices of a country's numbers, in the account's currency."""

    country: str
    currency: str
    entries: tuple[Rate, ...]

    def price(self, duration: Duration) -> Decimal | None:
        """What is due at once for a term, or None if it is not quoted.

        Automatic renewal has no price of its own: it begins with one month, and pays one month each time.
        """
        months = 1 if duration is Duration.AUTO_EXTEND else int(duration)
        return next((rate.price for rate in self.entries if rate.months == months), None)


@dataclass(frozen=True)
class Subscription:
    """A purchase the provider confirmed. What its answer left out is None."""

    number: str
    currency: str
    debit: Decimal | None
    expiry: date | None


@dataclass(frozen=True)
class Routes:
    """Where a number sends what arrives, by kind: None if it does not take the kind, empty if nowhere.

    A number takes calls as voice or as fax, never as both at a time.
    """

    voice: str | None = None
    fax: str | None = None
    sms: str | None = None

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

    def leading(self, urls: Mapping[Kind, str]) -> Routes:
        """These routes with some kinds leading to other URLs."""
        changed: dict[str, str | None] = {str(kind): url for kind, url in urls.items()}
        if Kind.VOICE in urls:
            changed[Kind.FAX] = None
        elif Kind.FAX in urls:
            changed[Kind.VOICE] = None
        return replace(self, **changed)


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

    def every_available_number(self, country: str, state: str | None = None) -> Iterator[AvailableNumber]:
        """All numbers for sale there, each once, asked for as they are taken."""
        ...

    def every_available_page(self, country: str, state: str | None = None) -> Iterator[AvailableNumbers]:
        """The same by the page."""
        ...

    def rate(self, country: str) -> Rates:
        """The prices of a country's numbers."""
        ...

    def subscribe(self, number: str, duration: Duration | int | str) -> Subscription:
        """Buy a number, or more time for one that is held.

        Sent once; `OutcomeUnknown` says that the answer was lost and the money may be spent.
        """
        ...

    def wait_to_subscribe(self) -> None:
        """Wait until the provider takes one more `subscribe`; for who does not want to wait in the middle."""
        ...

    def route(self, number: str, routes: Routes) -> None:
        """Set where a number sends what arrives. Replaces everything: pass all that is to be kept."""
        ...

    def subscribed_numbers(self) -> tuple[SubscribedNumber, ...]:
        """All numbers held, with their settings."""
        ...

    def balance(self) -> Balance:
        """What is left on the account."""
        ...
