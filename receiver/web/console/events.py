"""Events: the list with its search and live tail, and one event with everything known about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, abort, make_response, render_template, request

from receiver import current
from receiver.duty.things import item_of
from receiver.intake.distrust import explained
from receiver.models import Event
from receiver.providers.here import Here
from receiver.providers.registry import PROVIDERS
from receiver.search.decided import event_in_full
from receiver.search.index_lag import words_lag
from receiver.search.query import Search
from receiver.search.whole_message import message_of
from receiver.vocabulary.json_text import json_text
from receiver.vocabulary.kinds import Kind
from receiver.web.console import guard, kept, relay, shown
from receiver.web.console.curl import as_curl
from receiver.web.console.lists import Chip, listing, live, parsed, row, whole_number
from receiver.web.listener import Listening
from receiver.web.stream import Stream

events = Blueprint("events", __name__)

_AGES = {"1h": timedelta(hours=1), "24h": timedelta(days=1), "7d": timedelta(days=7)}


@events.get("/events")
def show_list() -> Response:
    """The log, newest first; `q` is in the search language."""
    text = request.args.get("q", "").strip()
    wanted, wrong = parsed(text)
    before = whole_number(request.args.get("before"))
    moves = live(wanted, before)
    page = current.event_log().find(wanted, before=before) if wanted else None
    found = [] if page is None else [row(event) for event in page.events]
    older = page.next if page else None
    lag = words_lag(current.engine(), wanted, before=before, end=older) if wanted else None
    return listing(
        "events",
        text,
        wrong,
        lag,
        before=before,
        older=older,
        cut_short=bool(page and page.cut_short),
        events=found,
        chips=_chips(text, wanted or Search()),
        live=moves,
    )


@events.get("/events/tail")
def tail() -> Response:
    """Rows for events above id `after`, newest first, which the live tail puts on top of the list."""
    wanted, wrong = parsed(request.args.get("q", "").strip())
    after = whole_number(request.args.get("after")) or 0
    if wanted is None:
        abort(400, str(wrong))
    found = current.event_log().after(wanted, after)
    response = make_response(
        render_template("event_rows.html", events=[row(event) for event in reversed(found.events)])
    )
    response.headers["X-Newest"] = str(found.next)
    return response


@events.get("/events/stream")
def stream() -> Response:
    """Says that the list has a new row, which the page then fetches from `tail`."""
    wanted, wrong = parsed(request.args.get("q", "").strip())
    if wanted is None:
        abort(400, str(wrong))
    position = request.headers.get("Last-Event-ID") or request.args.get("after")
    wish = Listening(wanted, whole_number(position) or 0, fields=("id",), allowed=guard.still_signed_in())
    return Stream(wish)


@events.get("/events/<int:event_id>")
def show(event_id: int) -> str:
    """One event: its fields, its problems, and the original request."""
    event = current.event_log().get(event_id) if event_id < 2**63 else None
    if event is None:
        abort(404, "There is no event with this id.")
    document = event_in_full(current.engine(), event)
    before = current.event_log().ids(Search(), before=event_id, limit=1)
    after = current.event_log().after(Search(), event_id, limit=1).events
    told = shown.document(document)
    message = message_of(current.event_log(), current.conversations(), event)
    return render_template(
        "event.html",
        page="events",
        event=told,
        means=explained(event.quarantine, [PROVIDERS[event.provider]]),
        as_json=json_text({name: told[name] for name in told if name not in {"raw", "repeated"}}, indent=2),
        previous=before[0] if before else None,
        next=after[0].id if after else None,
        parts=[part.id for part in message.parts] if message and message.joined else [],
        may=relay.may,
        documents=kept.all_of([event])[event.id],
        sent=relay.of_event(event),
        duty=shown.on_duty(current.duty().of_events([event])[event.id]) if item_of(event) else None,
        curl=None if shown.masked() else _curl(event, document["raw"]),
    )


def _curl(event: Event, raw: dict[str, Any]) -> str:
    base = current.config().public_url or request.url_root
    return as_curl(
        raw["body_base64"],
        method=raw["method"],
        address=Here(base, "$CALLBACK_KEY").callback(event.provider, Kind(event.kind)),
        query=raw["query_string"],
        headers=raw["headers"],
    )


def _chips(text: str, wanted: Search) -> list[list[Chip]]:
    """Groups of filters. Each keeps the rest of what was asked for."""
    kinds = [Chip("All", str(wanted.without("kind")), wanted.kind is None)]
    kinds += [
        Chip(name, str(replace(wanted, kind=kind)), wanted.kind is kind)
        for kind, name in ((Kind.VOICE, "Calls"), (Kind.FAX, "Faxes"), (Kind.SMS, "SMS"))
    ]
    since = [
        Chip(
            f"Last {age}",
            _with(wanted.without("since", "until"), f"since:{age}"),
            f"since:{age}" in text.split(),
        )
        for age in _AGES
    ]
    doubtful, held = bool(wanted.problems), bool(wanted.quarantined)
    marks = [
        Chip("With problems", str(replace(wanted, problems=None if doubtful else True)), doubtful),
        Chip("Quarantined", str(replace(wanted, quarantined=None if held else True)), held),
    ]
    return [kinds, since, marks]


def _with(wanted: Search, part: str) -> str:
    return f"{wanted} {part}".strip()
