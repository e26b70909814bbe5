"""The quarantine desk: events that are kept but not trusted, to be released or dropped."""

from __future__ import annotations

from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from receiver import current
from receiver.access.scopes import Scope
from receiver.retention import quarantine as desk
from receiver.search.query import Search
from receiver.web.console import guard
from receiver.web.console.lists import row, whole_number

quarantine = Blueprint("quarantine", __name__)

_PAGE = 100


@quarantine.get("/quarantine")
def show_list() -> str:
    """What is quarantined, newest first, and how much space is left."""
    before = whole_number(request.args.get("before"))
    page = current.event_log().find(Search(quarantined=True), before=before, limit=_PAGE)
    return render_template(
        "quarantine.html",
        page="quarantine",
        events=[row(event) for event in page.events],
        state=desk.state(current.engine(), current.config().quarantine_limit_mb),
        may_decide=guard.visitor().scope.allows(Scope.OPERATE),
        older=page.next and url_for(".show_list", before=page.next),
        newest=before and url_for(".show_list"),
        done=_done(),
    )


@quarantine.post("/quarantine")
def decide() -> Response:
    """Release or drop what was selected. Dropping has to be confirmed, since it cannot be undone."""
    guard.require_scope(Scope.OPERATE)
    action = request.form.get("action")
    ids = [whole_number(word) or 0 for word in request.form.getlist("id")][:_PAGE]
    who = f"user {guard.visitor().name}"
    if not ids:
        return redirect(url_for(".show_list", done="nothing"), 303)
    if action == "release":
        released = desk.release(current.engine(), ids, who)
        return redirect(
            url_for(".show_list", done="released", count=released.released, merged=released.merged), 303
        )
    if action != "drop":
        abort(400, "The action must be release or drop.")
    if request.form.get("sure") != "yes":
        return make_response(render_template("quarantine_drop.html", page="quarantine", ids=ids))
    dropped = desk.drop(current.engine(), ids, who)
    return redirect(url_for(".show_list", done="dropped", count=dropped.events), 303)


def _done() -> str | None:
    """What the last decision did, for the person who made it."""
    count, merged = (
        whole_number(request.args.get("count")) or 0,
        whole_number(request.args.get("merged")) or 0,
    )
    events = f"{count} event{'' if count == 1 else 's'}"
    more = f" {merged} of them had been received before and now count as repeats." if merged else ""
    sentences = {
        "released": f"Released {events}.{more}",
        "dropped": f"Dropped {events} for good.",
        "nothing": "Nothing was selected.",
    }
    return sentences.get(request.args.get("done", ""))
