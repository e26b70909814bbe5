"""Signatures by the Standard Webhooks specification (https://www.standardwebhooks.com), symmetric form."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable

from receiver.vocabulary.errors import OperatorError

_PREFIX = "whsec_"


class SigningSecretError(OperatorError):
    """What was given is no signing secret. The message does not hold it."""


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature` for one secret. `timestamp` is in seconds since 1970.

    Raises `SigningSecretError`.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(_key(secret), signed, 'sha256')).decode()}"


def sign_with_each(secrets: Iterable[str], message_id: str, timestamp: int, body: bytes) -> str:
    """The same for several secrets, as during a rotation: a receiver that knows one of them is content."""
    return " ".join(sign(secret, message_id, timestamp, body) for secret in secrets)


def require_secret(secret: str) -> None:
    """Raise `SigningSecretError` unless one can sign with it."""
    _key(secret)


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except ValueError:
        key = b""
    if not key or not secret.startswith(_PREFIX):
        raise SigningSecretError(f"a signing secret is {_PREFIX} and then base64")
    return key
