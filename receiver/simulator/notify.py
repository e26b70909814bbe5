"""Sending notifications: where parameters travel, the signature, what came back (protocol: delivery)."""

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import requests

SIGNATURE_HEADER = "X-Hoiio-Signature"

Placement = Literal["body", "query", "both"]


@dataclass(frozen=True)
class Manner:
    """How to send. The defaults are what the documents say; the rest is for trying a receiver's patience."""

    parameters: Placement = "body"
    duplicate: int = 1
    """How often each notification is sent."""
    delay: float = 0.0
    """Seconds by which it leaves late."""
    unsigned: bool = False
    wrong_signature: bool = False
    extra: Mapping[str, str | None] = field(default_factory=dict)
    """Parameters to add or to replace; None takes one away."""


@dataclass(frozen=True)
class Delivery:
    """One notification sent once."""

    kind: str
    url: str
    parameters: dict[str, str]
    sent_at: str
    milliseconds: int
    status: int | None
    """The HTTP status answered; none if there was no answer."""
    error: str | None


@dataclass(frozen=True)
class _Message:
    url: str
    parameters: dict[str, str]
    body: bytes


def signature(token: str, body: bytes) -> str:
    """What the provider puts into its signature header (protocol: signature)."""
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
    """Send one notification, as often as the manner says, and tell what each sending met.

    Never raises for what the receiving end does, and never sends again because of it (protocol: delivery).
    """
    message = _compose(url, parameters, manner)
    return [_send(kind, message, manner, token, timeout) for _ in range(manner.duplicate)]


def _compose(url: str, parameters: Mapping[str, str], manner: Manner) -> _Message:
    """Merge in what the notify URL carries (protocol: pass-through parameters) and what the manner adds.

    The URL keeps its query and the body gets a copy; where names collide the provider's value wins.
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
    status, error = None, None
    sent_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    started = time.monotonic()
    try:
        with requests.Session() as session:
            # A proxy meant for the machine's own browsing must not come between two local programs.
            session.trust_env = False
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
        error = f"no answer within {timeout:g} seconds"
    except requests.ConnectionError:
        error = "could not connect, or the connection was closed without an answer"
    except requests.RequestException as problem:
        error = str(problem)
    return Delivery(
        kind=kind,
        url=message.url,
        parameters=message.parameters,
        sent_at=sent_at,
        milliseconds=round((time.monotonic() - started) * 1000),
        status=status,
        error=error,
    )
