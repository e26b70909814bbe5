"""Whether a buyer has what a country asks for: an address, an identity, a bundle of documents."""

import re

from receiver.simulator.twilio.account import Account
from receiver.simulator.twilio.catalogue import Listed
from receiver.simulator.twilio.errors import ApiError
from receiver.simulator.twilio.records import Number

_NEEDS_ADDRESS = "Phone Number Requires an Address but the 'AddressSid' parameter was empty"
_UNFIT_ADDRESS = "The 'AddressSid' parameter is not an address that fits the phone number's requirements"


def check_regulation(account: Account, entry: Listed, number: Number) -> None:
    """Refuse the purchase of a number without what it needs of these."""
    needed = entry.kind.address
    if needed != "none":
        if not number.address_sid:
            raise ApiError(21631, _NEEDS_ADDRESS)
        address = account.addresses.get(number.address_sid)
        if address is None or (needed == "foreign" and address.iso_country == entry.country.code):
            raise ApiError(21631, _UNFIT_ADDRESS)
        if needed == "local" and address.iso_country != entry.country.code:
            raise ApiError(21615)
    if entry.kind.identity and not re.fullmatch("RI[0-9a-f]{32}", number.identity_sid):
        raise ApiError(21650)
    if entry.kind.bundle:
        bundle = account.bundles.get(number.bundle_sid)
        wanted = (entry.country.code, entry.type.replace("_", "-"), "twilio-approved")
        if bundle is None or (bundle.iso_country, bundle.number_type, bundle.status) != wanted:
            raise ApiError(21649)
