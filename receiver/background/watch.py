"""The watch: looks at the provider's account once an hour, and stores what is not as it should be."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from config import Config
from receiver.answering import findings as answering
from receiver.background import integrity
from receiver.background.inspection import Inspection, inspect
from receiver.background.renewals import renewal_prices
from receiver.background.retiring import Kept, is_due, what_keeps
from receiver.db import clock
from receiver.db.failure import reason_of
from receiver.keys import stored
from receiver.keys.ring import KeyRing
from receiver.keys.urls import CallbackUrls
from receiver.logs.log import get_logger
from receiver.numbers import findings
from receiver.numbers import known as numbers
from receiver.numbers.findings import Finding, Severity
from receiver.numbers.known import Known
from receiver.providers.errors import ProviderError
from receiver.providers.numbers import Balance, NumberClient, SubscribedNumber
from receiver.providers.registry import PROVIDERS
from receiver.relay import findings as relay
from receiver.setup.survey import balance_if_told
from receiver.vocabulary.job import Job

logger = get_logger(__name__)

EVERY = 3600.0
"""Seconds between two looks. A look takes two requests, and one more for each country with a renewal near;
a provider may need more to tell what takes precedence over URLs."""


@dataclass(frozen=True)
class Watch:
    """What a look needs. Without `clients`, by provider, nobody is asked, and only keys are looked at."""

    engine: Engine
    ring: KeyRing
    config: Config
    clients: Mapping[str, Callable[[], NumberClient]]

    def urls(self) -> dict[str, CallbackUrls]:
        """This service's callback URLs for each provider, with the keys as they are now; none while
        PUBLIC_URL is not set."""
        self.ring.refresh()  # another process may have rotated the key
        made = {name: self.ring.urls(self.config, provider) for name, provider in PROVIDERS.items()}
        return {name: urls for name, urls in made.items() if urls is not None}

    def look(self) -> Inspection:
        """Ask each provider, store what it says, retire keys that are due, and store the findings.

        That a provider does not answer is stored as well; what is known of the numbers then stays. So does
        what is known of money, where the provider tells the numbers but not that.
        """
        urls = self.urls()
        for provider, client in self.clients.items():
            try:
                self._survey(provider, client(), urls.get(provider))
            except ProviderError as error:
                numbers.store_failure(self.engine, provider, error)
        known = numbers.read(self.engine)
        now, doubt = datetime.now(UTC), clock.doubt_of(self.engine)
        kept = self._retire(known, now, doubted=doubt is not None)
        found = inspect(
            known,
            urls,
            self.ring.list(),
            kept=kept,
            doubt=doubt,
            damaged=integrity.kept(self.engine),
            asked=self.clients,
            now=now,
        )
        findings.store(self.engine, found.findings, now=now, sparing=(*relay.CODES, *answering.CODES))
        return found

    def jobs(self) -> tuple[Job, ...]:
        """A look every hour."""
        return (Job("watch", EVERY, self.run),)

    def run(self) -> None:
        """The same as a job, which logs what is new."""
        before = {_key(finding) for finding in findings.read(self.engine)}
        for finding in self.look().findings:
            if _key(finding) not in before:
                level = logging.ERROR if finding.severity is Severity.ERROR else logging.WARNING
                logger.log(level, "a new finding", code=finding.code, sentence=finding.sentence)

    def remember(self, provider: str, active: Sequence[SubscribedNumber]) -> None:
        """Store what somebody else learned from a provider. A failing database is only logged."""
        try:
            self._store(provider, active, self.urls().get(provider))
        except SQLAlchemyError as error:
            logger.warning("cannot store the numbers of the account", reason=reason_of(error))

    def _survey(self, provider: str, client: NumberClient, urls: CallbackUrls | None) -> None:
        active = client.subscribed_numbers()
        # Before money is asked for: if that takes long or fails, what the numbers are is known all the same.
        self._store(provider, active, urls)
        today = datetime.now(PROVIDERS[provider].zone).date()
        balance = _balance(client)
        # A price is compared with the balance alone.
        prices = None if balance is None else renewal_prices(client, active, today, balance)
        self._store(provider, active, urls, balance, prices)

    def _store(
        self,
        provider: str,
        active: Sequence[SubscribedNumber],
        urls: CallbackUrls | None,
        balance: Balance | None = None,
        prices: Mapping[str, Decimal | None] | None = None,
    ) -> None:
        numbers.store(
            self.engine,
            provider,
            active,
            now=datetime.now(UTC),
            is_here=lambda url: urls is not None and urls.at_first(url),
            balance=balance,
            prices=prices,
        )

    def _retire(self, known: Known, now: datetime, *, doubted: bool) -> dict[str, Kept]:
        """Retire keys whose grace time is over and which nothing needs. Gives what keeps the others."""
        needed: dict[str, Kept] = {}
        for key in self.ring.list():
            if not is_due(key, now):
                continue
            secret = self.ring.secret_of(key.fingerprint) or ""
            by = what_keeps(key, secret, known, self.clients, now, doubted=doubted)
            if by is not None:
                needed[key.fingerprint] = by
            elif not key.in_settings:
                stored.retire(self.engine, key.fingerprint)
                logger.warning("a callback key was retired", key=key.name)
        self.ring.refresh()
        return needed


def _key(finding: Finding) -> tuple[str, str, str]:
    return finding.code, finding.provider, finding.subject


def _balance(client: NumberClient) -> Balance | None:
    try:
        return balance_if_told(client)
    except ProviderError as error:
        logger.info("the balance cannot be read", reason=error)
        return None
