"""The message that an SMS is a part of, found from any of its parts."""

from __future__ import annotations

from receiver.models import Event
from receiver.search.conversations import ConversationLog
from receiver.search.events import EventLog
from receiver.search.messages import MOST_PARTS, Message
from receiver.search.newest_messages import TRUSTED_SMS
from receiver.search.query import Search
from receiver.vocabulary.kinds import EventType


def message_of(log: EventLog, conversations: ConversationLog, event: Event) -> Message | None:
    """The message with this event among its parts; None if the event belongs to no conversation."""
    if event.type != EventType.SMS_RECEIVED or event.quarantine is not None:
        return None
    if event.sender is None or event.recipient is None:
        return None
    same = Search(recipient=event.recipient, sender=event.sender, **TRUSTED_SMS)
    # Later parts have arrived among the next few of the same conversation.
    later = log.after(same, event.id, limit=MOST_PARTS).events
    before = (later[-1].id if later else event.id) + 1
    # Each of those may be a message of its own, and an overtaken part may belong to one before.
    found = conversations.get(event.recipient, event.sender, before=before, limit=2 * MOST_PARTS)
    messages = found.messages if found else ()
    return next((one for one in messages if event.id in {part.id for part in one.parts}), None)
