"""Twilio's REST API over HTTP: where it is, who asks, and its answers as JSON, page after page.

Its own library was measured and not taken: docs/dependencies.md says why.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit, urlunsplit

import requests
from requests.auth import HTTPBasicAuth

from config import TWILIO_API_URL
from receiver.providers import fields
from receiver.providers.errors import TryLater, UnexpectedAnswer
from receiver.providers.exchange import LONGEST, TIMEOUT, ApiCall, Exchange, retry_after
from receiver.providers.twilio.refusals import SETTING, refusal

_MOST_PAGES = 1000
"""Beyond that a list does not end."""
_CROWDED_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
# What is limited is the number of requests at a time: a little patience helps, if not all have the same.
_ADVICE = f"Check that {SETTING} is its API; if it is, please report this as a bug of Receiver."

Json = Mapping[str, Any]


class Product(StrEnum):
    """A part of the API. Each has a host of its own."""

    API = "api"
    PRICING = "pricing"
    MESSAGING = "messaging"
    NUMBERS = "numbers"


class Api:
    """Sends requests; returns what was answered, or raises a `ProviderError`. For one thread."""

    def __init__(
        self,
        account_sid: str,
        credentials: tuple[str, str],
        api_url: str = TWILIO_API_URL,
        *,
        timeout: tuple[float, float] = TIMEOUT,
        longest: float = LONGEST,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`credentials` are the account's SID and token, or those of an API key."""
        self._url = api_url.rstrip("/")
        self._auth = HTTPBasicAuth(*(text.encode() for text in credentials))
        self._account = f"/2010-04-01/Accounts/{quote(account_sid, safe='')}"
        self._exchange = Exchange(
            timeout=timeout,
            longest=longest,
            crowded_pauses=[pause * random.uniform(0.5, 1.0) for pause in _CROWDED_PAUSES],
            sleep=sleep,
            clock=clock,
        )

    def __repr__(self) -> str:
        return f"<Api at {self._url}>"

    def account_path(self, rest: str) -> str:
        """The path of something that belongs to the account."""
        return f"{self._account}/{rest}"

    def read(
        self, call: ApiCall, product: Product, path: str, parameters: Mapping[str, str] | None = None
    ) -> Json:
        """One answer. Failures are repeated."""
        query = f"?{urlencode(parameters)}" if parameters else ""
        return self._ask(call, "GET", f"{self._base(product)}{path}{query}")

    def change(self, call: ApiCall, path: str, parameters: Mapping[str, str]) -> Json:
        """Changes or buys something. Sent once, unless Twilio says that it was too busy to do anything."""
        return self._ask(call, "POST", self._base(Product.API) + self.account_path(path), parameters)

    def every_page(
        self, call: ApiCall, product: Product, path: str, parameters: Mapping[str, str] | None = None
    ) -> Iterator[Json]:
        """A list by the page, as the links in it lead; the next one is asked for when it is taken."""
        page = self.read(call, product, path, parameters)
        seen = {path}
        for _ in range(_MOST_PAGES):
            yield page
            link = _next_link(page)
            if not link:
                return
            url = self._followed(call, product, link)
            if url in seen:
                break
            seen.add(url)
            page = self._ask(call, "GET", url)
        raise call.error(UnexpectedAnswer, f"the provider's list does not end. {_ADVICE}")

    @property
    def _is_twilio(self) -> bool:
        host = urlsplit(self._url).hostname or ""
        return host.startswith("api.") and host.endswith(".twilio.com")

    def _base(self, product: Product) -> str:
        if product is Product.API or not self._is_twilio:
            return self._url  # somebody else's, which stands for all of them
        parts = urlsplit(self._url)
        return f"{parts.scheme}://{product}.{parts.netloc.partition('.')[2]}"

    def _followed(self, call: ApiCall, product: Product, link: str) -> str:
        """Where a link leads, if to the same host: the request holds the credentials."""
        base = self._base(product)
        try:
            url = urljoin(f"{base}/", link)
            if self._is_twilio and _origin(url) == _origin(f"https://{product}.twilio.com"):
                # Whole links may leave out the region that was asked.
                url = base + urlunsplit(("", "", *urlsplit(url)[2:]))
            away = _origin(url) != _origin(base)
        except ValueError:
            away = True
        if away:
            raise call.error(
                UnexpectedAnswer,
                f"the next page is said to be on another host, which is not followed. {_ADVICE}",
            )
        return url

    def _ask(self, call: ApiCall, method: str, url: str, parameters: Mapping[str, str] | None = None) -> Json:
        return self._exchange.repeated(
            call, lambda: _understood(call, *self._exchange.send(call, method, url, parameters, self._auth))
        )


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _next_link(page: Json) -> str:
    meta = page.get("meta")
    return fields.text(page, "next_page_uri") or (
        fields.text(meta, "next_page_url") if isinstance(meta, dict) else ""
    )


def _understood(call: ApiCall, response: requests.Response, content: bytes) -> Json:
    """The answer, if it is a success."""
    try:
        answer = json.loads(content.decode("utf-8-sig"), parse_float=Decimal)
    except (ValueError, RecursionError):
        answer = None
    if 200 <= response.status_code < 300:
        if isinstance(answer, dict):
            return answer
        if call.changes:
            raise call.lost("the provider's answer cannot be read")
        raise call.error(UnexpectedAnswer, f"the answer is not what the provider documents. {_ADVICE}")
    error = refusal(call, response.status_code, answer if isinstance(answer, dict) else None)
    if isinstance(error, TryLater):
        error.retry_after = retry_after(response)
    raise error
