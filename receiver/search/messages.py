"""Messages as they were written, joined from the parts in which they arrived.

A provider may cut a long text into parts without saying which part one is, or of what. Parts are joined when
they plainly belong together, and the result says that it was joined by us.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise, zip_longest
from typing import Any

from receiver.models import Event
from receiver.providers.registry import PROVIDERS
from receiver.search.events import iso
from receiver.vocabulary.linked import linked_json

TOGETHER = timedelta(seconds=10)
"""The longest time between two parts of one message."""
MOST_PARTS = 20
GAP = " […] "
"""What stands in a text where a part seems to be missing."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it was written; `parts` are its events, several if it was `joined` by us."""

    text: str
    parts: tuple[Event, ...]
    gap: bool = False
    """Whether a part seems to be missing."""

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
        "gap": message.gap,
        "sent_at": iso(message.at),
        "received_at": iso(max(part.received_at for part in message.parts)),
        "cost": None if message.cost is None else f"{message.cost:f}",
        "currency": next((part.currency for part in message.parts if part.currency), None),
        "parts": [
            {
                "id": part.id,
                "text": part.text,
                "txn_ref": part.txn_ref,
                "media": linked_json(part.media),
            }
            for part in message.parts
        ],
    }


Present = Callable[[str, Sequence[str]], Collection[str]]
"""Which of these references of a provider are in the log."""


def join_parts(events: Sequence[Event], present: Present = lambda _, __: ()) -> list[Message]:
    """The messages that these events of one conversation make, newest first.

    References that are missing between two parts are looked for by `present`: what is nowhere in the log may
    have been a part.
    """
    groups: list[list[Event]] = []
    for event in sorted(events, key=_sent):
        if groups and len(groups[-1]) < MOST_PARTS and _goes_on(groups[-1], event):
            groups[-1].append(event)
        else:
            groups.append([event])
    apart = [part for group in _unmixed(groups) for part in group]
    messages = [_message(group, present) for group in apart]
    return sorted(messages, key=lambda message: message.id, reverse=True)


def _goes_on(group: Sequence[Event], event: Event) -> bool:
    """Whether the event may be the next part: all before it are full, at the same length."""
    last, provider = group[-1], PROVIDERS[event.provider]
    limits = frozenset.intersection(*(provider.filled(part.text or "") for part in group))
    return (
        last.provider == event.provider
        and any(0 < len(event.text or "") <= limit for limit in limits)
        and (not (own := provider.filled(event.text or "")) or bool(own & limits))
        and _together(last, event)
    )


def _together(part: Event, event: Event) -> bool:
    return (
        abs(_time(event) - _time(part)) <= TOGETHER and abs(event.received_at - part.received_at) <= TOGETHER
    )


def _unmixed(groups: Sequence[list[Event]]) -> Iterator[list[list[Event]]]:
    """Each group or, if it may be made of two messages that overtook each other, its events one by one.

    Several full parts and an end, and then another end at once: nobody can tell which part is whose.
    """
    for group, after in zip_longest(groups, groups[1:]):
        full = sum(bool(PROVIDERS[part.provider].filled(part.text or "")) for part in group)
        another_end = after is not None and len(after) == 1 and _together(group[-1], after[0])
        mixed = 1 < full < len(group) and another_end
        yield [[part] for part in group] if mixed else [group]


def _message(group: Sequence[Event], present: Present) -> Message:
    text, gap = group[0].text or "", False
    for part, event in pairwise(group):
        between = _between(part, event)
        missing = bool(between) and not set(between) <= set(present(part.provider, between))
        gap |= missing
        text += (GAP if missing else "") + (event.text or "")
    return Message(text, tuple(group), gap)


def _between(part: Event, event: Event) -> list[str]:
    """The references that the provider gave between those of two parts, if it counts them."""
    provider, first = PROVIDERS[part.provider], part.txn_ref or ""
    (name, low), (of, high) = provider.order(first), provider.order(event.txn_ref or "")
    if name != of or not name or not 1 < high - low <= MOST_PARTS:
        return []
    width = len(first) - len(name)
    return [f"{name}{number:0{width}d}" for number in range(low + 1, high)]


def _sent(event: Event) -> tuple[datetime, str, int, int]:
    # Dates may have whole seconds only, so parts that overtook each other on the way are put in order by
    # their references.
    return _time(event), *PROVIDERS[event.provider].order(event.txn_ref or ""), event.id


def _time(event: Event) -> datetime:
    return event.occurred_at or event.received_at
