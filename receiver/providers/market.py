"""What is for sale, and on which terms: values, the same for every provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from receiver.vocabulary.kinds import Kind


class Duration(StrEnum):
    """The terms a number can be subscribed for: months, or by the month until somebody ends it."""

    ONE_MONTH = "1"
    THREE_MONTHS = "3"
    TWELVE_MONTHS = "12"
    AUTO_EXTEND = "auto_extend"


class NumberSort(StrEnum):
    """What a number is sold as, where the provider tells them apart."""

    LOCAL = "local"
    MOBILE = "mobile"
    TOLL_FREE = "toll-free"


@dataclass(frozen=True)
class Market:
    """What a provider's numbers are sold by. Known without asking it."""

    terms: tuple[Duration, ...] = tuple(Duration)
    """The usual one first. With one alone nobody has to choose."""
    terms_sentence: str = ""
    """Where there is nothing to choose: how a number goes on, in a sentence."""
    narrows: frozenset[str] = frozenset()
    """The fields of `Narrowed` by which it searches. For the others its answers are looked through here."""
    refused: Mapping[Kind, str] = field(default_factory=dict)
    """Kinds that none of its numbers takes, each with a sentence that says why."""
    buys_configured: bool = False
    """Whether a number can be bought and configured in one request."""
    tells_debit: bool = True
    """Whether the answer to a purchase tells what was paid. Without that only the price list does."""

    @property
    def usual_term(self) -> Duration:
        return self.terms[0]

    def searchable(self, narrowed: Narrowed) -> Narrowed:
        """As much of what is wished for as the provider can search by."""
        return Narrowed(**{name: value for name, value in vars(narrowed).items() if name in self.narrows})


@dataclass(frozen=True)
class State:
    """A part of a country whose numbers are sold apart."""

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
    sold_by_state: bool = True
    """Whether a search has to name one of its states. Otherwise it may."""
    sorts: tuple[NumberSort, ...] = ()
    """What is sold there; empty if the provider does not tell sorts apart."""


@dataclass(frozen=True)
class Narrowed:
    """What numbers for sale are narrowed to. Nothing said means any."""

    sort: NumberSort | None = None
    area_code: str = ""
    """The digits after the country's calling code with which it begins."""
    contains: str = ""
    """Digits in a row, somewhere in it."""
    kinds: frozenset[Kind] = frozenset()
    """What it can receive, all of them."""


ANY = Narrowed()


@dataclass(frozen=True)
class Requirement:
    """What the provider asks for before it sells a number, such as an address."""

    sentence: str
    link: str = ""
    """Its page about that."""


@dataclass(frozen=True)
class AvailableNumber:
    """A number that can be bought. Capabilities this version does not know are kept as they came."""

    number: str
    capabilities: frozenset[str] = frozenset()
    sort: NumberSort | None = None
    requirements: tuple[Requirement, ...] = ()


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
    sort: NumberSort | None = None


@dataclass(frozen=True)
class Rates:
    """The prices of a country's numbers, in the account's currency."""

    country: str
    currency: str
    entries: tuple[Rate, ...]

    def price(self, duration: Duration, sort: NumberSort | None = None) -> Decimal | None:
        """What is due at once for a term of a number of this sort, or None if it is not quoted.

        Automatic renewal has no price of its own: it begins with one month, and pays one month each time.
        """
        months = 1 if duration is Duration.AUTO_EXTEND else int(duration)
        return next((rate.price for rate in self.entries if (rate.months, rate.sort) == (months, sort)), None)
