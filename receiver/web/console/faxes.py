"""Faxes: the list, one fax, and its document."""

from __future__ import annotations

import re

from flask import Blueprint, Response, abort, make_response, render_template, request, url_for

from receiver import current
from receiver.models import Event
from receiver.outbound.allow import AllowList
from receiver.outbound.fetch import Fetcher, FetchError
from receiver.outbound.guard import Guard
from receiver.providers.registry import PROVIDERS
from receiver.search.events import DEFAULT_PAGE, event_json
from receiver.search.query import Search
from receiver.vocabulary.kinds import EventType, Kind
from receiver.web.console import shown
from receiver.web.console.lists import row, whole_number

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
    """One fax. Its document is a click away, since fetching it tells the other side that somebody looked."""
    return render_template("fax.html", page="faxes", fax=shown.document(event_json(_fax(event_id))))


@faxes.get("/faxes/<int:event_id>/document")
def document(event_id: int) -> Response | tuple[str, int]:
    """The PDF, fetched now, to view or (`save=1`) to download.

    It is somebody else's file: it may run nothing, and its type is what we say, not what its bytes suggest.
    """
    event = _fax(event_id)
    if shown.masked():
        abort(403, "The document would show what is masked. Turn the mask off first.")
    if not event.fax_url:
        abort(404, "This fax has no document.")
    try:
        fetched = _fetcher(event).fetch(event.fax_url, content_type="application/pdf", begins=b"%PDF-")
    except FetchError as error:
        page = render_template(
            "fax_gone.html", page="faxes", fax=shown.document(event_json(event)), reason=str(error)
        )
        return page, 502
    how = "attachment" if request.args.get("save") else "inline"
    response = make_response(fetched.content)
    response.headers["Content-Type"] = fetched.content_type
    response.headers["Content-Disposition"] = f'{how}; filename="{_file_name(event)}"'
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'; frame-ancestors 'none'"
    return response


def _fetcher(event: Event) -> Fetcher:
    config = current.config()
    api_url, _ = PROVIDERS[event.provider].account(config)
    return Fetcher(Guard(AllowList(config.outbound_allow), trusted=[api_url]))


def _fax(event_id: int) -> Event:
    event = current.event_log().get(event_id) if event_id < 2**63 else None
    if event is None or event.kind != Kind.FAX or event.type == EventType.TEST:
        abort(404, "There is no fax with this id.")
    return event


def _file_name(event: Event) -> str:
    sender = re.sub(r"[^0-9]", "", event.sender or "")[:15] or "unknown"
    return f"fax-{event.received_at:%Y%m%d-%H%M%S}-{sender}.pdf"
