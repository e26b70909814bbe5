"""What is known of our numbers without asking the provider: stored at each look, read at any time.

The provider's list is the truth; this is the memory of it, with what the list alone cannot say: which numbers
are gone, and which once pointed here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, delete, insert, select, true, update

from receiver import models
from receiver.db.engine import writing
from receiver.providers.errors import ProviderError, WrongConfiguration
from receiver.providers.market import NumberSort
from receiver.providers.numbers import Balance, Instead, Routes, SubscribedNumber
from receiver.providers.registry import PROVIDERS
from receiver.vocabulary.kinds import Kind

LOST_FOR = timedelta(days=90)
"""How long a number that the provider no longer lists is remembered."""
_NUMBER = re.compile(r"\+[1-9][0-9]{5,14}")


@dataclass(frozen=True)
class KnownNumber:
    """A number as the provider last described it. URLs are whole: they hold callback keys."""

    number: str
    country: str
    state: str
    capabilities: frozenset[str]
    routes: Routes
    expires_on: date | None
    """By the provider's calendar."""
    auto_extend: bool | None
    renewal_price: Decimal | None
    """What one more month costs, in the balance's currency; None where that is not known."""
    were_here: frozenset[Kind]
    """Kinds that have come to this service, so that it is a finding if they go elsewhere."""
    checked_at: datetime
    provider: str
    lost_at: datetime | None = None
    overruled: Mapping[Kind, Instead] = field(default_factory=dict)
    """Kinds whose URL the provider does not use, with what it uses instead."""
    unsure: frozenset[Kind] = frozenset()
    """Kinds of which it did not tell whether it uses the URL."""
    sort: NumberSort | None = None

    def days_left(self, now: datetime) -> int | None:
        """Days until its subscription ends, by the provider's calendar."""
        if self.expires_on is None:
            return None
        return (self.expires_on - now.astimezone(PROVIDERS[self.provider].zone).date()).days


@dataclass(frozen=True)
class KnownAccount:
    """All that is known of the account with one provider."""

    provider: str
    numbers: tuple[KnownNumber, ...] = ()
    """Those held, by number."""
    lost: tuple[KnownNumber, ...] = ()
    """Those that the provider listed once and no longer does."""
    checked_at: datetime | None = None
    """When the provider last answered; None if it was never asked, and then `numbers` says nothing."""
    currency: str = ""
    balance: Decimal | None = None
    failures: int = 0
    """How often in a row it has not answered since."""
    failure: str | None = None
    refused: bool = False
    """Whether that was because of our settings or the account, so that waiting will not help."""


@dataclass(frozen=True)
class Known:
    """All that is known, of every account that somebody has asked about."""

    accounts: tuple[KnownAccount, ...] = ()

    @property
    def numbers(self) -> tuple[KnownNumber, ...]:
        """The numbers held, by number."""
        held = (number for account in self.accounts for number in account.numbers)
        return tuple(sorted(held, key=lambda number: (number.number, number.provider)))

    @property
    def lost(self) -> tuple[KnownNumber, ...]:
        """Those that are no longer listed."""
        return tuple(number for account in self.accounts for number in account.lost)

    @property
    def checked_at(self) -> datetime | None:
        """Since when all of it is known at least; None if an account is there that never answered."""
        checked = [account.checked_at for account in self.accounts]
        return min(filter(None, checked), default=None) if all(checked) else None

    def of(self, provider: str) -> KnownAccount:
        """The account with one provider, of which nothing may be known."""
        found = (account for account in self.accounts if account.provider == provider)
        return next(found, KnownAccount(provider))


def read(engine: Engine) -> Known:
    """What is known. Two queries of small tables."""
    with engine.connect() as connection:
        numbers = _numbers(connection)
        states = connection.execute(select(models.AccountRow).order_by(models.AccountRow.provider)).all()
    accounts = []
    for state in states:
        own = [number for number in numbers if number.provider == state.provider]
        accounts.append(
            KnownAccount(
                state.provider,
                numbers=tuple(number for number in own if number.lost_at is None),
                lost=tuple(number for number in own if number.lost_at is not None),
                checked_at=state.checked_at,
                currency=state.currency,
                balance=state.balance,
                failures=state.failures,
                failure=state.failure,
                refused=state.refused,
            )
        )
    return Known(tuple(accounts))


def held(engine: Engine) -> frozenset[str] | None:
    """The numbers that are ours, for telling whether a callback is about one of them.

    None while that is unknown: the provider was never asked, or named none.
    """
    table = models.NumberRow
    with engine.connect() as connection:
        found = connection.scalars(select(table.number).where(table.lost_at.is_(None)))
        return frozenset(found) or None


def store(
    engine: Engine,
    provider: str,
    numbers: Iterable[SubscribedNumber],
    *,
    now: datetime,
    is_here: Callable[[str], bool],
    balance: Balance | None = None,
    prices: Mapping[str, Decimal | None] | None = None,
) -> None:
    """Store what a provider says now in place of what was known of it, in one transaction.

    `is_here` tells whether a URL leads to this service. A balance or a monthly price (`prices`, by number)
    that was not asked for stays as it was known; a price that is None is forgotten.
    """
    prices = prices or {}
    with writing(engine) as connection:
        # What is no telephone number never was one of ours, whoever said so.
        before = {
            known.number: known
            for known in _numbers(connection)
            if known.provider == provider and _NUMBER.fullmatch(known.number)
        }
        after = {
            number.number: replace(
                _known(number, before.get(number.number), now, is_here, prices), provider=provider
            )
            for number in numbers
            if _NUMBER.fullmatch(number.number)
        }
        for gone in before.keys() - after.keys():
            was = before[gone]
            lost_at = was.lost_at or now
            if now - lost_at < LOST_FOR:
                after[gone] = replace(was, lost_at=lost_at)
        connection.execute(delete(models.NumberRow).where(models.NumberRow.provider == provider))
        if after:
            connection.execute(insert(models.NumberRow), [_row(known) for known in after.values()])
        told = {} if balance is None else {"balance": balance.balance, "currency": balance.currency}
        _note(
            connection, provider, {"checked_at": now, "failures": 0, "failure": None, "refused": False} | told
        )


def store_failure(engine: Engine, provider: str, error: ProviderError) -> None:
    """Store that a provider could not be asked. What is known of the numbers stays."""
    told = {"failure": str(error), "refused": isinstance(error, WrongConfiguration)}
    with writing(engine) as connection:
        _note(connection, provider, {"failures": models.AccountRow.failures + 1} | told)


def accept(engine: Engine, number: str) -> bool:
    """Take a number as it is now: gone, or pointing elsewhere on purpose. Whether it was known.

    What is no telephone number, and was kept for one by an earlier version, is forgotten.
    """
    table = models.NumberRow
    with writing(engine) as connection:
        left = table.lost_at.is_not(None) if _NUMBER.fullmatch(number) else true()
        gone = connection.execute(delete(table).where(table.number == number, left))
        kept = connection.execute(update(table).where(table.number == number).values(were_here=[]))
    return bool(gone.rowcount or kept.rowcount)


def _numbers(connection: Connection) -> list[KnownNumber]:
    rows = connection.execute(select(models.NumberRow).order_by(models.NumberRow.number)).mappings()
    return [_read(row) for row in rows]


def _read(row: RowMapping) -> KnownNumber:
    values: dict[str, Any] = dict(row)
    routes = Routes(**{str(kind): values.pop(f"{kind}_url") for kind in Kind}, others=values.pop("others"))
    sort, overruled = values.pop("sort"), values.pop("overruled")
    capabilities, were_here = values.pop("capabilities"), map(Kind, values.pop("were_here"))
    return KnownNumber(
        **values,
        routes=routes,
        capabilities=frozenset(capabilities),
        were_here=frozenset(were_here),
        overruled={
            kind: Instead(overruled[kind], *_urls(overruled.get(f"{kind} url")))
            for kind in Kind
            if overruled.get(kind)
        },
        unsure=frozenset(kind for kind in Kind if overruled.get(kind) == ""),
        sort=sort and NumberSort(sort),
    )


def _urls(written: str | None) -> tuple[str | None, tuple[str, ...]]:
    """A URL, and those beside it, from the lines that they are kept as."""
    if written is None:
        return None, ()
    url, *beside = written.split("\n")
    return url, tuple(beside)


def _row(known: KnownNumber) -> dict[str, Any]:
    values = {name: value for name, value in vars(known).items() if name not in ("routes", "unsure")}
    urls = {f"{kind}_url": getattr(known.routes, kind) for kind in Kind} | {"others": known.routes.others}
    overruled: dict[str, str] = dict.fromkeys(known.unsure, "")
    for kind, instead in known.overruled.items():
        told = {} if instead.url is None else {f"{kind} url": "\n".join((instead.url, *instead.beside))}
        overruled |= {kind: instead.name} | told
    lists = {"capabilities": sorted(known.capabilities), "were_here": sorted(known.were_here)}
    return values | urls | lists | {"overruled": overruled}


def _known(
    number: SubscribedNumber,
    before: KnownNumber | None,
    now: datetime,
    is_here: Callable[[str], bool],
    prices: Mapping[str, Decimal | None],
) -> KnownNumber:
    return KnownNumber(
        number=number.number,
        country=number.country,
        state=number.state,
        capabilities=number.capabilities,
        routes=number.routes,
        expires_on=number.expiry,
        auto_extend=number.auto_extend,
        renewal_price=prices.get(number.number, before.renewal_price if before else None),
        were_here=_were_here(number, before, is_here),
        checked_at=now,
        provider="",
        overruled=number.overruled,
        unsure=number.unsure,
        sort=number.sort,
    )


def _were_here(
    number: SubscribedNumber, before: KnownNumber | None, is_here: Callable[[str], bool]
) -> frozenset[Kind]:
    routes = number.routes
    here = {kind for kind, url in routes.urls.items() if is_here(url)}
    here |= {kind for kind, instead in number.overruled.items() if is_here(instead.url or "")}
    for kind in before.were_here if before else ():
        # Calls are still calls when they are taken for faxes now.
        here.add(kind if kind is Kind.SMS else routes.calls)
    return frozenset(here)


def _note(connection: Connection, provider: str, values: dict[str, object]) -> None:
    table = models.AccountRow
    changed = connection.execute(update(table).where(table.provider == provider).values(values))
    if not changed.rowcount:
        first: dict[str, object] = {"provider": provider, "currency": ""}
        if "checked_at" not in values:
            values = values | {"failures": 1}
        connection.execute(insert(models.AccountRow).values(first | values))
