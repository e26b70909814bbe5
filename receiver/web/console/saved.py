"""Saved searches: kept under a name by each person, run, and deleted."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, request, url_for
from werkzeug.wrappers import Response

from receiver import current
from receiver.access.saved_searches import SavedSearchError, SavedSearches
from receiver.web.console import guard, shown
from receiver.web.console.hidden import tells
from receiver.web.console.lists import parsed
from receiver.web.console.search import list_name

saved = Blueprint("saved", __name__, url_prefix="/search/saved")


@saved.post("")
def save() -> Response:
    """Keep a search of a list under a name."""
    name, text = list_name(), request.form.get("q", "").strip()
    _, wrong = parsed(text, calls=name == "calls")
    if wrong:
        abort(400, str(wrong))
    try:
        _mine().save(name, request.form.get("name", ""), text)
    except SavedSearchError as error:
        abort(400, str(error))
    return redirect(url_for(f"console.{name}.show_list", q=text, done="saved"), 303)


@saved.get("/<int:saved_id>")
def run(saved_id: int) -> Response:
    """To the list and what the search finds there now. It can be read there, in the address and the box."""
    found = _mine().get(saved_id) if saved_id < 2**63 else None
    if found is None:
        abort(404, "There is no saved search of yours at this address.")
    if shown.masked() and tells(found.search):
        abort(403, "The search would show what is masked. Turn the mask off first.")
    return redirect(url_for(f"console.{found.list}.show_list", q=found.search), 303)


@saved.post("/<int:saved_id>/delete")
def delete(saved_id: int) -> Response:
    """Forget a search; of one that is gone, nothing is left to do."""
    if saved_id < 2**63:
        _mine().delete(saved_id)
    back = request.form.get("q", "").strip() or None
    return redirect(url_for(f"console.{list_name()}.show_list", q=back, done="deleted"), 303)


def _mine() -> SavedSearches:
    return SavedSearches(current.engine(), guard.visitor().name)
