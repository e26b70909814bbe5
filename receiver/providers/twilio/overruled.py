"""What Twilio uses instead of a number's URLs: a trunk, an application, a messaging service."""

from __future__ import annotations

from collections.abc import Mapping

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
_LARGEST_PAGE = {"PageSize": "100"}


def overruled(number: Json, service: Instead | None) -> dict[Kind, Instead]:
    """By kind, as far as it is overruled; `service` is the messaging service that takes its messages."""
    trunk, application = fields.text(number, "trunk_sid"), fields.text(number, "voice_application_sid")
    messages = fields.text(number, "sms_application_sid")
    voice = f"the trunk {trunk}" if trunk else f"the application {application}" if application else ""
    sms = service or (Instead(f"the application {messages}") if messages else None)
    found = ((Kind.VOICE, Instead(voice) if voice else None), (Kind.SMS, sms))
    return {kind: instead for kind, instead in found if instead}


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
                Instead(f"the messaging service {sid}", fields.text(service, "inbound_request_url")),
            )
            for page in self._api.every_page(call, Product.MESSAGING, _SERVICES, _LARGEST_PAGE)
            for service in resources.entries(call, page, "services")
            if (sid := resources.sid(service)) and service.get("use_inbound_webhook_on_number") is not True
            for numbers in self._api.every_page(
                call, Product.MESSAGING, f"{_SERVICES}/{sid}/PhoneNumbers", _LARGEST_PAGE
            )
            for entry in resources.entries(call, numbers, "phone_numbers")
        ]
