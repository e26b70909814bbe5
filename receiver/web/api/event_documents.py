"""What became of the links of an event, as JSON."""

from __future__ import annotations

from receiver import current
from receiver.archive.documents import Item, item_json, of_events
from receiver.archive.states import State
from receiver.models import Event
from receiver.search.events import iso


def documents_json(event: Event) -> list[dict[str, object]]:
    """Each link of the event, with the address of the document if it is kept."""
    return [document_json(item) for item in of_events(current.engine(), [event])[event.id]]


def document_json(item: Item) -> dict[str, object]:
    """One link, with the address of the document if it is kept."""
    address = f"/events/{item.event_id}/documents/{item.field}?position={item.position}"
    return item_json(item) | {
        "address": address if item.state is State.KEPT else None,
        "due_at": iso(item.due_at),
        "kept_at": iso(item.kept_at),
    }
