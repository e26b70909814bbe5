"""Prices of numbers by the month (`pricing.twilio.com`)."""

from typing import Any

from receiver.simulator.twilio import catalogue
from receiver.simulator.twilio.catalogue import Country
from receiver.simulator.twilio.endpoint import Answer, Endpoint, Sent
from receiver.simulator.twilio.paging import newer
from receiver.simulator.twilio.provider import Provider

_PATH = "/v1/PhoneNumbers/Countries"


def _list(provider: Provider, sent: Sent) -> Answer:
    records = list(catalogue.COUNTRIES.items())
    return newer(sent, "countries", records, lambda country: _shown(sent, country))


def _fetch(provider: Provider, sent: Sent) -> Answer:
    country = catalogue.COUNTRIES.get(sent.path["country"])
    if country is None:
        raise sent.not_found()
    with provider.look() as (account, _):
        currency = account.currency
    prices = [
        {
            # With a blank, unlike everywhere else.
            "number_type": type_.replace("_", " "),
            "base_price": str(kind.base_price or kind.price),
            "current_price": str(kind.price),
        }
        for type_, kind in country.kinds.items()
    ]
    return _shown(sent, country) | {"price_unit": currency, "phone_number_prices": prices}


def _shown(sent: Sent, country: Country) -> dict[str, Any]:
    return {
        "country": country.name,
        "iso_country": country.code,
        "url": f"{sent.base_url}{_PATH}/{country.code}",
    }


ENDPOINTS = (
    Endpoint("Pricing/list", "GET", _PATH, _list),
    Endpoint("Pricing/fetch", "GET", f"{_PATH}/<country>", _fetch),
)
