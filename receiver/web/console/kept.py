"""Documents of events: what became of them in words, and the kept ones as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, Response, abort, request, url_for

from receiver import current
from receiver.archive.documents import Item, item_json, of_events
from receiver.archive.names import file_name
from receiver.archive.states import Preview, State
from receiver.archive.store import StoreError
from receiver.models import Event
from receiver.outbound.media import BY_TYPE, GIF, JPEG, PNG, WEBP
from receiver.search.call import Call
from receiver.vocabulary.printable import size
from receiver.web.console import shown
from receiver.web.documents import kept_document, kept_preview

documents = Blueprint("documents", __name__)

MASKED = "The document would show what is masked. Turn the mask off first."
LABELS = {
    "fax_url": "Document",
    "record_url": "Recording",
    "monitor_url": "Recording of the call",
    "media": "Attachment",
}
_BROKEN = 503
_SHOWN = {media.type for media in (JPEG, PNG, GIF, WEBP)}
"""What browsers show as a picture: TIFF they do not."""


@documents.get("/events/<int:event_id>/documents/<field>")
def get(event_id: int, field: str) -> Response:
    """A document that is kept: a file to save, or the source of a player or picture. `position` says which of
    several."""
    event, item = _found(event_id, field)
    if item.state is not State.KEPT:
        abort(404, said(item))
    return answer(event, item)


@documents.get("/events/<int:event_id>/documents/<field>/preview")
def preview(event_id: int, field: str) -> Response:
    """The picture of its first page."""
    _, item = _found(event_id, field)
    if item.preview != Preview.YES:
        abort(404, "This document has no preview.")
    try:
        return kept_preview(item)
    except StoreError as error:
        abort(_BROKEN, str(error))


def _found(event_id: int, field: str) -> tuple[Event, Item]:
    if shown.masked():
        abort(403, MASKED)
    event = current.event_log().get(event_id) if event_id < 2**63 else None
    items = of_events(current.engine(), [event])[event.id] if event else ()
    wanted = (field, request.args.get("position", 0, type=int))
    item = next((item for item in items if (item.field, item.position) == wanted), None)
    if event is None or item is None:
        abort(404, "There is no such document.")
    return event, item


def answer(event: Event, item: Item) -> Response:
    """The bytes of a document that is kept."""
    try:
        return kept_document(item, file_name(event, item.field, item.media_type, item.position))
    except StoreError as error:
        abort(_BROKEN, str(error))


def of(events: Sequence[Event]) -> dict[int, dict[str, dict[str, Any]]]:
    """By event and field: what a page says of a link. Where a field holds several, it is of the first."""
    found = of_events(current.engine(), events)
    return {
        event_id: {item.field: _shown(item) for item in reversed(items)} for event_id, items in found.items()
    }


def players(call: Call, kept: Mapping[int, Mapping[str, Mapping[str, Any]]]) -> frozenset[tuple[int, str]]:
    """By event and field: where the links of a call are shown, each of them once. Of several events that name
    one it is the first whose document is kept, or else the last."""
    found: dict[str, list[tuple[int, str]]] = {}
    for event in call.events:
        for field in ("record_url", "monitor_url"):
            if link := getattr(event, field):
                found.setdefault(link, []).append((event.id, field))
    return frozenset(
        next((at for at in places if kept[at[0]].get(at[1], {}).get("kept")), places[-1])
        for places in found.values()
    )


def all_of(events: Sequence[Event]) -> dict[int, list[dict[str, Any]]]:
    """By event: what a page says of each of its links."""
    found = of_events(current.engine(), events)
    return {event_id: [_shown(item) for item in items] for event_id, items in found.items()}


def _shown(item: Item) -> dict[str, Any]:
    media = BY_TYPE.get(item.media_type or "")
    return item_json(item) | {
        "label": LABELS[item.field] + (f" {item.position + 1}" if item.position else ""),
        "said": said(item),
        "kept": item.state is State.KEPT,
        "family": media.type.partition("/")[0] if media else "",
        "picture": _picture(item),
    }


def _picture(item: Item) -> str | None:
    """Where a picture of it is that a browser shows: itself, or its first page. None if there is no such."""
    if item.state is not State.KEPT:
        return None
    of: dict[str, Any] = {"event_id": item.event_id, "field": item.field, "position": item.position}
    if item.media_type in _SHOWN:
        return url_for("console.documents.get", **of)
    return url_for("console.documents.preview", **of) if item.preview == Preview.YES else None


def said(item: Item) -> str:
    """What became of a link, in words."""
    if item.state is State.KEPT:
        media = BY_TYPE.get(item.media_type or "")
        pages = item.pages and f"{item.pages:,} page{'' if item.pages == 1 else 's'}"
        parts = (media.words if media else "", pages, size(item.size or 0))
        return f"Kept: {', '.join(part for part in parts if part)}."
    if item.state is State.LAPSED:
        return f"It was no longer available. {item.reason}"
    if item.state is State.REFUSED:
        return f"It is not kept. {item.reason}"
    return f"Not fetched yet. {item.reason}" if item.reason else "Not fetched yet."
