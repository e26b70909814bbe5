"""SMS conversations: the list, and the messages of one sender."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, Response, abort, render_template, request, url_for

from receiver import current
from receiver.duty.duty import duty_json
from receiver.search.conversations import Conversation, conversation_json
from receiver.search.decided import conversation_in_full
from receiver.search.index_lag import conversations_lag, words_lag
from receiver.search.newest_messages import TRUSTED_SMS
from receiver.search.query import Search
from receiver.vocabulary.kinds import Kind
from receiver.web.console import kept, shown
from receiver.web.console.lists import Chip, cursor, listing, live, open_chip, parsed, whole_number

conversations = Blueprint("conversations", __name__)

_IN_ADDRESS = re.compile(r"[+A-Za-z0-9]{1,40}")


@conversations.get("/conversations")
def show_list() -> Response:
    """Conversations, the one with the newest message first; `q` is in the search language."""
    text = request.args.get("q", "").strip()
    wanted, wrong = parsed(text)
    before = cursor(request.args.get("before"))
    moves = live(wanted and Search(**TRUSTED_SMS), before)
    page = current.conversations().find(wanted, before=before) if wanted else None
    older = page.next if page else None
    lag = words_lag(current.engine(), wanted, before=before, end=older) if wanted else None
    lag = lag or conversations_lag(current.engine())
    return listing(
        "conversations",
        text,
        wrong,
        lag,
        before=before,
        older=older,
        live=moves,
        chips=[_all(wanted or Search()), open_chip(wanted or Search())],
        conversations=[_line(one) for one in page.conversations] if page else [],
    )


@conversations.get("/conversations/<number>/<sender>")
def show(number: str, sender: str) -> str:
    """What one sender wrote to one of our numbers."""
    return _page(number, sender, url_for(".show", number=number, sender=sender))


@conversations.get("/events/<int:event_id>/conversation")
def of_event(event_id: int) -> str:
    """The conversation that an event belongs to, at an address without numbers in it."""
    event = current.event_log().get(event_id) if event_id < 2**63 else None
    if event is None or event.kind != Kind.SMS:
        abort(404, "This event does not belong to a conversation.")
    return _page(event.recipient or "", event.sender or "", url_for(".of_event", event_id=event_id))


def _page(number: str, sender: str, address: str) -> str:
    before = whole_number(request.args.get("before"))
    found = current.conversations().get(number, sender, before=before)
    if found is None:
        abort(404, "There is no conversation between these two. Quarantined messages are not part of one.")
    document = shown.document(conversation_in_full(current.engine(), found)) | _duty(found)
    parts = [part for message in found.messages for part in message.parts]
    return render_template(
        "conversation.html",
        page="conversations",
        masked_at=url_for(".of_event", event_id=found.messages[0].id),
        conversation=document,
        # In the order of writing: oldest first.
        messages=list(reversed(document["messages"])),
        documents={} if shown.masked() else kept.all_of(parts),
        earlier=found.next and f"{address}?before={found.next}",
        newest=before and address,
    )


def _line(one: Conversation) -> dict[str, Any]:
    """A conversation as a line of the list."""
    plain = _IN_ADDRESS.fullmatch(one.number) and _IN_ADDRESS.fullmatch(one.sender)
    address = (
        url_for(".show", number=one.number, sender=one.sender)
        if plain and not shown.masked()
        else url_for(".of_event", event_id=one.messages[0].id)
    )
    return shown.document(conversation_json(one)) | {"address": address} | _duty(one)


def _all(asked: Search) -> Chip:
    return Chip("All", str(asked.without("open", "handled")), not (asked.open or asked.handled))


def _duty(one: Conversation) -> dict[str, Any]:
    return shown.on_duty(duty_json(one.duty, one.item.up_to))
