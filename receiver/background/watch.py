"""The watch: looks at the provider's account once an hour, and stores what is not as it should be."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from receiver.background import integrity
from receiver.background.inspect_account import RENEWALS_AHEAD
from receiver.background.inspection import Inspection, inspect
from receiver.db import clock
from receiver.db.failure import reason_of
from receiver.keys import stored
from receiver.keys.key import KeyState
from receiver.keys.ring import KeyRing
from receiver.keys.urls import CallbackUrls, holds_key
from receiver.logs.log import get_logger
from receiver.numbers import findings
from receiver.numbers import known as numbers
from receiver.numbers.findings import Severity
from receiver.numbers.known import KnownAccount
from receiver.providers.errors import ProviderError
from receiver.providers.market import Duration
from receiver.providers.numbers import Balance, NumberClient, SubscribedNumber
from receiver.providers.registry import DEFAULT
from receiver.relay import findings as relay
from receiver.setup.survey import balance_if_told
from receiver.vocabulary.job import Job

logger = get_logger(__name__)

EVERY = 3600.0
"""Seconds between two looks. A look takes two requests, and one more for each country with a renewal near."""


@dataclass(frozen=True)
class Watch:
    """What a look needs. Without a `client` no provider is asked, and only keys are looked at."""

    engine: Engine
    ring: KeyRing
    public_url: str | None
    client: Callable[[], NumberClient] | None

    def urls(self) -> CallbackUrls | None:
        """This service's callback URLs, with the keys as they are now; None while PUBLIC_URL is not set."""
        if self.public_url is None:
            return None
        self.ring.refresh()  # another process may have rotated the key
        return self.ring.urls(self.public_url)

    def look(self) -> Inspection:
        """Ask the provider, store what it says, retire keys that are due, and store the findings.

        That a provider does not answer is stored as well; what is known of the numbers then stays.
        """
        urls = self.urls()
        if self.client is not None:
            try:
                self._survey(self.client(), urls)
            except ProviderError as error:
                numbers.store_failure(self.engine, error)
        known = numbers.read(self.engine)
        now, doubt = datetime.now(UTC), clock.doubt_of(self.engine)
        if doubt is None:  # a clock that jumped ahead would end every grace time at once
            self._retire(known, now)
        found = inspect(known, urls, self.ring.list(), doubt, integrity.kept(self.engine), now=now)
        findings.store(self.engine, found.findings, now=now, sparing=relay.CODES)
        return found

    def jobs(self) -> tuple[Job, ...]:
        """A look every hour."""
        return (Job("watch", EVERY, self.run),)

    def run(self) -> None:
        """The same as a job, which logs what is new."""
        before = {(finding.code, finding.subject) for finding in findings.read(self.engine)}
        for finding in self.look().findings:
            if (finding.code, finding.subject) not in before:
                level = logging.ERROR if finding.severity is Severity.ERROR else logging.WARNING
                logger.log(level, "a new finding", code=finding.code, sentence=finding.sentence)

    def remember(self, active: Sequence[SubscribedNumber]) -> None:
        """Store what somebody else learned from the provider. A failing database is only logged."""
        try:
            self._store(active, self.urls())
        except SQLAlchemyError as error:
            logger.warning("cannot store the numbers of the account", reason=reason_of(error))

    def _survey(self, client: NumberClient, urls: CallbackUrls | None) -> None:
        active = client.subscribed_numbers()
        self._store(active, urls, balance_if_told(client), _prices(client, active))

    def _store(
        self,
        active: Sequence[SubscribedNumber],
        urls: CallbackUrls | None,
        balance: Balance | None = None,
        prices: Mapping[str, Decimal] | None = None,
    ) -> None:
        numbers.store(
            self.engine,
            active,
            now=datetime.now(UTC),
            is_here=lambda url: urls is not None and urls.is_ours(url),
            balance=balance,
            prices=prices,
        )

    def _retire(self, known: KnownAccount, now: datetime) -> None:
        """Retire keys whose grace time is over, except those that a number still uses."""
        for key in self.ring.list():
            due = key.state is KeyState.RETIRING and key.retires_at is not None and key.retires_at <= now
            if not due or key.in_settings or known.failures or known.checked_at is None:
                continue
            secret = self.ring.secret_of(key.fingerprint) or ""
            urls = [url for number in known.numbers for url in number.routes.urls.values()]
            if not any(holds_key(url, secret) for url in urls):
                stored.retire(self.engine, key.fingerprint)
                logger.warning("a callback key was retired", key=key.name)
        self.ring.refresh()


def _prices(client: NumberClient, active: Sequence[SubscribedNumber]) -> dict[str, Decimal]:
    """A month's price in each country where a number renews itself soon."""
    today = datetime.now(DEFAULT.zone).date()
    countries = {
        number.country
        for number in active
        if number.auto_extend and number.expiry and (number.expiry - today).days <= RENEWALS_AHEAD
    }
    prices: dict[str, Decimal] = {}
    for country in sorted(filter(None, countries)):
        price = client.rate(country).price(Duration.ONE_MONTH)
        if price is not None:
            prices[country] = price
    return prices
