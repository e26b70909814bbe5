"""Messages as they were written, joined from the parts in which they arrived.

A provider may cut a long text into parts without saying which part one is, or of what. Parts are joined when
they plainly belong together, and the result says that it was joined by us.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from receiver.models import Event
from receiver.providers.registry import PROVIDERS
from receiver.search.events import iso

TOGETHER = timedelta(seconds=10)
"""The longest time between two parts of one message."""
MOST_PARTS = 20


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it was written; `parts` are its events, several if it was `joined` by us."""

    text: str
    parts: tuple[Event, ...]

    @property
    def joined(self) -> bool:
        return len(self.parts) > 1

    @property
    def id(self) -> int:
        """The id of the newest part, by which messages are ordered."""
        return max(part.id for part in self.parts)

    @property
    def at(self) -> datetime:
        """When it was sent, by the provider's date; if that is missing, when it was received."""
        return self.parts[0].occurred_at or self.parts[0].received_at

    @property
    def cost(self) -> Decimal | None:
        """The sum of the parts, each of which is charged."""
        amounts = [part.debit for part in self.parts if part.debit is not None]
        return sum(amounts, Decimal()) if amounts else None


def message_json(message: Message) -> dict[str, Any]:
    """The form of a message in the API and on the command line."""
    return {
        "id": message.id,
        "text": message.text,
        "joined": message.joined,
        "sent_at": iso(message.at),
        "received_at": iso(max(part.received_at for part in message.parts)),
        "cost": None if message.cost is None else f"{message.cost:f}",
        "currency": next((part.currency for part in message.parts if part.currency), None),
        "parts": [{"id": part.id, "text": part.text, "txn_ref": part.txn_ref} for part in message.parts],
    }


def join_parts(events: Sequence[Event]) -> list[Message]:
    """The messages that these events of one conversation make, newest first."""
    groups: list[list[Event]] = []
    for event in sorted(events, key=_sent):
        if groups and len(groups[-1]) < MOST_PARTS and _goes_on(groups[-1][-1], event):
            groups[-1].append(event)
        else:
            groups.append([event])
    messages = [Message("".join(part.text or "" for part in group), tuple(group)) for group in groups]
    return sorted(messages, key=lambda message: message.id, reverse=True)


def _goes_on(part: Event, event: Event) -> bool:
    full = PROVIDERS[part.provider].part_length
    return (
        full is not None
        and part.provider == event.provider
        and len(part.text or "") == full
        and 0 < len(event.text or "") <= full
        and abs(_time(event) - _time(part)) <= TOGETHER
        and abs(event.received_at - part.received_at) <= TOGETHER
    )


def _sent(event: Event) -> tuple[datetime, str, int, int]:
    # Dates may have whole seconds only, so parts that overtook each other on the way are put in order by
    # their references.
    return _time(event), *PROVIDERS[event.provider].order(event.txn_ref or ""), event.id


def _time(event: Event) -> datetime:
    return event.occurred_at or event.received_at
