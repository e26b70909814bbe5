"""Which error an answer is that is no success: by Twilio's code, else by the HTTP status.

Its `message` is not shown: it quotes telephone numbers and URLs.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from receiver.providers import fields
from receiver.providers.digits import country_of
from receiver.providers.errors import ProviderError, Refused, TryLater, UnexpectedAnswer, WrongConfiguration
from receiver.providers.exchange import ApiCall

SETTING = "TWILIO_API_URL"
NOT_FOUND = "20404"
_REGULATIONS = "https://www.twilio.com/en-us/guidelines"
"""Twilio's pages that say, country by country, what it asks for."""
_CROWDED = 20429
_ERRORS = "https://www.twilio.com/docs/api/errors"
_REPORT = "Please report this as a bug of Receiver."
_CONSOLE = (
    "Give it to Twilio in its console, and buy the number there; then `receiver setup` configures it."
    f" {_REGULATIONS}"
)
_ADDRESS = f"Twilio sells it only for an address. {_CONSOLE}"
_BUNDLE = f"Twilio sells it only for a regulatory bundle that it approved. {_CONSOLE}"
_GONE = "the number is not for sale (any more). Choose another one."
_AREA = "no number is for sale in this area code. Choose another one."
_FALLBACK = f"Twilio refuses a fallback URL beside no URL. {_REPORT}"

_CODES: Final[dict[int, tuple[type[ProviderError], str]]] = {
    20001: (UnexpectedAnswer, f"Twilio cannot use one of the parameters. {_REPORT}"),
    **dict.fromkeys(
        (10001, 20005, 20403),
        (WrongConfiguration, "the account is suspended or closed. Check in Twilio's console why."),
    ),
    20003: (
        WrongConfiguration,
        "Twilio refuses the credentials. Check TWILIO_ACCOUNT_SID with TWILIO_AUTH_TOKEN, or TWILIO_API_KEY"
        " with TWILIO_API_SECRET.",
    ),
    20404: (
        WrongConfiguration,
        "Twilio does not know the account, or nothing there of this name. Check TWILIO_ACCOUNT_SID.",
    ),
    _CROWDED: (
        TryLater,
        "too many requests at the same time, so nothing was done. Wait a moment, then try again.",
    ),
    21402: (Refused, "Twilio cannot use the callback URL. Check that PUBLIC_URL is a full address."),
    21403: (UnexpectedAnswer, f"Twilio cannot use the method of a callback. {_REPORT}"),
    21405: (UnexpectedAnswer, _FALLBACK),
    21406: (UnexpectedAnswer, _FALLBACK),
    21407: (Refused, "the number cannot receive SMS, so nothing was changed. Leave sms out for it."),
    21421: (Refused, "this is not a telephone number Twilio knows. Write it as + country code number."),
    21422: (Refused, _GONE),
    21451: (Refused, "there is no such area code. Choose another one."),
    21452: (Refused, _AREA),
    21457: (Refused, "Twilio sells no numbers of this area code. Choose another one."),
    21481: (TryLater, "the list changed while it was read. Try again."),
    21613: (Refused, _ADDRESS),
    21615: (Refused, f"Twilio sells it only for an address in its own area. {_CONSOLE}"),
    21631: (Refused, _ADDRESS),
    21649: (Refused, _BUNDLE),
    21650: (Refused, f"Twilio sells it only for an identity that it approved. {_CONSOLE}"),
    21651: (Refused, f"Twilio sells it only with a fitting document. {_CONSOLE}"),
}


def page_about(country: str) -> str:
    """Twilio's page about what it asks for in a country."""
    return f"{_REGULATIONS}/{country.lower()}/regulatory"


def refusal(call: ApiCall, status: int, answer: Mapping[str, Any] | None) -> ProviderError:
    """The error; `answer` is the object in the answer, if there was one."""
    code = _code(answer)
    if status >= 500:
        return call.lost(f"Twilio failed (HTTP {status})")
    if 300 <= status < 400:
        return call.error(
            WrongConfiguration,
            f"the API answers with a redirect (HTTP {status}), which is not followed because the request"
            f" holds credentials. Set {SETTING} to where it leads.",
        )
    if status < 400:
        return call.lost(f"the answer is none (HTTP {status})")
    if code is None and status == HTTPStatus.UNAUTHORIZED:
        code = 20003
    if code is None and answer is not None and status == HTTPStatus.NOT_FOUND:
        code = int(NOT_FOUND)
    if code in _CODES:
        kind, reason = _CODES[code]
        reason = _of_country(reason, call.number)
    elif status == HTTPStatus.TOO_MANY_REQUESTS:
        # Not in Twilio's words, so perhaps not Twilio's: whether something was done is not certain.
        return call.lost("something on the way refuses more requests")
    elif code is not None:
        kind, reason = Refused, f"Twilio refuses it with its error {code}: see {_ERRORS}/{code}"
    elif answer is None:
        kind = WrongConfiguration
        reason = f"what answers at {SETTING} is not Twilio's API (HTTP {status}). Check the address."
    elif status == HTTPStatus.FORBIDDEN:
        kind = WrongConfiguration
        reason = (
            "Twilio does not open this to these credentials. Check that they are not test credentials, and"
            " what the API key may do."
        )
    else:
        kind, reason = Refused, f"Twilio refuses it, without saying why (HTTP {status})."
    error = kind(call.what, reason, number=call.number, status="" if code is None else str(code))
    if isinstance(error, TryLater):
        error.rate_limited = code == _CROWDED
    return error


def _of_country(reason: str, number: str) -> str:
    """A reason with the page about the number's country, where it names that about all."""
    if reason.endswith(_REGULATIONS) and (country := country_of(number)):
        return reason.removesuffix(_REGULATIONS) + page_about(country)
    return reason


def _code(answer: Mapping[str, Any] | None) -> int | None:
    return None if answer is None else fields.integer(answer, "code")
