"""What the coming renewals cost, as far as the provider tells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal

from receiver.background.inspect_account import RENEWALS_AHEAD
from receiver.logs.log import get_logger
from receiver.providers.digits import countries_of
from receiver.providers.errors import ProviderError, Refused
from receiver.providers.market import Duration, Rates
from receiver.providers.numbers import Balance, NumberClient, SubscribedNumber

logger = get_logger(__name__)


def renewal_prices(
    client: NumberClient, active: Sequence[SubscribedNumber], today: date, balance: Balance | None
) -> dict[str, Decimal]:
    """A month's price of each number that renews itself soon, as far as it is told in the currency of the
    balance, with which it is compared."""
    rates, prices = _Rates(client, balance), dict[str, Decimal]()
    for number in active:
        left = None if number.expiry is None else (number.expiry - today).days
        if number.auto_extend and (left is None or left <= RENEWALS_AHEAD):
            price = next(_quoted(number, rates), None)
            if price is not None:
                prices[number.number] = price
    return prices


def _quoted(number: SubscribedNumber, rates: _Rates) -> Iterator[Decimal]:
    """Its price in each of the countries that it may belong to, the likeliest first."""
    for country in (number.country,) if number.country else countries_of(number.number):
        known = rates.of(country)
        price = None if known is None else known.price(Duration.ONE_MONTH, number.sort)
        if price is not None:
            yield price


class _Rates:
    """The prices of countries, each asked for once."""

    def __init__(self, client: NumberClient, balance: Balance | None) -> None:
        self._client = client
        self._balance = balance
        self._known: dict[str, Rates | None] = {}
        self._silent = False

    def of(self, country: str) -> Rates | None:
        """None if it sells nothing there, or for another currency, or does not tell: then the others are not
        asked for, either, which would take as long or be refused as well."""
        if country not in self._known and not self._silent:
            try:
                known = self._client.rate(country)
                same = self._balance is None or self._balance.currency == known.currency
                self._known[country] = known if same else None
            except Refused:
                self._known[country] = None
            except ProviderError as error:
                self._silent = True
                logger.info("prices cannot be read", reason=error)
        return self._known.get(country)
