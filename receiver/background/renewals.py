"""What the coming renewals cost, as far as the provider tells."""

from __future__ import annotations

from collections.abc import Sequence
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
    client: NumberClient, active: Sequence[SubscribedNumber], today: date, balance: Balance
) -> dict[str, Decimal | None]:
    """A month's price of each number that renews itself soon, as far as it is told.

    None if it is told in another currency than the balance, with which it is compared.
    """
    rates, prices = _Rates(client), dict[str, Decimal | None]()
    for number in active:
        left = None if number.expiry is None else (number.expiry - today).days
        soon = number.auto_extend and (left is None or left <= RENEWALS_AHEAD)
        if soon and (quoted := _quoted(number, rates)):
            price, currency = quoted
            prices[number.number] = price if currency == balance.currency else None
    return prices


def _quoted(number: SubscribedNumber, rates: _Rates) -> tuple[Decimal, str] | None:
    """Its price and the currency, in the likeliest of the countries that it may belong to."""
    for country in (number.country,) if number.country else countries_of(number.number):
        known = rates.of(country)
        if known and (price := known.price(Duration.ONE_MONTH, number.sort)) is not None:
            return price, known.currency
    return None


class _Rates:
    """The prices of countries, each asked for once."""

    def __init__(self, client: NumberClient) -> None:
        self._client = client
        self._known: dict[str, Rates | None] = {}
        self._silent = False

    def of(self, country: str) -> Rates | None:
        """None if it sells nothing there, or does not tell: then the others are not asked for, either, which
        would take as long or be refused as well."""
        if country not in self._known and not self._silent:
            try:
                self._known[country] = self._client.rate(country)
            except Refused:
                self._known[country] = None
            except ProviderError as error:
                self._silent = True
                logger.info("prices cannot be read", reason=error)
        return self._known.get(country)
