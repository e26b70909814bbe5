"""How callbacks are sent, and what became of each."""

from collections.abc import Mapping
from dataclasses import dataclass, field


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
