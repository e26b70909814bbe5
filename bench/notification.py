"""What a provider would say in one callback of the benches, and of what all of them talk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

FIRST_REFERENCE = 10_000_000
_SENDERS, _RECIPIENTS = 200_003, 97
_WORDS = ("please", "call", "me", "about", "order", "parcel", "invoice", "meeting", "tomorrow", "thanks")


@dataclass(frozen=True, slots=True)
class Notification:
    """What stands in the callback of one number."""

    kind: str
    """The last word of the URL."""
    ref: str
    """What becomes `txn_ref`. Callbacks of one call may share it."""
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    """What comes with it, besides the signature."""


def ends(number: int) -> tuple[str, str]:
    """The two telephone numbers of a call or a message, escaped as in a form."""
    sender, recipient = 91_000_000 + number * 7919 % _SENDERS, number % _RECIPIENTS
    return f"%2B65{sender}", f"%2B6565111{recipient:03d}"


def words(number: int) -> str:
    """The text of a message, escaped as in a form."""
    return "+".join(_WORDS[number // len(_WORDS) ** place % len(_WORDS)] for place in range(6))
