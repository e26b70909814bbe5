"""Documents of events: what became of each link, the document itself, and a picture of its first page."""

from __future__ import annotations

from flask import Response

from receiver import current
from receiver.archive import documents
from receiver.archive.documents import Item, of_events
from receiver.archive.links import LINKS
from receiver.archive.names import file_name
from receiver.archive.states import Preview, State
from receiver.archive.store import StoreError
from receiver.models import Event
from receiver.outbound.media import BY_TYPE
from receiver.web.api import document_shapes
from receiver.web.api.event_documents import document_json, documents_json
from receiver.web.api.events import NO_EVENT
from receiver.web.api.lists import FORMS, Document, columns_of, paged, whole
from receiver.web.api.operation import LARGEST_ID, Given, Parameter, operation
from receiver.web.api.parameters import BEFORE, FORMAT, LIMIT
from receiver.web.documents import kept_document, kept_preview
from receiver.web.errors import problem

_NOT_KEPT = "there is no such event, it has no such link, or the document is not kept: see its documents"
_NO_PREVIEW = "there is no such event, it has no such link, or its document has no preview"
_ID = {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}
_POSITION = Parameter(
    "position",
    "Which of several files in the field, from 0.",
    {"type": "integer", "minimum": 0, "maximum": LARGEST_ID},
)
_FIELD = {"type": "string", "enum": list(LINKS)}


@operation(
    "/documents",
    "List documents",
    document_shapes.DocumentPage,
    parameters=(
        Parameter("state", "Only in this state.", {"type": "string", "enum": [*State]}),
        LIMIT,
        BEFORE,
        FORMAT,
    ),
    forms=FORMS,
)
def list_all_documents(given: Given) -> Response:
    """Links of events, those of the newest first, and what became of each. The links of one event are on one
    page, even if there are more than `limit`."""
    state = State(given.choice("state", [*State], "")) if "state" in given.words else None

    def find(below: int | None, limit: int) -> tuple[list[Document], int | None]:
        page = documents.find(current.engine(), state=state, before=below, limit=limit)
        return [document_json(item) for item in page.items], page.next

    before = given.whole("before", 0, LARGEST_ID) or None
    return paged(given, "documents", find, before, columns_of(document_shapes.EventDocument))


@operation(
    "/events/{event_id}/documents",
    "List the documents of an event",
    document_shapes.EventDocuments,
    parameters=(FORMAT,),
    forms=FORMS,
    path_schemas={"event_id": _ID},
    missing=NO_EVENT,
)
def list_documents(given: Given, event_id: int) -> Response:
    """Each link of the event and what became of it. Documents are fetched within seconds after the event
    came, because their links lapse."""
    event = _event(event_id)
    if event is None:
        return problem(404, "not_found", NO_EVENT)
    return whole(given, "documents", documents_json(event), columns_of(document_shapes.EventDocument))


@operation(
    "/events/{event_id}/documents/{field}",
    "Get a document",
    document_shapes.DocumentFile,
    forms={media.type: f"The document, if it is {media.words}." for media in BY_TYPE.values()},
    only_forms=True,
    partial=True,
    parameters=(_POSITION,),
    path_schemas={"event_id": _ID, "field": _FIELD},
    missing=_NOT_KEPT,
)
def get_document(given: Given, event_id: int, field: str) -> Response:
    """The document behind a link, as it came, if it is kept. `Range` asks for a part of it."""
    event = _event(event_id)
    item = _item(event, given, field)
    if event is None or item is None or item.state is not State.KEPT:
        return problem(404, "not_found", _NOT_KEPT)
    name = file_name(event, item.field, item.media_type, item.position)
    try:
        return kept_document(item, name)
    except StoreError as error:
        return problem(503, "unavailable", str(error))


@operation(
    "/events/{event_id}/documents/{field}/preview",
    "Get the picture of a document's first page",
    document_shapes.DocumentFile,
    parameters=(_POSITION,),
    forms={"image/png": "At most 800 pixels wide."},
    only_forms=True,
    path_schemas={"event_id": _ID, "field": _FIELD},
    missing=_NO_PREVIEW,
)
def get_preview(given: Given, event_id: int, field: str) -> Response:
    """The first page of a fax, or of another document."""
    item = _item(_event(event_id), given, field)
    if item is None or item.preview != Preview.YES:
        return problem(404, "not_found", _NO_PREVIEW)
    try:
        return kept_preview(item)
    except StoreError as error:
        return problem(503, "unavailable", str(error))


def _event(event_id: int) -> Event | None:
    return current.event_log().get(event_id) if 0 < event_id <= LARGEST_ID else None


def _item(event: Event | None, given: Given, field: str) -> Item | None:
    wanted = (field, given.whole("position", 0, LARGEST_ID, least=0))
    items = of_events(current.engine(), [event])[event.id] if event is not None else ()
    return next((item for item in items if (item.field, item.position) == wanted), None)
