"""The provider's answer: whether it is a success, and which error it is otherwise."""

from __future__ import annotations

import json
from decimal import Decimal
from http import HTTPStatus
from typing import Any

import requests

from receiver.providers.errors import TryLater, UnexpectedAnswer, WrongConfiguration
from receiver.providers.exchange import ApiCall, Nature, retry_after
from receiver.providers.hoiio.statuses import error_for

_SUCCESS = "success_ok"


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
    elif code == HTTPStatus.TOO_MANY_REQUESTS and call.nature is Nature.SPEND:
        # Not in Hoiio's words, so perhaps not Hoiio's: whether something was paid is not certain.
        error = call.lost("something on the way refuses more requests (HTTP 429)")
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
            f"what answers at HOIIO_API_URL is not the provider's API (HTTP {code}). Check the address:"
            " Hoiio's own ends in /open/.",
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
        error.retry_after = retry_after(response)
    raise error
