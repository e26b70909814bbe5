"""How callbacks are sent, and what became of each."""

from collections.abc import Mapping
from dataclasses import dataclass

from receiver.simulator import manner, outcome

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
class Manner(manner.Manner):
    """How to send. A request that is repeated keeps its idempotency token."""

    own_key: bool = False
    """Sign with the shared key of the settings, by HMAC-SHA256."""


@dataclass(frozen=True, kw_only=True)
class Delivery(outcome.Delivery):
    """One sending of a request; an error is Twilio's code."""

    method: str
    token: str
    """The idempotency token."""
