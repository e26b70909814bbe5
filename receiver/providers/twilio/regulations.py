"""What the law of a country asks for before a number is sold there: an approved bundle of documents.

A purchase without it is refused and costs nothing, but whoever chooses a number should know before.
"""

from __future__ import annotations

from receiver.logs.log import get_logger
from receiver.providers.errors import ProviderError
from receiver.providers.exchange import ApiCall
from receiver.providers.market import NumberSort, Requirement
from receiver.providers.twilio import resources
from receiver.providers.twilio.api import Api, Json, Product
from receiver.providers.twilio.refusals import SETTING, page_about

logger = get_logger(__name__)
_SENTENCE = "Twilio sells it only for a regulatory bundle that it approved."


class Regulations:
    """The regulations of countries, each asked for once."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: dict[tuple[str, NumberSort], tuple[Requirement, ...]] = {}

    def of(self, country: str, sort: NumberSort) -> tuple[Requirement, ...]:
        """What they ask for; nothing if they cannot be read, since the number can be shown all the same."""
        if (country, sort) not in self._known:
            wanted = self._wanted(country, sort)
            page = page_about(country)
            self._known[country, sort] = (Requirement(_SENTENCE, page),) if wanted else ()
        return self._known[country, sort]

    def _wanted(self, country: str, sort: NumberSort) -> bool:
        call = ApiCall(f"ask for regulations of {country}", SETTING)
        query = {"IsoCountry": country, "NumberType": str(sort)}
        try:
            answer = self._api.read(call, Product.NUMBERS, "/v2/RegulatoryCompliance/Regulations", query)
            return any(map(_asks, resources.entries(call, answer, "results")))
        except ProviderError as error:
            logger.warning("regulations cannot be read", reason=error)
            return False


def _asks(regulation: Json) -> bool:
    """Whether it asks for anything."""
    wanted = regulation.get("requirements")
    return any(wanted.values()) if isinstance(wanted, dict) else wanted is not None
