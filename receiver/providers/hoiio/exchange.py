"""One request to the provider and its answer: what went wrong on the way, and whether it is a success."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus
from typing import Any

import requests
import urllib3

from receiver.providers.errors import (
    ADVICE_TO_LOOK,
    OutcomeUnknown,
    ProviderError,
    TryLater,
    UnexpectedAnswer,
    WrongConfiguration,
)
from receiver.providers.hoiio.statuses import error_for

_SUCCESS = "success_ok"
_LARGEST_ANSWER = 16 * 1024 * 1024
"""Some tens of thousands of numbers; beyond it something else is answering."""


@dataclass(frozen=True)
class ApiCall:
    """One request, as far as its errors need to know it."""

    path: str
    what: str
    number: str
    parameters: dict[str, str]
    changes: bool

    def error(self, kind: type[ProviderError], reason: str) -> ProviderError:
        return kind(self.what, reason, number=self.number)

    def lost(self, reason: str) -> ProviderError:
        """The request went out, and we do not know what became of it. For a read that does not matter."""
        if self.changes:
            return self.error(OutcomeUnknown, f"{reason}. {ADVICE_TO_LOOK}")
        return self.error(TryLater, f"{reason}. Try again in a few minutes.")


class _TooMuch(OSError):
    """The answer does not end."""


def read(response: requests.Response) -> bytes:
    """The body, unless it is larger than any honest answer."""
    content = bytearray()
    while chunk := response.raw.read1(64 * 1024):
        content += chunk
        if len(content) > _LARGEST_ANSWER:
            raise _TooMuch
    return bytes(content)


def transport_error(call: ApiCall, error: Exception) -> ProviderError:
    causes = tuple(_causes(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return call.error(
            WrongConfiguration,
            "the certificate of the provider's API cannot be verified, so nothing was sent. Check"
            " HOIIO_API_URL, this machine's clock and its certificates.",
        )
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return call.error(WrongConfiguration, "the provider's address is unusable. Check HOIIO_API_URL.")
    never_connected = (
        requests.exceptions.ConnectTimeout,
        requests.exceptions.ProxyError,
        urllib3.exceptions.NewConnectionError,
        urllib3.exceptions.ConnectTimeoutError,
    )
    if any(isinstance(cause, never_connected) for cause in causes):
        return call.error(
            TryLater,
            "the provider's API cannot be reached, so nothing was sent. Check this machine's connection and"
            " HOIIO_API_URL, then try again.",
        )
    if any(isinstance(cause, _TooMuch) for cause in causes):
        return call.lost("the provider's answer did not end")
    timeouts = (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)
    if any(isinstance(cause, timeouts) for cause in causes):
        return call.lost("the provider did not answer in time")
    return call.lost("the connection to the provider broke before its answer was here")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error with all that led to it; requests and urllib3 keep the cause in three different places."""
    waiting: list[Any] = [error]
    seen: set[int] = set()
    while waiting:
        cause = waiting.pop()
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]


def understood(call: ApiCall, response: requests.Response, content: bytes) -> dict[str, Any]:
    """The answer, if it is a success. The body decides: the provider's refusals travel with HTTP 200."""
    code = response.status_code
    try:
        answer = json.loads(content.decode("utf-8-sig"), parse_float=Decimal)
    except (ValueError, RecursionError):
        answer = None
    status = answer.get("status") if isinstance(answer, dict) else None
    if isinstance(answer, dict) and isinstance(status, str) and (status != _SUCCESS or code < 300):
        if status == _SUCCESS:
            return answer
        error = error_for(status, call.what, number=call.number, changes=call.changes)
    elif code == HTTPStatus.TOO_MANY_REQUESTS:
        error = error_for("error_rate_limit_exceeded", call.what, number=call.number)
    elif code >= 500:
        error = call.lost(f"the provider failed (HTTP {code})")
    elif 300 <= code < 400:
        error = call.error(
            WrongConfiguration,
            f"the provider's API answers with a redirect (HTTP {code}), which is not followed because the"
            " request holds the access token. Set HOIIO_API_URL to where it leads.",
        )
    elif code >= 400:
        error = call.error(
            WrongConfiguration,
            f"what answers at HOIIO_API_URL is not the provider's API (HTTP {code}). Check the address.",
        )
    elif call.changes:
        error = call.lost("the provider's answer cannot be read")
    else:
        error = call.error(
            UnexpectedAnswer,
            "the answer is not what the provider documents. Check that HOIIO_API_URL is its API; if it is,"
            " please report this as a bug of Receiver.",
        )
    if isinstance(error, TryLater):
        after = response.headers.get("Retry-After", "")
        error.retry_after = float(after) if after.isascii() and after.isdigit() else 0.0
    raise error
