"""Calls and conversations: events put together as people think of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Response, jsonify

from receiver import current
from receiver.search.call import call_json
from receiver.search.conversations import conversation_json
from receiver.search.cursor import Cursor
from receiver.search.decided import call_in_full, conversation_in_full, decided_of
from receiver.search.events import DEFAULT_PAGE, LARGEST_PAGE
from receiver.search.index_lag import conversations_lag, words_lag
from receiver.search.masking import mask_event
from receiver.web.api import call_shapes
from receiver.web.api.index_lag import index_lag_json
from receiver.web.api.lists import FORMS, Document, columns_of, paged
from receiver.web.api.operation import LARGEST_ID, Given, operation
from receiver.web.api.parameters import (
    BEFORE,
    CURSOR,
    FILTERS,
    FORMAT,
    LIMIT,
    MASK,
    OUTCOME,
    PAGE_LIMIT,
    SEARCH,
    cursor_of,
    search_of,
)
from receiver.web.errors import problem

NO_CALL = "there is no call with this session"
NO_CONVERSATION = "this sender never wrote to this number"


@operation(
    "/calls",
    "Find calls",
    call_shapes.CallPage,
    parameters=(*FILTERS, OUTCOME, SEARCH, LIMIT, BEFORE, FORMAT, MASK),
    forms=FORMS,
)
def list_calls(given: Given) -> Response:
    """Calls with an event that matches, newest first, each complete and in the order of what happened. With
    `outcome`, `open`, or a `state` of whole calls, a page may be short or empty though there are more: go on
    while `next` is not null."""
    wanted, before, engine = search_of(given, calls=True), _before(given), current.engine()
    masked, log = _mask(given), current.calls()

    def find(below: int | None, limit: int) -> tuple[list[Document], int | None]:
        page = log.find(wanted, before=below, limit=limit)
        return [masked(call_json(call)) for call in page.calls], page.next

    def lag(following: int | None) -> Document:
        found = words_lag(engine, wanted, before=before, end=following)
        return {"not_indexed": index_lag_json(found)}

    return paged(given, "calls", find, before, CALL_COLUMNS, more=lag)


@operation("/calls/{session}", "Show one call", call_shapes.CallInFull, parameters=(MASK,), missing=NO_CALL)
def show_call(given: Given, session: str) -> Response:
    """One complete call, by the session that all its notifications carry, with what your rules decided."""
    call = current.calls().get(session.replace("\x00", "\ufffd"))
    if call is None:
        return problem(404, "not_found", NO_CALL)
    shown = call_in_full(call, decided_of(current.engine(), call))
    return jsonify(mask_event(shown) if given.flag("mask") else shown)


@operation(
    "/conversations",
    "Find conversations",
    call_shapes.ConversationPage,
    parameters=(*FILTERS, SEARCH, LIMIT, CURSOR, FORMAT, MASK),
    forms=FORMS,
)
def list_conversations(given: Given) -> Response:
    """Conversations with a message that matches, each with the newest such message. All pages are of the
    moment at which the first was read, so that what comes meanwhile moves none past them."""
    wanted, before, engine = search_of(given), cursor_of(given), current.engine()
    masked, log = _mask(given), current.conversations()

    def find(below: Cursor | None, limit: int) -> tuple[list[Document], Cursor | None]:
        page = log.find(wanted, before=below, limit=limit)
        return [masked(conversation_json(one)) for one in page.conversations], page.next

    def lag(following: Cursor | None) -> Document:
        found = words_lag(engine, wanted, before=before, end=following) or conversations_lag(engine)
        return {"not_indexed": index_lag_json(found)}

    return paged(given, "conversations", find, before, CONVERSATION_COLUMNS, line=conversation_line, more=lag)


@operation(
    "/conversations/{number}/{sender}",
    "Show one conversation",
    call_shapes.ConversationInFull,
    parameters=(PAGE_LIMIT, BEFORE, MASK),
    missing=NO_CONVERSATION,
)
def show_conversation(given: Given, number: str, sender: str) -> Response:
    """What one sender wrote to one of our numbers, newest first; parts of a long message are joined."""
    ends = [end.replace("\x00", "\ufffd") for end in (number, sender)]
    log = current.conversations()
    found = log.get(*ends, before=_before(given), limit=_limit(given))
    if found is None:
        return problem(404, "not_found", NO_CONVERSATION)
    shown = conversation_in_full(current.engine(), found)
    return jsonify(mask_event(shown) if given.flag("mask") else shown)


DUTY_COLUMNS = ("handled_by", "handled_at", "note")
CALL_COLUMNS = columns_of(call_shapes.Call, without="events")
"""Those of a CSV of calls."""
CONVERSATION_COLUMNS = (
    "number",
    "provider",
    "sender",
    "contact",
    "count",
    "id",
    "text",
    "sent_at",
    "received_at",
    *DUTY_COLUMNS,
)


def conversation_line(conversation: Mapping[str, Any]) -> Document:
    """A conversation and its newest message in one line."""
    return {**conversation, **(conversation["messages"][0] if conversation["messages"] else {})}


def _mask(given: Given) -> Callable[[Document], Document]:
    return mask_event if given.flag("mask") else lambda document: document


def _before(given: Given) -> int | None:
    return given.whole("before", 0, LARGEST_ID) or None


def _limit(given: Given) -> int:
    return given.whole("limit", DEFAULT_PAGE, LARGEST_PAGE)
