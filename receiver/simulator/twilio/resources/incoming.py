"""Numbers that the account holds: buy and configure in one request, list, read, update, release."""

import re
from collections.abc import Callable
from typing import Any

from receiver.simulator.months import months_later
from receiver.simulator.telephone import is_international
from receiver.simulator.twilio import catalogue
from receiver.simulator.twilio.account import Account, new_sid
from receiver.simulator.twilio.catalogue import NORTH_AMERICA, Listed
from receiver.simulator.twilio.clock import rfc2822, stamp
from receiver.simulator.twilio.endpoint import ACCOUNTS, Answer, Created, Endpoint, Sent
from receiver.simulator.twilio.errors import ApiError
from receiver.simulator.twilio.paging import older
from receiver.simulator.twilio.provider import Provider
from receiver.simulator.twilio.records import Number

from . import magic
from .configuration import configure
from .regulation import check_regulation

_KINDS = {"Local": "local", "Mobile": "mobile", "TollFree": "toll_free"}


def _create(provider: Provider, sent: Sent) -> Answer:
    if sent.test:
        return Created(_shown(magic.buy(sent), sent))
    with provider.account() as (account, now):
        entry = _wanted(account, sent)
        number = Number(
            sid=new_sid("PN"),
            phone_number=entry.number,
            friendly_name=entry.friendly_name,
            country=entry.country.code,
            type=entry.type,
            renews=months_later(now.date(), 1).isoformat(),
            date_created=stamp(now),
            date_updated=stamp(now),
        )
        configure(number, sent, entry.kind.capabilities)
        check_regulation(account, entry, number)
        if entry.kind.price > account.balance:
            # No source tells how Twilio refuses this.
            raise ApiError(None, "The balance of the account is too low")
        account.buy(number, now)
        return Created(_shown(number, sent))


def _wanted(account: Account, sent: Sent) -> Listed:
    """The number to buy: the one that is named, or any with an area code."""
    phone_number, area_code = sent.parameter("PhoneNumber"), sent.parameter("AreaCode")
    if phone_number:
        if not is_international(phone_number):
            raise ApiError(21421, f"{phone_number} is not a valid number")
        entry = catalogue.find(phone_number)
        if entry is None or phone_number in account.held() or entry.taken_meanwhile:
            raise ApiError(21422, f"{phone_number} is not available")
        return entry
    if not area_code:
        raise ApiError(21421, "PhoneNumber or AreaCode is required")
    if not re.fullmatch(r"[2-9][0-9]{2}", area_code):
        raise ApiError(21451)
    if re.fullmatch(r"8(00|22|33|44|55|66|77|88)", area_code):  # a toll-free number has no area
        raise ApiError(21457)
    for country in NORTH_AMERICA:
        for entry in catalogue.listed(country, "local"):
            there = entry.number[2:5] == area_code
            if there and entry.number not in account.held() and not entry.taken_meanwhile:
                return entry
    raise ApiError(21452)


def _list(chosen: str | None = None) -> Callable[[Provider, Sent], Answer]:
    def answer(provider: Provider, sent: Sent) -> Answer:
        pattern = _partial(sent.parameter("PhoneNumber"))
        name, origin = sent.parameter("FriendlyName"), sent.parameter("Origin")
        with provider.look() as (account, _):
            found = [
                number
                for number in reversed(account.numbers.values())
                if pattern.search(number.phone_number)
                and (not name or number.friendly_name == name)
                and origin != "hosted"
                and not (sent.flag("Beta") is False and _kind(number).beta)
                and chosen in (None, number.type)
            ]
            return older(sent, "incoming_phone_numbers", found, lambda number: _shown(number, sent))

    return answer


def _partial(phone_number: str) -> re.Pattern[str]:
    """The number or a part of it; `*` stands for any digit."""
    if not re.fullmatch(r"\+?[0-9*]*", phone_number):
        raise ApiError(20001, "PhoneNumber is not valid")
    return re.compile(re.escape(phone_number).replace(r"\*", "[0-9]"))


def _fetch(provider: Provider, sent: Sent) -> Answer:
    with provider.look() as (account, _):
        return _shown(_held(account, sent), sent)


def _update(provider: Provider, sent: Sent) -> Answer:
    with provider.account() as (account, now):
        number = _held(account, sent)
        configure(number, sent, _kind(number).capabilities)
        number.date_updated = stamp(now)
        return _shown(number, sent)


def _delete(provider: Provider, sent: Sent) -> Answer:
    """Release a number, at once and for good. Here so that a test can prove that nobody asks for it."""
    with provider.account() as (account, _):
        del account.numbers[_held(account, sent).sid]
    return None


def _held(account: Account, sent: Sent) -> Number:
    number = account.numbers.get(sent.path["sid"])
    if number is None:
        raise sent.not_found()
    return number


def _kind(number: Number) -> catalogue.Kind:
    return catalogue.COUNTRIES[number.country].kinds[number.type]


def _shown(number: Number, sent: Sent) -> dict[str, Any]:
    account_sid, kind = sent.path["account_sid"], _kind(number)
    uri = f"/2010-04-01/Accounts/{account_sid}/IncomingPhoneNumbers/{number.sid}"
    return {
        "sid": number.sid,
        "account_sid": account_sid,
        "phone_number": number.phone_number,
        "friendly_name": number.friendly_name,
        "origin": "twilio",
        "capabilities": dict(kind.capabilities),
        "beta": kind.beta,
        "address_requirements": kind.address,
        "api_version": number.api_version,
        "voice_url": number.voice_url,
        "voice_method": number.voice_method,
        # What is not set is empty or null, as at Twilio, where one object has both.
        "voice_fallback_url": number.voice_fallback_url or None,
        "voice_fallback_method": number.voice_fallback_method,
        "voice_application_sid": number.voice_application_sid or None,
        "voice_caller_id_lookup": number.voice_caller_id_lookup,
        "voice_receive_mode": number.voice_receive_mode,
        "sms_url": number.sms_url,
        "sms_method": number.sms_method,
        "sms_fallback_url": number.sms_fallback_url,
        "sms_fallback_method": number.sms_fallback_method,
        "sms_application_sid": number.sms_application_sid,
        "status_callback": number.status_callback,
        "status_callback_method": number.status_callback_method,
        "trunk_sid": number.trunk_sid or None,
        "address_sid": number.address_sid or None,
        "bundle_sid": number.bundle_sid or None,
        "identity_sid": number.identity_sid or None,
        "emergency_status": number.emergency_status,
        "emergency_address_sid": number.emergency_address_sid or None,
        "emergency_address_status": "unregistered",
        "status": "in-use",
        "type": number.type,
        "date_created": rfc2822(number.date_created),
        "date_updated": rfc2822(number.date_updated),
        "uri": f"{uri}.json",
    }


_PATH = f"{ACCOUNTS}/IncomingPhoneNumbers"

ENDPOINTS = (
    Endpoint("IncomingPhoneNumbers/create", "POST", f"{_PATH}.json", _create, tests_too=True),
    Endpoint("IncomingPhoneNumbers/list", "GET", f"{_PATH}.json", _list()),
    *(
        Endpoint(f"IncomingPhoneNumbers/{word}/list", "GET", f"{_PATH}/{word}.json", _list(kind))
        for word, kind in _KINDS.items()
    ),
    Endpoint("IncomingPhoneNumbers/fetch", "GET", f"{_PATH}/<sid>.json", _fetch),
    Endpoint("IncomingPhoneNumbers/update", "POST", f"{_PATH}/<sid>.json", _update),
    Endpoint("IncomingPhoneNumbers/delete", "DELETE", f"{_PATH}/<sid>.json", _delete),
)
