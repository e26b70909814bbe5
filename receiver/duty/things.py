"""What people on duty deal with, and by what it is known. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from receiver.models import Event
from receiver.vocabulary.kinds import EventType, Kind


class Thing(StrEnum):
    """What can be handled, and noted about."""

    CALL = "call"
    FAX = "fax"
    CONVERSATION = "conversation"


@dataclass(frozen=True, slots=True)
class Item:
    """One of them. A conversation is meant up to the event with the id `up_to`."""

    thing: Thing
    key: str
    sender: str | None = None
    up_to: int | None = None

    @property
    def place(self) -> tuple[Thing, str]:
        """What it is known by."""
        return self.thing, self.key


def call(session: str) -> Item:
    return Item(Thing.CALL, session)


def fax(event_id: int) -> Item:
    return Item(Thing.FAX, str(event_id))


def conversation(number: str, sender: str, up_to: int) -> Item:
    return Item(Thing.CONVERSATION, f"{number}/{sender}", sender, up_to)


def item_of(event: Event) -> Item | None:
    """What a trusted event belongs to; None for one that nobody has to deal with."""
    if event.quarantine is not None or event.type == EventType.TEST:
        return None
    if event.kind == Kind.VOICE:
        return call(event.session) if event.session else None
    if event.kind == Kind.FAX:
        return fax(event.id)
    if event.type != EventType.SMS_RECEIVED or not (event.sender and event.recipient):
        return None
    return conversation(event.recipient, event.sender, event.id)
