"""Faxes: the list, one fax, and its document."""

from __future__ import annotations

import tempfile
from typing import Any

from flask import Blueprint, Response, abort, render_template, request, url_for
from werkzeug.wsgi import FileWrapper

from receiver import current
from receiver.archive.documents import of_events
from receiver.archive.states import State
from receiver.models import Event
from receiver.outbound.allow import AllowList
from receiver.outbound.fetch import Fetcher, FetchError
from receiver.outbound.guard import Guard
from receiver.outbound.media import FAXES
from receiver.providers.registry import PROVIDERS
from receiver.search.events import DEFAULT_PAGE, event_json
from receiver.search.query import Search
from receiver.vocabulary.kinds import EventType, Kind
from receiver.web.console import kept, relay, shown
from receiver.web.console.lists import row, whole_number
from receiver.web.documents import file_name, saved

faxes = Blueprint("faxes", __name__)


@faxes.get("/faxes")
def show_list() -> str:
    """Faxes, newest first. Our own tests are events of this kind, but not faxes."""
    before = whole_number(request.args.get("before"))
    # One search for each type: there may be more tests than faxes.
    pages = [
        current.event_log().find(Search(kind=Kind.FAX, type=type_, quarantined=False), before=before)
        for type_ in (EventType.FAX_RECEIVED, EventType.FAX_FAILED, EventType.UNKNOWN)
    ]
    found = sorted((event for page in pages for event in page.events), key=lambda fax: fax.id, reverse=True)
    more = len(found) > DEFAULT_PAGE or any(page.next for page in pages)
    found = found[:DEFAULT_PAGE]
    return render_template(
        "faxes.html",
        page="faxes",
        faxes=[row(event) for event in found],
        older=more and url_for(".show_list", before=found[-1].id),
        newest=before and url_for(".show_list"),
    )


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
    name = file_name(event, fetched.media.type)
    response = Response(FileWrapper(file), direct_passthrough=True)
    response.content_length = fetched.size
    return saved(response, fetched.media.type, name)


def _shown(event: Event) -> dict[str, Any]:
    return {
        "fax": shown.document(event_json(event)),
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
