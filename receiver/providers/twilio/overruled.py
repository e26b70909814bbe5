"""What Twilio uses instead of a number's URLs: a trunk, an application, a messaging service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from receiver.logs.log import get_logger
from receiver.providers import fields
from receiver.providers.errors import ProviderError, TryLater
from receiver.providers.exchange import ApiCall
from receiver.providers.numbers import Instead
from receiver.providers.twilio import resources
from receiver.providers.twilio.api import Api, Json, Product
from receiver.providers.twilio.refusals import SETTING
from receiver.vocabulary.kinds import Kind

logger = get_logger(__name__)
_SERVICES = "/v1/Services"
_OF_SERVICE = ("inbound_request_url", "fallback_url", "status_callback")
_LARGEST_PAGE = {"PageSize": "100"}


_APPLICATION_OF = {Kind.VOICE: "voice_application_sid", Kind.SMS: "sms_application_sid"}
_BESIDE = {
    Kind.VOICE: ("voice_fallback_url", "status_callback"),
    Kind.SMS: ("sms_fallback_url", "sms_status_callback", "message_status_callback"),
}
"""What an application has beside the URL of a kind."""


def overruled(number: Json, service: Instead | None, applications: Mapping[str, Json]) -> dict[Kind, Instead]:
    """By kind, as far as it is overruled; `service` is the messaging service that takes its messages."""
    trunk = fields.text(number, "trunk_sid")
    found = {kind: _application(number, kind, applications) for kind in _APPLICATION_OF}
    found |= {Kind.VOICE: Instead(f"the trunk {trunk}", "SIP")} if trunk else {}
    found |= {Kind.SMS: service} if service else {}
    return {kind: instead for kind, instead in found.items() if instead}


def _application(number: Json, kind: Kind, applications: Mapping[str, Json]) -> Instead | None:
    sid = fields.text(number, _APPLICATION_OF[kind])
    if not sid:
        return None
    name, known = f"the application {sid}", applications.get(sid)
    return Instead(name) if known is None else _with_urls(name, known, f"{kind}_url", *_BESIDE[kind])


def _with_urls(name: str, resource: Json, url: str, *beside: str) -> Instead:
    """The same with the URLs that the provider's resource has in these fields."""
    further = (fields.text(resource, field) for field in beside)
    return Instead(name, fields.text(resource, url), tuple(filter(None, further)))


class Applications:
    """The account's applications."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def of(self, numbers: Iterable[Json]) -> Mapping[str, Json]:
        """The applications that numbers name, as far as they can be read."""
        sids = {resources.sid(number, field) for number in numbers for field in _APPLICATION_OF.values()}
        read = ((sid, self._read(sid)) for sid in sorted(sids) if sid)
        return {sid: application for sid, application in read if application is not None}

    def _read(self, sid: str) -> Json | None:
        call = ApiCall("read an application", SETTING)
        try:
            return self._api.read(call, Product.API, self._api.account_path(f"Applications/{sid}.json"))
        except TryLater:
            raise
        except ProviderError as error:
            logger.info("an application cannot be read", reason=error)
            return None


class Services:
    """The account's messaging services."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def by_number(self) -> Mapping[str, Instead] | None:
        """Which service takes the messages of a number, in place of the number's own URL.

        None if they cannot be read, as with an API key that may not. A failure that passes is raised:
        otherwise a number would seem to be free for a moment.
        """
        call = ApiCall("list messaging services", SETTING)
        try:
            return dict(self._numbers(call))
        except TryLater:
            raise
        except ProviderError as error:
            logger.info("messaging services cannot be read", reason=error)
            return None

    def _numbers(self, call: ApiCall) -> list[tuple[str, Instead]]:
        return [
            (
                resources.number(entry),
                _with_urls(f"the messaging service {sid}", service, *_OF_SERVICE),
            )
            for page in self._api.every_page(call, Product.MESSAGING, _SERVICES, _LARGEST_PAGE)
            for service in resources.entries(call, page, "services")
            if (sid := resources.sid(service)) and service.get("use_inbound_webhook_on_number") is not True
            for numbers in self._api.every_page(
                call, Product.MESSAGING, f"{_SERVICES}/{sid}/PhoneNumbers", _LARGEST_PAGE
            )
            for entry in resources.entries(call, numbers, "phone_numbers")
        ]
