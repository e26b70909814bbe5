"""Postal addresses and regulatory bundles, as far as buying a number needs them.

Bundles are read only: `/control/bundles` makes one, since its review takes Twilio days.
"""

from typing import Any

from receiver.simulator.twilio.account import new_sid
from receiver.simulator.twilio.clock import rfc2822, stamp
from receiver.simulator.twilio.endpoint import ACCOUNTS, Answer, Created, Endpoint, Sent
from receiver.simulator.twilio.errors import ApiError
from receiver.simulator.twilio.paging import newer, older
from receiver.simulator.twilio.provider import Provider
from receiver.simulator.twilio.records import Address, Bundle

_REQUIRED = ("CustomerName", "Street", "City", "Region", "PostalCode", "IsoCountry")


def _create(provider: Provider, sent: Sent) -> Answer:
    for name in _REQUIRED:
        if not sent.parameter(name):
            raise ApiError(20001, f"{name} is required")
    with provider.account() as (account, now):
        address = Address(
            sid=new_sid("AD"),
            customer_name=sent.parameter("CustomerName"),
            friendly_name=sent.parameter("FriendlyName"),
            street=sent.parameter("Street"),
            city=sent.parameter("City"),
            region=sent.parameter("Region"),
            postal_code=sent.parameter("PostalCode"),
            iso_country=sent.parameter("IsoCountry"),
            date_created=stamp(now),
            date_updated=stamp(now),
        )
        account.addresses[address.sid] = address
        return Created(_shown(address, sent))


def _list(provider: Provider, sent: Sent) -> Answer:
    country = sent.parameter("IsoCountry")
    with provider.look() as (account, _):
        found = [
            address
            for address in reversed(account.addresses.values())
            if country in ("", address.iso_country)
        ]
        return older(sent, "addresses", found, lambda address: _shown(address, sent))


def _fetch(provider: Provider, sent: Sent) -> Answer:
    with provider.look() as (account, _):
        address = account.addresses.get(sent.path["sid"])
    if address is None:
        raise sent.not_found()
    return _shown(address, sent)


def _shown(address: Address, sent: Sent) -> dict[str, Any]:
    account_sid = sent.path["account_sid"]
    return {
        "sid": address.sid,
        "account_sid": account_sid,
        "customer_name": address.customer_name,
        "friendly_name": address.friendly_name,
        "street": address.street,
        "street_secondary": None,
        "city": address.city,
        "region": address.region,
        "postal_code": address.postal_code,
        "iso_country": address.iso_country,
        "emergency_enabled": False,
        "validated": True,
        "verified": True,
        "date_created": rfc2822(address.date_created),
        "date_updated": rfc2822(address.date_updated),
        "uri": f"/2010-04-01/Accounts/{account_sid}/Addresses/{address.sid}.json",
    }


def _list_bundles(provider: Provider, sent: Sent) -> Answer:
    wanted = {name: sent.parameter(name) for name in ("Status", "IsoCountry", "NumberType")}
    with provider.look() as (account, _):
        found = [
            (bundle.sid, bundle)
            for bundle in reversed(account.bundles.values())
            if wanted["Status"] in ("", bundle.status)
            and wanted["IsoCountry"] in ("", bundle.iso_country)
            and wanted["NumberType"] in ("", bundle.number_type)
        ]
        return newer(sent, "results", found, lambda bundle: _shown_bundle(provider, bundle, sent))


def _fetch_bundle(provider: Provider, sent: Sent) -> Answer:
    with provider.look() as (account, _):
        bundle = account.bundles.get(sent.path["sid"])
    if bundle is None:
        raise sent.not_found()
    return _shown_bundle(provider, bundle, sent)


def _shown_bundle(provider: Provider, bundle: Bundle, sent: Sent) -> dict[str, Any]:
    url = f"{sent.base_url}{_BUNDLES}/{bundle.sid}"
    return {
        "sid": bundle.sid,
        "account_sid": provider.settings.account_sid,
        "regulation_sid": None,
        "friendly_name": bundle.friendly_name,
        "status": bundle.status,
        "valid_until": None,
        "email": None,
        "status_callback": None,
        "date_created": bundle.date_created,
        "date_updated": bundle.date_updated,
        "url": url,
        "links": {"item_assignments": f"{url}/ItemAssignments"},
    }


_PATH = f"{ACCOUNTS}/Addresses"
_BUNDLES = "/v2/RegulatoryCompliance/Bundles"

ENDPOINTS = (
    Endpoint("Addresses/create", "POST", f"{_PATH}.json", _create),
    Endpoint("Addresses/list", "GET", f"{_PATH}.json", _list),
    Endpoint("Addresses/fetch", "GET", f"{_PATH}/<sid>.json", _fetch),
    Endpoint("Bundles/list", "GET", _BUNDLES, _list_bundles),
    Endpoint("Bundles/fetch", "GET", f"{_BUNDLES}/<sid>", _fetch_bundle),
)
