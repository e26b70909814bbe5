"""Requests to a customer's URLs: signature, time limits, retries, redirects, and what counts as failure."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import urldefrag, urlencode, urlsplit

import requests
from urllib3.exceptions import HTTPError

from receiver.simulator.session import Session
from receiver.simulator.urls import resolved, usable

from .causes import BAD_URL, cause
from .deliveries import Delivery, Manner
from .overrides import BAD_VALUE, BadOverrides, Overrides, overrides
from .settings import Settings
from .signature import HEADER, SETTINGS_HEADER, SHARED_KEY, signature, signed_url

TOTAL_SECONDS = 15.0
"""No request takes longer than this, whatever the URL says."""

_REDIRECTS = 10
_BECOME_GET = (301, 302, 303)
_LARGEST = 1 << 20


@dataclass(frozen=True)
class Reply:
    """What a URL answered, or Twilio's code of what went wrong."""

    url: str
    method: str
    parameters: dict[str, str]
    error: int | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    failure: str = ""
    """The sort of failure, in the words of `rp`; others are retried by `all` alone."""

    @property
    def content_type(self) -> str:
        """The type of the answer, without its parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True)
class _Attempt:
    """What all sendings of a request have in common."""

    kind: str
    token: str
    limits: Overrides
    deadline: float


@dataclass
class Line:
    """Sends the requests of one call or message. It keeps cookies between them, as Twilio does."""

    settings: Settings
    manner: Manner
    voice: bool
    deliveries: list[Delivery] = field(default_factory=list)
    session: Session = field(default_factory=Session)
    not_sent: str | None = None
    """Why a request could not even be tried, for a person."""

    def request(self, kind: str, url: str, method: str, parameters: Mapping[str, str]) -> Reply:
        """Call a URL as its fragment asks, as often as the manner says; returns the last answer."""
        merged = {**parameters, **self.manner.extra}
        form = {name: value for name, value in merged.items() if value is not None}
        asked = Reply(url, method, form)
        if not usable(url):
            return self._refused(asked, BAD_URL)
        try:
            limits = overrides(url)
        except BadOverrides:
            return self._refused(asked, BAD_VALUE)
        token = str(uuid.uuid4())
        for _ in range(self.manner.duplicate):
            deadline = time.monotonic() + min(limits.tt / 1000, TOTAL_SECONDS)
            reply = self._tried(asked, _Attempt(kind, token, limits, deadline))
        return reply

    def _refused(self, asked: Reply, code: int) -> Reply:
        self.not_sent = f"the URL cannot be called as it is (error {code})"
        return replace(asked, error=code)

    def _tried(self, asked: Reply, attempt: _Attempt) -> Reply:
        limits = attempt.limits
        for retry in range(limits.rc + 1):
            reply = self._followed(asked, attempt)
            last = retry == limits.rc or time.monotonic() >= attempt.deadline
            if reply.error is None or last or not limits.retries(reply.failure):
                break
        return reply

    def _followed(self, asked: Reply, attempt: _Attempt) -> Reply:
        """One attempt, with its redirects."""
        for _ in range(_REDIRECTS + 1):
            reply = self._sent(asked, attempt)
            if reply.status is None or not 300 <= reply.status < 400:
                return reply
            location = reply.headers.get("Location", "")
            url = resolved(asked.url, location)
            if not location or not usable(url):
                return replace(reply, error=11216)
            # Without the parameters, as documented.
            asked = Reply(url, "GET", {}) if reply.status in _BECOME_GET else replace(asked, url=url)
        return replace(reply, error=11215)

    def _sent(self, asked: Reply, attempt: _Attempt) -> Reply:
        target, body = urldefrag(asked.url).url, None
        if asked.method == "POST":
            body = urlencode(asked.parameters).encode()
        elif asked.parameters:
            target += ("&" if urlsplit(target).query else "?") + urlencode(asked.parameters)
        sent_at, started = datetime.now(UTC).isoformat(timespec="milliseconds"), time.monotonic()
        reply = self._exchanged(asked, target, body, attempt)
        self.deliveries.append(
            Delivery(
                kind=attempt.kind,
                url=target,
                method=asked.method,
                parameters=asked.parameters,
                sent_at=sent_at,
                milliseconds=round((time.monotonic() - started) * 1000),
                status=reply.status,
                error=reply.error,
                token=attempt.token,
            )
        )
        return reply

    def _exchanged(self, asked: Reply, target: str, body: bytes | None, attempt: _Attempt) -> Reply:
        left, limits = attempt.deadline - time.monotonic(), attempt.limits
        if left <= 0:
            return replace(asked, error=11203, failure="tt")
        try:
            with (
                self.session.until(attempt.deadline),
                self.session.request(
                    asked.method,
                    target,
                    data=body,
                    headers=self._headers(
                        target, asked.parameters if body is not None else {}, attempt.token
                    ),
                    timeout=(min(limits.ct / 1000, left), limits.rt / 1000),
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                asked = replace(asked, status=response.status_code, headers=response.headers)
                for part in response.iter_content(8192):
                    asked = replace(asked, body=asked.body + part)
                    if len(asked.body) > _LARGEST:
                        return replace(asked, error=11750, failure="partial")
        except (requests.RequestException, HTTPError, UnicodeError) as problem:  # the last two of odd URLs
            error, failure = cause(problem) if asked.status is None else (11206, "partial")
            asked = replace(asked, error=error, failure=failure)
        if time.monotonic() >= attempt.deadline:  # the connection was cut, which looks like any other end
            return replace(asked, error=11203, failure="tt" if asked.status is None else "partial")
        if asked.error:
            return asked
        if asked.status and asked.status >= 400:
            return replace(asked, error=11217, failure=f"{asked.status // 100}xx")
        return asked

    def _headers(self, target: str, form: Mapping[str, str], token: str) -> dict[str, str]:
        headers = {
            "User-Agent": "TwilioProxy/1.1",
            "Accept": "*/*",
            "X-Home-Region": "us1",
            "I-Twilio-Idempotency-Token": token,
        }
        if form:
            headers["Content-Type"] = "application/x-www-form-urlencoded; charset=UTF-8"
        if self.manner.unsigned:
            return headers
        key, algorithm = self.settings.auth_token, "sha1"
        if self.manner.own_key:
            key, algorithm = self.settings.shared_key, "sha256"
            headers[SETTINGS_HEADER] = f"key={SHARED_KEY},algorithm=HMAC_SHA256"
        if self.manner.wrong_signature:
            key += "-but-not-this-one"
        url = signed_url(target, voice=self.voice)
        return headers | {HEADER: signature(url, form.items(), key, algorithm)}
