"""Sending notifications: where the parameters go, the signature, the answer (protocol: delivery)."""

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import requests
from urllib3.exceptions import HTTPError

from receiver.simulator import manner
from receiver.simulator.outcome import Delivery
from receiver.simulator.session import Session

SIGNATURE_HEADER = "X-Hoiio-Signature"

Placement = Literal["body", "query", "both"]


@dataclass(frozen=True)
class Manner(manner.Manner):
    """How to send."""

    parameters: Placement = "body"
    delay: float = 0.0
    """Seconds to wait before sending."""


@dataclass(frozen=True)
class _Message:
    url: str
    parameters: dict[str, str]
    body: bytes


def signature(token: str, body: bytes) -> str:
    """The value of the provider's signature header (protocol: signature)."""
    return hmac.new(token.encode(), body, hashlib.sha256).hexdigest()


def deliver(
    kind: str,
    url: str,
    parameters: Mapping[str, str],
    manner: Manner,
    *,
    token: str,
    timeout: float,
) -> list[Delivery]:
    """Send a notification as often as the manner says, and return the result of each sending.

    Whatever the receiving end does, this neither raises nor sends again (protocol: delivery).
    """
    message = _compose(url, parameters, manner)
    return [_send(kind, message, manner, token, timeout) for _ in range(manner.duplicate)]


def _compose(url: str, parameters: Mapping[str, str], manner: Manner) -> _Message:
    """Add the parameters of the notify URL (protocol: pass-through parameters) and those of the manner.

    The URL keeps its query, and the body gets a copy. If names collide, the provider's value wins.
    """
    parts = urlsplit(url)
    passed_through = dict(parse_qsl(parts.query, keep_blank_values=True))
    own = {**parameters, **manner.extra}
    merged = {name: value for name, value in (passed_through | own).items() if value is not None}
    encoded = urlencode(merged)
    if manner.parameters != "body":
        url = urlunsplit(parts._replace(query=encoded))
    body = b"" if manner.parameters == "query" else encoded.encode()
    return _Message(url, merged, body)


def _send(kind: str, message: _Message, manner: Manner, token: str, timeout: float) -> Delivery:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "hoiio-simulator"}
    if not manner.unsigned:
        key = token + "-but-not-this-one" if manner.wrong_signature else token
        headers[SIGNATURE_HEADER] = signature(key, message.body)
    status, error, late = None, None, f"no answer within {timeout:g} seconds"
    sent_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    started = time.monotonic()
    try:
        with Session() as session, session.until(started + timeout):
            response = session.post(
                message.url,
                data=message.body,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
                stream=True,  # the answer's body is ignored
            )
            status = response.status_code
            response.close()
    except requests.Timeout:
        error = late
    except requests.ConnectionError:
        error = "could not connect, or the connection was closed without an answer"
    except (requests.RequestException, HTTPError, UnicodeError):  # the last two of odd URLs
        error = "the URL cannot be called"
    if time.monotonic() - started >= timeout:  # the connection was cut, which looks like any other end
        status, error = None, late
    return Delivery(
        kind=kind,
        url=message.url,
        parameters=message.parameters,
        sent_at=sent_at,
        milliseconds=round((time.monotonic() - started) * 1000),
        status=status,
        error=error,
    )
