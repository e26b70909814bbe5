"""The quarantine desk: events that are kept but not trusted, to be released or dropped."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from receiver import current
from receiver.access.scopes import Scope
from receiver.intake.distrust import explained
from receiver.models import Event
from receiver.retention import quarantine as desk
from receiver.retention import undo
from receiver.search.events import rows
from receiver.search.query import Search
from receiver.vocabulary.printable import count_of, sentence
from receiver.web.console import guard
from receiver.web.console.lists import row, whole_number

quarantine = Blueprint("quarantine", __name__)

_PAGE = 100


@quarantine.get("/quarantine")
def show_list() -> str:
    """What is quarantined, newest first, and how much space is left."""
    before, reason = whole_number(request.args.get("before")), request.args.get("reason") or None
    found, older = _page(reason, before)
    state = desk.state(current.engine(), current.config().quarantine_limit_mb)
    return render_template(
        "quarantine.html",
        page="quarantine",
        events=[row(event) for event in found],
        reason=reason,
        means={one.reason: explained(one.reason, current.expected()) for one in state.reasons},
        state=state,
        may_decide=guard.visitor().scope.allows(Scope.OPERATE),
        older=older and url_for(".show_list", before=older, reason=reason),
        newest=before and url_for(".show_list", reason=reason),
        undoable=undo.undoable(current.engine()),
        done=_done(),
    )


@quarantine.post("/quarantine")
def decide() -> Response:
    """Release or drop what was selected, once it is confirmed; or put back what was released."""
    guard.require_scope(Scope.OPERATE)
    action = request.form.get("action")
    ids = [whole_number(word) or 0 for word in request.form.getlist("id")][:_PAGE]
    who = guard.visitor().name
    if action == "undo":
        return _put_back(whole_number(request.form.get("release")) or 0, who)
    if not ids:
        return redirect(url_for(".show_list", done="nothing"), 303)
    if action not in {"release", "drop"}:
        abort(400, "The action must be release, drop or undo.")
    if request.form.get("sure") != "yes":
        asked = {"page": "quarantine", "ids": ids, "held": desk.look(current.engine(), ids)}
        return make_response(render_template(f"quarantine_{action}.html", **asked))
    if action == "release":
        released = desk.release(current.engine(), ids, who)
        return redirect(
            url_for(".show_list", done="released", count=released.released, merged=released.merged), 303
        )
    dropped = desk.drop(current.engine(), ids, who)
    return redirect(url_for(".show_list", done="dropped", count=dropped.events), 303)


def _put_back(release: int, who: str) -> Response:
    try:
        back = undo.undo(current.engine(), release, who)
    except undo.CannotUndo as error:
        abort(409, sentence(str(error)))
    delivered = current.deliveries().delivered(back.ids, back.since)
    address = url_for(
        ".show_list", done="undone", count=len(back.ids), again=back.came_again, delivered=delivered
    )
    return redirect(address, 303)


def _page(reason: str | None, before: int | None) -> tuple[Sequence[Event], int | None]:
    """What is quarantined, or of that what has this reason, and where older ones begin."""
    if reason is None:
        page = current.event_log().find(Search(quarantined=True), before=before, limit=_PAGE)
        return page.events, page.next
    ids = desk.held_for(current.engine(), reason, before=before, limit=_PAGE + 1)
    with current.engine().connect() as connection:
        return rows(connection, ids[:_PAGE]), ids[_PAGE - 1] if len(ids) > _PAGE else None


def _done() -> str | None:
    """What the last decision did, for the person who made it."""
    count, merged, again, delivered = (
        whole_number(request.args.get(name)) or 0 for name in ("count", "merged", "again", "delivered")
    )
    events = count_of(count, "event")
    more = f" {merged} of them had been received before and now count as repeats." if merged else ""
    sent = f" {count_of(delivered, 'delivery', 'deliveries')} cannot be called back." if delivered else ""
    stays = f" {again} came again meanwhile, trusted, and stay." if again else ""
    sentences = {
        "undone": f"Put {events} back into quarantine.{sent}{stays}",
        "released": f"Released {events}.{more}",
        "dropped": f"Dropped {events} for good.",
        "nothing": "Nothing was selected.",
    }
    return sentences.get(request.args.get("done", ""))
