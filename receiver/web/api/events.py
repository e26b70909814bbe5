"""Events: pages, exports, one event with its raw request, and the live stream."""

from __future__ import annotations

from functools import partial

from flask import Response, jsonify, request

from receiver import current
from receiver.export.export import ALL_FIELDS, FieldError, export, read_fields
from receiver.search.decided import event_in_full
from receiver.search.events import DEFAULT_PAGE, LARGEST_PAGE, event_json
from receiver.search.index_lag import words_lag
from receiver.search.masking import mask_event
from receiver.vocabulary.kinds import OF_WHOLE_CALLS
from receiver.web.api.event_documents import documents_json
from receiver.web.api.event_shapes import Event, EventPage, WholeEvent
from receiver.web.api.index_lag import index_lag_json
from receiver.web.api.lists import FORMS, form_of, stream
from receiver.web.api.operation import LARGEST_ID, BadRequest, Given, operation
from receiver.web.api.parameters import (
    AFTER,
    BEFORE,
    EVENT_STREAM,
    FIELD_NAMES,
    FILTERS,
    FORMAT,
    LIMIT,
    MASK,
    NDJSON,
    SEARCH,
    search_of,
)
from receiver.web.errors import problem
from receiver.web.listener import Listening
from receiver.web.stream import Stream

NO_EVENT = "there is no event with this id"
_FORMS = FORMS | {NDJSON: f"{FORMS[NDJSON][:-1]}; params and raw only if named in `fields`."}


@operation(
    "/events",
    "Find events",
    EventPage,
    parameters=(*FILTERS, SEARCH, LIMIT, BEFORE, FIELD_NAMES, FORMAT, MASK),
    forms=_FORMS,
)
def list_events(given: Given) -> Response:
    """Newest first. Pages are stable while events arrive. With `open`, or a `state` of whole calls, a page
    may be short or empty though there are more: go on while `next` is not null. As NDJSON or CSV there are no
    pages: the answer is a stream of everything that matches, or of `limit` events."""
    wanted, mask = search_of(given), given.flag("mask")
    form = form_of(given)
    before = given.whole("before", 0, LARGEST_ID) or None
    fields = _fields(given)
    if form is not None:
        limit = given.whole("limit", 0, LARGEST_ID) or None
        found = export(
            current.engine(),
            wanted,
            form,
            fields=fields or ALL_FIELDS,
            limit=limit,
            before=before,
            mask=mask,
        )
        return stream(found, form, "events")
    page = current.event_log().find(
        wanted, before=before, limit=given.whole("limit", DEFAULT_PAGE, LARGEST_PAGE)
    )
    raw = fields is not None and "raw" in fields
    events = [event_json(event, raw=raw) for event in page.events]
    if fields is not None:
        events = [{name: event[name] for name in fields if name in event} for event in events]
    if mask:
        events = [mask_event(event) for event in events]
    lag = words_lag(current.engine(), wanted, before=before, end=page.next)
    return jsonify(
        events=events, next=None if page.next is None else str(page.next), not_indexed=index_lag_json(lag)
    )


def _fields(given: Given) -> tuple[str, ...] | None:
    try:
        return read_fields(given.words["fields"]) if "fields" in given.words else None
    except FieldError as error:
        raise BadRequest(str(error)) from None


@operation(
    "/events/stream",
    "Listen to events as they come",
    Event,
    parameters=(*FILTERS, SEARCH, AFTER, FIELD_NAMES, MASK),
    forms={
        EVENT_STREAM: "Server-sent events of type `event`, each with its id and its JSON; or of type `reset`."
    },
    only_forms=True,
)
def stream_events(given: Given) -> Response:
    """Starts with the next event, or after the one named by `after` or by a `Last-Event-ID` header, which a
    browser sends when it reconnects, so nothing is missed. If the log ends before that event, as after an
    older backup was restored, an event of type `reset` says so, and it starts as without that header. An
    event appears a few tenths of a second after its callback. A comment every few seconds shows that the
    stream is still open."""
    wanted = search_of(given)
    if wanted.state in OF_WHOLE_CALLS:
        raise BadRequest("state: whether a call was answered is only known later; leave this filter out")
    after = given.whole("after", 0, LARGEST_ID, least=0) if "after" in given.words else None
    last = _last_event_id()
    position = after if last is None else last
    if position is None:
        position = current.event_log().newest_id()
    allowed = partial(current.tokens().still_good, given.token)
    wish = Listening(wanted, position, _fields(given), given.flag("mask"), allowed, after)
    return Stream(wish)


def _last_event_id() -> int | None:
    word = request.headers.get("Last-Event-ID", "")
    if not word:
        return None
    if not (word.isascii() and word.isdigit() and len(word) < 20 and int(word) <= LARGEST_ID):
        raise BadRequest(f"Last-Event-ID: must be the id of an event, 0 to {LARGEST_ID}")
    return int(word)


@operation(
    "/events/{event_id}",
    "Show one event",
    WholeEvent,
    parameters=(MASK,),
    path_schemas={"event_id": {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}},
    missing=NO_EVENT,
)
def show_event(given: Given, event_id: int) -> Response:
    """One event with its raw request, its repeats, and what became of its documents."""
    event = current.event_log().get(event_id) if 0 < event_id <= LARGEST_ID else None
    if event is None:
        return problem(404, "not_found", NO_EVENT)
    shown = event_in_full(current.engine(), event)
    shown = mask_event(shown) if given.flag("mask") else shown
    # Nothing in these is anybody's words.
    return jsonify(shown | {"documents": documents_json(event)})
