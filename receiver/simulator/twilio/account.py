"""A customer's account at Twilio. A pure state machine; time is an argument."""

import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from receiver.simulator.months import months_later

from . import catalogue
from .clock import stamp
from .records import (
    Address,
    Alert,
    Application,
    Bundle,
    Call,
    Entry,
    Media,
    Message,
    Number,
    Recording,
    Service,
)

PURCHASES = ("buy", "renew")
"""Kinds of ledger entries that pay for numbers; the others are charges for traffic, or corrections."""

RECORDS: dict[str, type[Any]] = {
    "numbers": Number,
    "calls": Call,
    "messages": Message,
    "media": Media,
    "recordings": Recording,
    "alerts": Alert,
    "addresses": Address,
    "bundles": Bundle,
    "services": Service,
    "applications": Application,
}
"""The collections of an account, and what is in each by its SID."""


@dataclass
class Account:
    """Everything that Twilio remembers about a customer. All of it survives a restart."""

    currency: str
    balance: Decimal
    ledger: list[Entry] = field(default_factory=list)
    numbers: dict[str, Number] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    media: dict[str, Media] = field(default_factory=dict)
    recordings: dict[str, Recording] = field(default_factory=dict)
    alerts: dict[str, Alert] = field(default_factory=dict)
    addresses: dict[str, Address] = field(default_factory=dict)
    bundles: dict[str, Bundle] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    applications: dict[str, Application] = field(default_factory=dict)
    ahead: timedelta = timedelta(0)
    """How far the account's time is ahead of the real one."""

    def number(self, phone_number: str) -> Number | None:
        """The held number, if it is one."""
        return next((n for n in self.numbers.values() if n.phone_number == phone_number), None)

    def service_of(self, number: Number) -> Service | None:
        """The messaging service that the number is in, if it is in one."""
        return next((one for one in self.services.values() if number.sid in one.numbers), None)

    def as_used(self, number: Number) -> Number:
        """The number with the URLs of its applications in place of its own, as far as these are known."""
        used = replace(number)
        if application := self.applications.get(number.voice_application_sid):
            used.voice_application_sid = ""
            _take(used, application, "voice_", "status_callback")
        if application := self.applications.get(number.sms_application_sid):
            used.sms_application_sid = ""
            _take(used, application, "sms_")
        return used

    def held(self) -> set[str]:
        """All held numbers in international form."""
        return {number.phone_number for number in self.numbers.values()}

    def buy(self, number: Number, now: datetime) -> None:
        """Hold a number and charge its first month."""
        self.numbers[number.sid] = number
        self.charge("buy", number.phone_number, _month(number), now, "first month")

    def charge(self, kind: str, number: str, amount: Decimal, now: datetime, detail: str = "") -> None:
        """Take money and record it."""
        self.balance -= amount
        self.ledger.append(Entry(stamp(now), kind, number, str(amount), str(self.balance), detail))

    def settle(self, now: datetime) -> None:
        """Charge the months that have begun since: a number renews itself until it is released."""
        while due := [number for number in self.numbers.values() if number.renews <= now.date().isoformat()]:
            first = min(due, key=lambda number: number.renews)
            day = date.fromisoformat(first.renews)
            first.renews = months_later(day, 1).isoformat()
            begun = datetime.combine(day, time(0), UTC)
            self.charge("renew", first.phone_number, _month(first), begun, "1 month")


def _take(used: Number, application: Application, *beginnings: str) -> None:
    for name, value in vars(application).items():
        if name.startswith(beginnings):
            setattr(used, name, value)


def new_sid(kind: str) -> str:
    """A SID never used before: two letters and 32 hexadecimal digits."""
    return kind + secrets.token_hex(16)


def _month(number: Number) -> Decimal:
    return catalogue.COUNTRIES[number.country].kinds[number.type].price
