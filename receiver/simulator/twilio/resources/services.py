"""Messaging services, which take the messages of their numbers (`messaging.twilio.com`)."""

from typing import Any

from receiver.simulator.twilio import catalogue
from receiver.simulator.twilio.account import Account, new_sid
from receiver.simulator.twilio.clock import stamp
from receiver.simulator.twilio.endpoint import Answer, Created, Endpoint, Sent
from receiver.simulator.twilio.errors import ApiError
from receiver.simulator.twilio.paging import newer
from receiver.simulator.twilio.provider import Provider
from receiver.simulator.twilio.records import Number, Service

_PATH = "/v1/Services"
_WORDS = {"voice": "Voice", "sms": "SMS", "mms": "MMS", "fax": "Fax"}


def _create(provider: Provider, sent: Sent) -> Answer:
    if not sent.parameter("FriendlyName"):
        raise ApiError(20001, "FriendlyName is required")
    with provider.account() as (account, now):
        service = Service(sid=new_sid("MG"), date_created=stamp(now), date_updated=stamp(now))
        _configure(service, sent)
        account.services[service.sid] = service
        return Created(_shown(provider, sent, service))


def _update(provider: Provider, sent: Sent) -> Answer:
    with provider.account() as (account, now):
        service = _known(account, sent)
        _configure(service, sent)
        service.date_updated = stamp(now)
        return _shown(provider, sent, service)


def _configure(service: Service, sent: Sent) -> None:
    """Set what was sent and keep the rest; refused, nothing is changed."""
    urls = {"InboundRequestUrl": "inbound_request_url", "FallbackUrl": "fallback_url"}
    methods = {"InboundMethod": "inbound_method", "FallbackMethod": "fallback_method"}
    changes: dict[str, Any] = {
        attribute: sent.url(name) for name, attribute in urls.items() if sent.has(name)
    } | {attribute: sent.method(name) for name, attribute in methods.items() if sent.has(name)}
    if (own := sent.flag("UseInboundWebhookOnNumber")) is not None:
        changes["use_inbound_webhook_on_number"] = own
    if name := sent.parameter("FriendlyName"):
        changes["friendly_name"] = name
    vars(service).update(changes)


def _list(provider: Provider, sent: Sent) -> Answer:
    with provider.look() as (account, _):
        found = [(service.sid, service) for service in reversed(account.services.values())]
        return newer(sent, "services", found, lambda service: _shown(provider, sent, service))


def _fetch(provider: Provider, sent: Sent) -> Answer:
    with provider.look() as (account, _):
        return _shown(provider, sent, _known(account, sent))


def _delete(provider: Provider, sent: Sent) -> Answer:
    with provider.account() as (account, _):
        del account.services[_known(account, sent).sid]
    return None


def _add_number(provider: Provider, sent: Sent) -> Answer:
    with provider.account() as (account, _):
        service, number = _known(account, sent), account.numbers.get(sent.parameter("PhoneNumberSid"))
        if number is None:
            raise ApiError(20404, "PhoneNumberSid is no number of this account")
        if there := account.service_of(number):
            raise ApiError(21710 if there is service else 21712)
        service.numbers.append(number.sid)
        return Created(_shown_number(provider, sent, service, number))


def _list_numbers(provider: Provider, sent: Sent) -> Answer:
    with provider.look() as (account, _):
        service = _known(account, sent)
        found = [(sid, account.numbers[sid]) for sid in service.numbers if sid in account.numbers]
        return newer(
            sent, "phone_numbers", found, lambda number: _shown_number(provider, sent, service, number)
        )


def _remove_number(provider: Provider, sent: Sent) -> Answer:
    with provider.account() as (account, _):
        service, sid = _known(account, sent), sent.path["number_sid"]
        if sid not in service.numbers:
            raise sent.not_found()
        service.numbers.remove(sid)
    return None


def _known(account: Account, sent: Sent) -> Service:
    service = account.services.get(sent.path["sid"])
    if service is None:
        raise sent.not_found()
    return service


def _shown(provider: Provider, sent: Sent, service: Service) -> dict[str, Any]:
    url = f"{sent.base_url}{_PATH}/{service.sid}"
    return {
        "sid": service.sid,
        "account_sid": provider.settings.account_sid,
        "friendly_name": service.friendly_name,
        "inbound_request_url": service.inbound_request_url or None,
        "inbound_method": service.inbound_method,
        "fallback_url": service.fallback_url or None,
        "fallback_method": service.fallback_method,
        "status_callback": None,
        "use_inbound_webhook_on_number": service.use_inbound_webhook_on_number,
        "date_created": service.date_created,
        "date_updated": service.date_updated,
        "url": url,
        "links": {"phone_numbers": f"{url}/PhoneNumbers"},
    }


def _shown_number(provider: Provider, sent: Sent, service: Service, number: Number) -> dict[str, Any]:
    can = catalogue.COUNTRIES[number.country].kinds[number.type].capabilities
    return {
        "sid": number.sid,
        "account_sid": provider.settings.account_sid,
        "service_sid": service.sid,
        "phone_number": number.phone_number,
        "country_code": number.country,
        "capabilities": [word for name, word in _WORDS.items() if can[name]],
        "date_created": service.date_updated,
        "date_updated": service.date_updated,
        "url": f"{sent.base_url}{_PATH}/{service.sid}/PhoneNumbers/{number.sid}",
    }


ENDPOINTS = (
    Endpoint("Services/create", "POST", _PATH, _create),
    Endpoint("Services/list", "GET", _PATH, _list),
    Endpoint("Services/fetch", "GET", f"{_PATH}/<sid>", _fetch),
    Endpoint("Services/update", "POST", f"{_PATH}/<sid>", _update),
    Endpoint("Services/delete", "DELETE", f"{_PATH}/<sid>", _delete),
    Endpoint("Services/PhoneNumbers/create", "POST", f"{_PATH}/<sid>/PhoneNumbers", _add_number),
    Endpoint("Services/PhoneNumbers/list", "GET", f"{_PATH}/<sid>/PhoneNumbers", _list_numbers),
    Endpoint(
        "Services/PhoneNumbers/delete",
        "DELETE",
        f"{_PATH}/<sid>/PhoneNumbers/<number_sid>",
        _remove_number,
    ),
)
