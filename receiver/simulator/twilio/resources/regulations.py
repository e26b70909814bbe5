"""What the law of a country asks for, by type of number (`numbers.twilio.com`). Read only."""

from typing import Any

from receiver.simulator.twilio import catalogue
from receiver.simulator.twilio.endpoint import Answer, Endpoint, Sent
from receiver.simulator.twilio.paging import newer
from receiver.simulator.twilio.provider import Provider

_PATH = "/v2/RegulatoryCompliance/Regulations"


def _list(provider: Provider, sent: Sent) -> Answer:
    country, number_type = sent.parameter("IsoCountry"), sent.parameter("NumberType")
    found = [
        (sid, (sid, name, code, type_))
        for place, (name, code, type_) in enumerate(_regulated(), 1)
        for sid in (f"RN{place:032x}",)
        if country in ("", code) and number_type in ("", type_)
    ]
    return newer(sent, "results", found, lambda one: _shown(sent, *one))


def _regulated() -> list[tuple[str, str, str]]:
    return [
        (country.name, country.code, type_.replace("_", "-"))
        for country in catalogue.COUNTRIES.values()
        for type_, kind in country.kinds.items()
        if kind.bundle
    ]


def _shown(sent: Sent, sid: str, name: str, code: str, type_: str) -> dict[str, Any]:
    return {
        "sid": sid,
        "friendly_name": f"{name}: {type_.title()} - Business",
        "iso_country": code,
        "number_type": type_,
        "end_user_type": "business",
        "requirements": {
            "end_user": [{"name": "Business", "type": "business", "fields": ["business_name"]}],
            "supporting_document": [[{"name": "Business name", "type": "document"}]],
        },
        "url": f"{sent.base_url}{_PATH}/{sid}",
    }


ENDPOINTS = (Endpoint("Regulations/list", "GET", _PATH, _list),)
