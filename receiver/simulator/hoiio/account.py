"""A customer's account at the provider: money and numbers. A pure state machine; time is an argument.

Refused requests change nothing. Statuses and fields have the provider's names. Where its documents are
silent, `docs/providers/hoiio.md` says what we assume.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from receiver.simulator.months import months_later
from receiver.simulator.telephone import is_international

from . import catalogue
from .clock import ZONE, day, written

PURCHASES = ("subscribe", "extend", "renew")
"""Kinds of ledger entries that pay for numbers; the others are charges for traffic, or corrections."""

_RENEWAL_MONTHS = 1


class ApiError(Exception):
    """The provider refuses; the status says why (protocol: status values)."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


@dataclass
class Subscription:
    """A number that this account holds, and where its events go."""

    number: str
    country: str
    state: str
    capabilities: tuple[str, ...]
    expiry: date
    auto_extend: bool = False
    mode: str = "voice"
    forward_to: str = ""
    forward_sms_to: str = ""
    bought: str = ""
    """When it was bought, in ISO 8601; empty if that is not recorded."""

    def listed(self, now: datetime, delay: float) -> bool:
        """Whether the provider lists it, which it begins to do `delay` seconds after the purchase."""
        return not self.bought or now >= datetime.fromisoformat(self.bought) + timedelta(seconds=delay)

    def can(self, capability: str) -> bool:
        """Whether the number can do `VOICE`, `FAX` or `SMS`."""
        return capability in self.capabilities

    def usual_mode(self) -> str:
        """The mode if none is requested: voice, unless the number cannot do that."""
        return "voice" if self.can("VOICE") else "fax"


@dataclass(frozen=True)
class Entry:
    """A ledger entry: what was charged, for which number, and the balance afterwards."""

    date: str
    kind: str
    number: str
    debit: Decimal
    balance: Decimal
    detail: str


@dataclass(frozen=True)
class Fax:
    """A fax kept for download."""

    sender: str
    recipient: str
    text: str
    date: str


@dataclass(frozen=True)
class Receipt:
    """The answer to a purchase (protocol: number/subscribe)."""

    debit: Decimal
    expiry: date


@dataclass
class Account:
    """Everything that the provider remembers about a customer. All of it survives a restart."""

    currency: str
    balance: Decimal
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    ledger: list[Entry] = field(default_factory=list)
    faxes: dict[str, Fax] = field(default_factory=dict)
    references: int = 1_000_000
    ahead: timedelta = timedelta(0)
    """How far the account's time is ahead of the real one."""

    def reference(self) -> int:
        """A serial number never used before, for transactions and sessions."""
        self.references += 1
        return self.references

    def held(self, number: str) -> Subscription:
        """The subscription of a number; refuses one that is not this application's."""
        if not is_international(number):
            raise ApiError("error_number_invalid")
        if number not in self.subscriptions:
            raise ApiError("error_number_not_assigned")
        return self.subscriptions[number]

    def subscribe(
        self, number: str, duration: str, now: datetime, *, card_on_file: bool, max_subscriptions: int
    ) -> Receipt:
        """Buy a number, or extend one that is held (protocol: number/subscribe).

        Charges exactly what number/get_rates shows, in one ledger entry; or refuses and charges nothing.
        """
        renews = duration == "auto_extend"
        if not renews and duration not in map(str, catalogue.DURATIONS):
            raise ApiError("error_invalid_duration")
        if not is_international(number):
            raise ApiError("error_number_invalid")
        entry = catalogue.find(number)
        if entry is None or number.endswith(catalogue.TAKEN_MEANWHILE):
            raise ApiError("error_number_not_available")
        if renews and (not card_on_file or number.endswith(catalogue.NEVER_AUTO_EXTENDS)):
            raise ApiError("error_auto_extend_not_available")

        months = _RENEWAL_MONTHS if renews else int(duration)
        present = self.subscriptions.get(number)
        if present and renews:
            present.auto_extend = True
            return Receipt(Decimal("0.00"), present.expiry)
        price = entry.country.price(months)
        if present is None and len(self.subscriptions) >= max_subscriptions:
            raise ApiError("error_exceed_max_subscriptions")
        if price > self.balance:
            raise ApiError("error_insufficient_credit")

        if present:
            present.expiry = months_later(present.expiry, months)
            self.charge("extend", number, price, now, f"{_period(months)} more")
            return Receipt(price, present.expiry)
        bought = Subscription(
            number=number,
            country=entry.country.code,
            state=entry.state,
            capabilities=entry.capability,
            expiry=months_later(day(now), months),
            auto_extend=renews,
            bought=now.isoformat(),
        )
        bought.mode = bought.usual_mode()
        self.subscriptions[number] = bought
        self.charge("subscribe", number, price, now, duration if renews else _period(months))
        return Receipt(price, bought.expiry)

    def update_forwarding(
        self,
        number: str,
        *,
        forward_to: str | None,
        forward_sms_to: str | None,
        mode: str | None,
        forward_to_fault: str | None = None,
        forward_sms_to_fault: str | None = None,
        merge: bool = False,
    ) -> None:
        """Set where a number's events go (protocol: number/update_forwarding).

        What is left out is cleared, unless `merge`. The faults are the results of looking up the URLs' hosts;
        they are passed in because this class does no I/O.
        """
        held = self.held(number)
        if merge:
            forward_to = held.forward_to if forward_to is None else forward_to
            forward_sms_to = held.forward_sms_to if forward_sms_to is None else forward_sms_to
            mode = mode or held.mode
        if mode not in (None, "", "voice", "fax"):
            raise ApiError("error_mode_invalid")
        # As documented, an omitted mode means voice even on a number without voice, where it is refused. Only
        # clearing the URL needs no mode.
        if (mode or forward_to) and not held.can((mode or "voice").upper()):
            raise ApiError("error_mode_invalid")
        if forward_to and forward_to_fault:
            raise ApiError(forward_to_fault)
        if forward_sms_to and not held.can("SMS"):
            raise ApiError("error_incoming_sms_not_supported")
        if forward_sms_to and forward_sms_to_fault:
            raise ApiError(forward_sms_to_fault)
        held.mode = mode or held.usual_mode()
        held.forward_to = forward_to or ""
        held.forward_sms_to = forward_sms_to or ""

    def charge(self, kind: str, number: str, amount: Decimal, now: datetime, detail: str = "") -> None:
        """Take money and record it. What has already arrived is charged even if the balance is too low."""
        self.balance -= amount
        self.ledger.append(Entry(written(now), kind, number, amount, self.balance, detail))

    def settle(self, now: datetime) -> None:
        """Bring the account up to a moment: renew what renews itself, and release what has expired.

        A renewal is due on the day of expiry. A number works until that day is over, and is free afterwards.
        """
        today = day(now)
        while due := [s for s in self.subscriptions.values() if self._can_renew(s, today)]:
            # Oldest first, so that the money goes to the number that would be lost soonest.
            first = min(due, key=lambda subscription: subscription.expiry)
            renewed_at = datetime.combine(first.expiry, time(0), ZONE)
            first.expiry = months_later(first.expiry, _RENEWAL_MONTHS)
            price = catalogue.COUNTRIES[first.country].price(_RENEWAL_MONTHS)
            self.charge("renew", first.number, price, renewed_at, "1 month, by auto_extend")
        for number in [s.number for s in self.subscriptions.values() if s.expiry < today]:
            del self.subscriptions[number]

    def _can_renew(self, subscription: Subscription, today: date) -> bool:
        price = catalogue.COUNTRIES[subscription.country].price(_RENEWAL_MONTHS)
        return subscription.auto_extend and subscription.expiry <= today and price <= self.balance


def _period(months: int) -> str:
    return "1 month" if months == 1 else f"{months} months"
