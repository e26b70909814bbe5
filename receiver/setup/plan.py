"""A plan: what is wished for, the steps that fulfil it, and what they cost. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from receiver.providers.market import Duration, Narrowed, NumberSort
from receiver.providers.numbers import Balance, Routes, SubscribedNumber
from receiver.vocabulary.kinds import Kind


@dataclass(frozen=True)
class Wish:
    """Numbers that should point here: this very one, or so many of a country and state.

    No kinds means all that a number can do, voice rather than fax. A wish that does not `point` is to be
    held, wherever it leads. `duration` is for what has to be bought.
    """

    kinds: frozenset[Kind] = frozenset()
    number: str = ""
    country: str = ""
    state: str = ""
    count: int = 1
    duration: Duration | None = None
    """None is the provider's usual term."""
    point: bool = True
    provider: str = ""
    """Who has or sells it; empty if nobody said."""
    sort: NumberSort | None = None
    area_code: str = ""
    contains: str = ""

    @property
    def narrowed(self) -> Narrowed:
        """What numbers for sale are narrowed to."""
        return Narrowed(self.sort, self.area_code, self.contains, self.kinds)

    @property
    def subject(self) -> str:
        """What to call it."""
        if self.number:
            return self.number
        many = "a number of" if self.count == 1 else f"{self.count} numbers of"
        return " ".join(part for part in (many, self.country, self.state) if part)


@dataclass(frozen=True)
class Subscribe:
    """Buy a number. `price` is due at once."""

    number: str
    country: str
    state: str
    duration: Duration
    price: Decimal
    currency: str
    sort: NumberSort | None = None
    """What it is priced as."""
    routes: Routes | None = None
    """Settings that it is bought with, where the provider can do that; others are configured afterwards."""


@dataclass(frozen=True)
class Extend:
    """Pay for more time of a number that is held."""

    number: str
    country: str
    state: str
    duration: Duration
    price: Decimal
    currency: str
    was: SubscribedNumber


@dataclass(frozen=True)
class Configure:
    """Give a number these settings: all its URLs, since a provider may forget what is not sent."""

    number: str
    routes: Routes
    kinds: frozenset[Kind]
    """What is to point here. Other URLs are kept as they were."""
    was: SubscribedNumber

    def holds(self, number: SubscribedNumber) -> bool:
        """Whether a number already has what this changes, and brings its kinds here.

        One whose calls are of an unknown kind may have.
        """
        has, wanted, was = number.routes, self.routes, self.was.routes
        kinds = {kind for kind in Kind if kind in self.kinds or was.of(kind) != wanted.of(kind)}
        same = all(has.of(kind) == wanted.of(kind) for kind in kinds)
        mode = not wanted.mode or has.mode in ("", wanted.mode)
        changed = wanted.others.items() - was.others.items()
        others = all(has.others.get(name, "") == value for name, value in changed)
        return same and mode and others and not self.kinds & number.overruled.keys()


Payment = Subscribe | Extend
Step = Subscribe | Extend | Configure


@dataclass(frozen=True)
class Unsettled:
    """A payment that was sent, and whose outcome is not known yet."""

    number: str
    country: str
    state: str
    reason: str
    """It may hold the whole number, for the option that settles it."""


@dataclass(frozen=True)
class Refusal:
    """Something wished for that will not be done, and why."""

    subject: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """What is to be done, in order; what is already as wished; and what is refused."""

    steps: tuple[Step, ...]
    ready: tuple[SubscribedNumber, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    left_alone: tuple[SubscribedNumber, ...] = ()
    """Numbers held that would save a purchase, but point elsewhere."""
    balance: Balance | None = None
    max_cost: Decimal | None = None

    @property
    def payments(self) -> tuple[Payment, ...]:
        return tuple(step for step in self.steps if not isinstance(step, Configure))

    @property
    def cost(self) -> Decimal:
        """What is due at once."""
        return sum((step.price for step in self.payments), Decimal(0))

    @property
    def currency(self) -> str:
        return next((step.currency for step in self.payments), "")
