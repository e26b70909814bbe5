"""The signature of a callback, and the URL that it is over."""

import base64
import hmac
from collections.abc import Iterable
from urllib.parse import urlsplit, urlunsplit

HEADER = "X-Twilio-Signature"
SETTINGS_HEADER = "X-Twilio-Webhooks-Signature-Settings"
"""Sent with a shared key only; says which, and the algorithm."""
SHARED_KEY = "sim-key"
"""The name of the shared key."""


def signature(url: str, parameters: Iterable[tuple[str, str]], key: str, algorithm: str = "sha1") -> str:
    """Base64 of the HMAC over the URL and every name and value of the form.

    Sorted by name, bytewise; of a name that is repeated, distinct values, sorted too.
    """
    signed = url + "".join(name + value for name, value in sorted(set(parameters)))
    return base64.b64encode(hmac.new(key.encode(), signed.encode(), algorithm).digest()).decode()


def signed_url(url: str, *, voice: bool) -> str:
    """What is signed of a URL: no fragment, no user; for voice over https no port either."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    if voice and parts.scheme == "https" and parts.port:
        host = host.rpartition(":")[0]
    return urlunsplit(parts._replace(netloc=host, fragment=""))
