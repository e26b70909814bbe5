"""Notifications of our own: sent to see whether a callback would arrive."""

from __future__ import annotations

from receiver.vocabulary.kinds import EventType, Kind
from receiver.vocabulary.notification import Notification

_TEST = b"receiver_test="


def own_notification(nonce: str) -> bytes:
    """A body of our own. It holds nothing that the provider documents, so unsigned it is never taken for a
    call, and what a proxy likes to re-encode."""
    return _TEST + nonce.encode() + b"&sample=%2B6591234567+%C3%BC%20%E4%BD%A0&empty="


def is_own(body: bytes) -> bool:
    """Whether a body is one of ours, if its signature is valid: then nobody but us and the provider wrote it,
    and the provider never begins like this."""
    return body.startswith(_TEST)


def claims_own(query: bytes, body: bytes) -> bool:
    """Whether a request says that it is one of ours, in whichever part has come through whole. That is no
    proof: others can write the same."""
    return query.startswith(_TEST) or body.startswith(_TEST)


def read_own(kind: Kind) -> Notification:
    """What a test notification says."""
    return Notification(kind=kind, type=EventType.TEST, problems=(), readable=True)
