"""Faxes: the list, one fax, and its document."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, abort, render_template, request
from werkzeug.wsgi import FileWrapper

from receiver import current
from receiver.archive.documents import of_events
from receiver.archive.names import file_name
from receiver.archive.states import State
from receiver.models import Event
from receiver.outbound.allow import AllowList
from receiver.outbound.fetch import Fetcher
from receiver.outbound.fetch_error import FetchError
from receiver.outbound.guard import Guard
from receiver.outbound.media import FAXES
from receiver.providers.registry import PROVIDERS
from receiver.search.events import event_json
from receiver.search.index_lag import words_lag
from receiver.search.query import Search
from receiver.vocabulary.kinds import EventState, EventType, Kind
from receiver.web.console import kept, relay, shown
from receiver.web.console.lists import Chip, listing, live, open_chip, parsed, row, whole_number
from receiver.web.documents import saved

faxes = Blueprint("faxes", __name__)


_STATES = ((None, "All"), (EventState.RECEIVED, "Arrived"), (EventState.FAILED, "Failed"))


@faxes.get("/faxes")
def show_list() -> Response:
    """Faxes, newest first; `q` is in the search language. Our own tests are no faxes."""
    text = request.args.get("q", "").strip()
    asked, wrong = parsed(text)
    wanted = asked and trusted_faxes(asked)
    before = whole_number(request.args.get("before"))
    moves = live(wanted, before)
    page = current.event_log().find(wanted, before=before) if wanted else None
    older = page.next if page else None
    search = asked or Search()
    return listing(
        "faxes",
        text,
        wrong,
        words_lag(current.engine(), wanted, before=before, end=older) if wanted else None,
        before=before,
        older=older,
        cut_short=bool(page and page.cut_short),
        faxes=_lines(page.events) if page else [],
        chips=[
            *(
                Chip(
                    name,
                    str(replace(search, kind=None, type=None, state=state, open=None)),
                    search.state is state and not search.open,
                )
                for state, name in _STATES
            ),
            open_chip(search, kind=None, type=None, state=None),
        ],
        live=moves,
    )


def trusted_faxes(asked: Search) -> Search | None:
    """The search, limited to faxes; None if it asks for something else."""
    wrong = asked.kind not in {None, Kind.FAX} or asked.quarantined or asked.tests
    return None if wrong else replace(asked, kind=Kind.FAX, quarantined=False)


def _lines(events: Sequence[Event]) -> list[dict[str, Any]]:
    documents, duty = kept.of(events), current.duty().of_events(events)
    return [
        row(event) | {"document": documents[event.id].get("fax_url")} | shown.on_duty(duty[event.id])
        for event in events
    ]


@faxes.get("/faxes/<int:event_id>")
def show(event_id: int) -> str:
    """One fax, with what became of its document."""
    event = _fax(event_id)
    return render_template("fax.html", page="faxes", **_shown(event))


@faxes.get("/faxes/<int:event_id>/document")
def document(event_id: int) -> Response | tuple[str, int]:
    """The document that is kept; while it is not fetched yet, fetched now. A file to save."""
    event = _fax(event_id)
    if shown.masked():
        abort(403, kept.MASKED)
    item = next(iter(of_events(current.engine(), [event])[event.id]), None)
    if item is None:
        abort(404, "This fax has no document.")
    if event.quarantine is not None:
        abort(404, "This fax is not trusted, so its document is not fetched. Release it first.")
    if item.state is State.KEPT:
        return kept.answer(event, item)
    if item.state is not State.WAITING:
        return render_template("fax_gone.html", page="faxes", reason=kept.said(item), **_shown(event)), 502
    try:
        return _fetched(event)
    except FetchError as error:
        reason = f"The document could not be fetched. {error}"
        return render_template("fax_gone.html", page="faxes", reason=reason, **_shown(event)), 502


def _fetched(event: Event) -> Response:
    file = tempfile.TemporaryFile()  # noqa: SIM115  # the answer closes it
    try:
        fetched = _fetcher(event).fetch(event.fax_url or "", file, FAXES)
    except FetchError:
        file.close()
        raise
    file.seek(0)
    name = file_name(event, "fax_url", fetched.media.type)
    response = Response(FileWrapper(file), direct_passthrough=True)
    response.content_length = fetched.size
    return saved(response, fetched.media.type, name)


def _shown(event: Event) -> dict[str, Any]:
    return {
        "fax": shown.document(event_json(event)) | shown.on_duty(current.duty().of_events([event])[event.id]),
        "document": kept.of([event])[event.id].get("fax_url"),
        "sent": relay.of_event(event),
    }


def _fetcher(event: Event) -> Fetcher:
    config = current.config()
    api_url, _ = PROVIDERS[event.provider].account(config)
    return Fetcher(Guard(AllowList(config.outbound_allow), trusted=[api_url]))


def _fax(event_id: int) -> Event:
    event = current.event_log().get(event_id) if event_id < 2**63 else None
    if event is None or event.kind != Kind.FAX or event.type == EventType.TEST:
        abort(404, "There is no fax with this id.")
    return event
