"""How callbacks are sent, and what became of each."""

from collections.abc import Mapping
from dataclasses import dataclass, field

FAILURES: Mapping[int, str] = {
    11200: "no answer in time",
    11201: "no connection in time",
    11202: "connection refused",
    11203: "not over in time",
    11205: "connection closed",
    11206: "the answer broke off or is no HTTP",
    11210: "host not found",
    11220: "no TLS",
    11237: "certificate not trusted",
    11750: "the answer is too large",
}
"""What went wrong, by Twilio's code, where the HTTP status does not say it."""


@dataclass(frozen=True)
class Manner:
    """How to send. The defaults are as documented; everything else is there to test a receiver."""

    unsigned: bool = False
    wrong_signature: bool = False
    own_key: bool = False
    """Sign with the shared key of the settings, by HMAC-SHA256."""
    duplicate: int = 1
    """How often each request is sent, with the same idempotency token."""
    extra: Mapping[str, str | None] = field(default_factory=dict)
    """Parameters to add or replace; None removes one."""


@dataclass(frozen=True)
class Delivery:
    """One sending of a request."""

    kind: str
    url: str
    method: str
    parameters: dict[str, str]
    sent_at: str
    milliseconds: int
    status: int | None
    """The HTTP status of the answer; None without an answer."""
    error: int | None
    """Twilio's code of what went wrong."""
    token: str
    """The idempotency token."""
