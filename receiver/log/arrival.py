"""A callback that reached us, and the row it becomes. Pure: no I/O but the clock of `Arrival.now`."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from receiver.hoiio.notifications import Kind, Notification, Parameters, read_notification, read_parameters
from receiver.hoiio.signature import Verdict

SAME_MOMENT = 10
"""Seconds within which equal content without a `txn_ref` counts as the same notification."""

KEPT_HEADERS = (
    "Host",
    "User-Agent",
    "Content-Type",
    "Content-Encoding",
    "Date",
    "X-Hoiio-Signature",
    "X-Request-Id",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Real-Ip",
    "Forwarded",
    "Via",
)
"""Everything that helps to explain a callback; never a cookie or an authorization."""

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Arrival:
    """The raw callback, byte for byte, with what was decided about it on the way in."""

    id: str
    kind: Kind
    received_at: datetime
    method: str
    query: bytes
    headers: bytes
    body: bytes
    peer: str
    content_type: str
    signature: Verdict
    distrust: str | None
    """Why the signature policy does not trust it; None when it does."""

    @staticmethod
    def new_id() -> str:
        """A mark no other arrival has."""
        return secrets.token_hex(8)

    @staticmethod
    def now() -> datetime:
        return datetime.now(UTC)


def event_row(arrival: Arrival) -> Row:
    """Everything the log keeps of it, by column of `events`."""
    parameters = read_parameters(arrival.query, arrival.body, arrival.content_type)
    notification = read_notification(arrival.kind, parameters)
    quarantine = arrival.distrust
    if quarantine is None and not notification.readable:
        quarantine = "unreadable"
    return {
        "identity": identity_of(notification, parameters, arrival.received_at, quarantine),
        "arrival": arrival.id,
        "received_at": arrival.received_at,
        "signature": arrival.signature.value,
        "quarantine": quarantine,
        "repeats": 0,
        "problems": notification.problems,
        "method": arrival.method,
        "query_string": arrival.query,
        "headers": arrival.headers,
        "body": arrival.body,
        "peer": arrival.peer,
        "kind": notification.kind.value,
        "type": notification.type.value,
        **{field: getattr(notification, field) for field in _SHARED},
    }


def identity_of(
    notification: Notification, parameters: Parameters, received_at: datetime, quarantine: str | None
) -> str:
    """What makes two notifications the same: kind, `txn_ref` and all they report.

    All, not only block and state: two menus of one call differ in nothing but the digits. A quarantined
    copy never takes the place of a trusted one. It begins with the `txn_ref`, which the provider counts up,
    so that a long log's index grows at its end instead of all over.
    """
    content = json.dumps(parameters.params, sort_keys=True, ensure_ascii=True).encode()
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    trust = "" if quarantine is None else "/quarantined"
    if notification.txn_ref:
        return f"{notification.txn_ref[:64]}/{notification.kind}/{digest}{trust}"
    moment = int(received_at.timestamp()) // SAME_MOMENT
    return f"-/{notification.kind}/{digest}/{moment}{trust}"


_SHARED = (
    "txn_ref",
    "session",
    "sender",
    "recipient",
    "text",
    "occurred_at",
    "tag",
    "ivr_block",
    "call_state",
    "digits",
    "dest",
    "dial_status",
    "transfer_status",
    "record_url",
    "monitor_url",
    "fax_status",
    "fax_url",
    "fax_error_code",
    "duration",
    "currency",
    "rate",
    "debit",
)
"""Fields that a notification and an event call by the same name."""
