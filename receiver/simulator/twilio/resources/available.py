"""Countries with numbers for sale, and the search among these. An offer is not a reservation."""

import re
from typing import Any

from receiver.simulator.twilio import catalogue
from receiver.simulator.twilio.catalogue import NORTH_AMERICA, Country, Listed
from receiver.simulator.twilio.endpoint import ACCOUNTS, Answer, Endpoint, Sent
from receiver.simulator.twilio.errors import ApiError
from receiver.simulator.twilio.provider import Provider

_TYPES = {"Local": "local", "Mobile": "mobile", "TollFree": "toll_free"}

_USUAL_SIZE, _LARGEST = 50, 1000
_KEYPAD = dict(zip("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999", strict=True))
_CAPABILITIES = {"SmsEnabled": "sms", "MmsEnabled": "mms", "VoiceEnabled": "voice", "FaxEnabled": "fax"}
_WHERE = {
    "InRegion": "region",
    "InPostalCode": "postal_code",
    "InRateCenter": "rate_center",
    "InLata": "lata",
}


def _list_countries(provider: Provider, sent: Sent) -> Answer:
    return {
        "countries": [_country(sent, country) for country in catalogue.COUNTRIES.values()],
        "uri": sent.url_path,
    }


def _fetch_country(provider: Provider, sent: Sent) -> Answer:
    return _country(sent, _known(sent))


def _country(sent: Sent, country: Country) -> dict[str, Any]:
    base = f"/2010-04-01/Accounts/{sent.path['account_sid']}/AvailablePhoneNumbers/{country.code}"
    words = {type_: word for word, type_ in _TYPES.items()}
    return {
        "country_code": country.code,
        "country": country.name,
        "beta": all(kind.beta for kind in country.kinds.values()),
        "uri": f"{base}.json",
        "subresource_uris": {type_: f"{base}/{words[type_]}.json" for type_ in country.kinds},
    }


def _search(provider: Provider, sent: Sent) -> Answer:
    country, word = _known(sent), sent.path["type"]
    type_ = _TYPES.get(word)
    if type_ not in country.kinds:
        raise sent.not_found()
    with provider.look() as (account, _):
        held = account.held()
    found = [
        one for one in catalogue.listed(country.code, type_) if one.number not in held and _fits(sent, one)
    ]
    size = sent.whole("PageSize", _USUAL_SIZE)
    start = sent.whole("Page", 0) * size
    return {
        "available_phone_numbers": [_offer(one) for one in found[start : start + min(size, _LARGEST)]],
        "uri": sent.url_path,
    }


def _fits(sent: Sent, one: Listed) -> bool:
    kind, place = one.kind, one.place
    if any(
        (wanted := sent.flag(name)) is not None and wanted != kind.capabilities[capability]
        for name, capability in _CAPABILITIES.items()
    ):
        return False
    excluded = {
        "ExcludeAllAddressRequired": kind.address != "none",
        "ExcludeLocalAddressRequired": kind.address == "local",
        "ExcludeForeignAddressRequired": kind.address == "foreign",
    }
    if any(needs and sent.flag(name) for name, needs in excluded.items()):
        return False
    if kind.beta and sent.flag("Beta") is False:
        return False
    locality = sent.parameter("InLocality")
    if locality and locality.lower() != (place.locality or "").lower():
        return False
    if one.country.code in NORTH_AMERICA and not _fits_north_america(sent, one):
        return False
    contains = sent.parameter("Contains")
    return not contains or _pattern(contains).search(one.number) is not None


def _fits_north_america(sent: Sent, one: Listed) -> bool:
    area_code = sent.parameter("AreaCode")
    if area_code and not re.fullmatch(r"[2-9][0-9]{2}", area_code):
        raise ApiError(21451)
    if area_code and one.number[2:5] != area_code:
        return False
    return all(
        not (wanted := sent.parameter(name)) or wanted == getattr(one.place, attribute)
        for name, attribute in _WHERE.items()
    )


def _pattern(contains: str) -> re.Pattern[str]:
    """A search pattern; wildcards stand only at its ends, around two or more digits or letters."""
    if not re.fullmatch(r"\+?[*%]*[0-9A-Za-z]{2,}[*%]*\$?", contains) or len(contains) > 16:
        raise ApiError(20001, "Contains is not valid")
    signs = {"*": "[0-9]", "%": "[0-9]*", "+": r"^\+", "$": "$"}
    return re.compile("".join(signs.get(c) or _KEYPAD.get(c.lower(), c) for c in contains))


def _offer(one: Listed) -> dict[str, Any]:
    place = one.place
    return {
        "friendly_name": one.friendly_name,
        "phone_number": one.number,
        "lata": place.lata,
        "locality": place.locality,
        "rate_center": place.rate_center,
        "latitude": place.latitude,
        "longitude": place.longitude,
        "region": place.region,
        "postal_code": place.postal_code,
        "iso_country": one.country.code,
        "address_requirements": one.kind.address,
        "beta": one.kind.beta,
        "capabilities": dict(one.kind.capabilities),
    }


def _known(sent: Sent) -> Country:
    country = catalogue.COUNTRIES.get(sent.path["country"])
    if country is None:
        raise sent.not_found()
    return country


_PATH = f"{ACCOUNTS}/AvailablePhoneNumbers"

ENDPOINTS = (
    Endpoint("AvailablePhoneNumbers/list", "GET", f"{_PATH}.json", _list_countries),
    Endpoint("AvailablePhoneNumbers/fetch", "GET", f"{_PATH}/<country>.json", _fetch_country),
    Endpoint("AvailablePhoneNumbers/search", "GET", f"{_PATH}/<country>/<type>.json", _search),
)
