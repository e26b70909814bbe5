"""What the lists of the console share: a search and its filters, a cursor, and an event as a line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from flask import Response, abort, g, make_response, render_template, request, url_for

from receiver import current
from receiver.access.saved_searches import SavedSearches
from receiver.models import Event
from receiver.search.cursor import Cursor
from receiver.search.events import event_json
from receiver.search.index_lag import IndexLag
from receiver.search.mistakes import SearchError
from receiver.search.query import Search
from receiver.search.select import few_named
from receiver.web.console import guard, shown, times
from receiver.web.console.build import build


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter one click away."""

    name: str
    search: str
    """In the search language, what the list shows after the click."""
    on: bool


_DONE = {"saved": "The search was saved.", "deleted": "The saved search was deleted."}


@dataclass(frozen=True, slots=True)
class Live:
    """What moves a list while it is looked at: events above this id that a search finds."""

    after: int
    search: str


def live(watched: Search | None, before: object) -> Live | None:
    """For the newest page of a list, whose lines come from such events; None for the others.

    To be asked before the lines are read, so that what arrives in between is shown.
    """
    return None if before or watched is None else Live(current.event_log().newest_id(), str(watched))


def listing(
    name: str,
    text: str,
    wrong: SearchError | None,
    lag: IndexLag | None,
    *,
    before: object,
    older: object,
    **given: Any,
) -> Response:
    """The page of a list: what is searched for or `wrong` with that, what is `given`, and the way to older
    and newest lines."""
    return make_response(
        render_template(
            f"{name}.html",
            page=name,
            q=text,
            search_error=wrong and wrong.mistakes,
            build=build(name, text, parsed(text, calls=name == "calls")[0]),
            saved=SavedSearches(current.engine(), guard.visitor().name).of(name),
            done=_DONE.get(request.args.get("done", "")),
            lag=lag and lag.sentence(times.zone()),
            older=older and url_for(".show_list", q=text or None, before=older),
            newest=before and url_for(".show_list", q=text or None),
            **given,
        ),
        400 if wrong else 200,
    )


def several_providers() -> bool:
    """Whether tables say which provider a row is of; asked once for each page."""
    if "several_providers" not in g:
        g.several_providers = current.several_providers()
    return bool(g.several_providers)


def row(event: Event) -> dict[str, Any]:
    """An event as a line of a list."""
    return shown.document(event_json(event))


def open_chip(asked: Search, **without: None) -> Chip:
    """The filter for what somebody still has to deal with."""
    on = bool(asked.open)
    return Chip("Open", str(replace(asked, handled=None, open=None if on else True, **without)), on)


def parsed(text: str, *, calls: bool = False) -> tuple[Search | None, SearchError | None]:
    """A search, or what is wrong with it. Only that of `calls` may ask for an outcome."""
    try:
        found = Search.parse(text, datetime.now(UTC), times.zone(), calls=calls)
        found.require_span(zone=times.zone())
        if found.contact is not None:
            with current.engine().connect() as connection:
                few_named(connection, found.contact)
        return found, None
    except SearchError as error:
        return None, error


def whole_number(text: str | None) -> int | None:
    """A cursor; None if there is none, 400 if it is invalid."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        abort(400, "This address is incomplete. Start from the first page.")
    return int(text)


def cursor(text: str | None) -> Cursor | None:
    """A cursor of a list whose order changes while it is read; 400 if it is invalid."""
    try:
        return Cursor.read(text) if text else None
    except ValueError:
        abort(400, "This address is incomplete. Start from the first page.")
