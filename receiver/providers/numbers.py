"""Numbers as a provider sells and describes them: values, the same for every provider."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Protocol, TypedDict, Unpack


class Capability(StrEnum):
    """What a number can do. VOICE and FAX together mean either of them, by `mode`."""

    VOICE = "VOICE"
    FAX = "FAX"
    SMS = "SMS"


class Mode(StrEnum):
    """What an incoming call is taken for."""

    VOICE = "voice"
    FAX = "fax"


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
class SubscribedNumber:
    """A number this application holds, and where it sends what arrives.

    A URL that is not set is empty, and so is a `mode`, `country` or `state` the provider did not tell. Values
    of `mode` and `capabilities` that this version does not know are kept as they came.
    """

    number: str
    forward_to: str = ""
    forward_sms_to: str = ""
    mode: str = ""
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


class Forwarding(TypedDict, total=False):
    """All settings of a number. The provider forgets what is left out."""

    forward_to: str
    forward_sms_to: str
    mode: str


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

    def configure(self, number: str, **settings: Unpack[Forwarding]) -> None:
        """Set where a number sends what arrives. Replaces everything: pass all that is to be kept."""
        ...

    def subscribed_numbers(self) -> tuple[SubscribedNumber, ...]:
        """All numbers held, with their settings."""
        ...

    def balance(self) -> Balance:
        """What is left on the account."""
        ...
