"""Replays: events sent once more to a target. How many there are is counted first."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from receiver import current
from receiver.access.scopes import Scope
from receiver.relay.replay import Replay
from receiver.relay.sender import TargetError
from receiver.web.console import guard, relay
from receiver.web.console.lists import parsed, whole_number
from receiver.web.console.targets import found as target_named

replays = Blueprint("replays", __name__)

_DONE = {"started": "The replay has begun.", "stopped": "The replay was stopped."}


@replays.get("/replays")
def show_list() -> Response:
    """The newest replays and how far they are, and a form for a new one."""
    return _page(request.args.get("q", ""), request.args.get("target", ""))


@replays.post("/replays")
def start() -> Response:
    """Count what a search finds and ask; then send it."""
    guard.require_scope(Scope.OPERATE)
    text, name = request.form.get("q", "").strip(), request.form.get("target", "")
    if not name:
        return _page(text, name, "Choose a target.")
    wanted, wrong = parsed(text)
    if wanted is None:
        return _page(text, name, str(wrong))
    target = target_named(name)
    if request.form.get("sure") != "yes":
        number = current.replays().count(wanted)
        if not number:
            return _page(text, name, "No events match.")
        # The search as it is understood now: `since:1h` must not move while the page is read.
        asked = {"page": "targets", "target": target, "wanted": wanted, "number": number}
        return make_response(render_template("replay_ask.html", **asked))
    current.replays().ask(target, wanted, by=relay.by_visitor())
    return redirect(url_for(".show_list", done="started"), 303)


@replays.post("/replays/<int:replay_id>/stop")
def stop(replay_id: int) -> Response:
    """Send nothing more of it."""
    guard.require_scope(Scope.OPERATE)
    if replay_id >= 2**63:
        abort(404, "There is no replay with this id.")
    try:
        current.replays().stop(replay_id, by=relay.by_visitor())
    except TargetError as error:
        abort(404, str(error))
    return redirect(url_for(".show_list", done="stopped"), 303)


def _page(text: str, target: str, wrong: str | None = None) -> Response:
    before = whole_number(request.args.get("before"))
    page = current.replays().find(before=before)
    return make_response(
        render_template(
            "replays.html",
            page="targets",
            replays=[_line(replay) for replay in page.replays],
            older=page.next and url_for(".show_list", before=page.next),
            newest=before and url_for(".show_list"),
            targets=current.targets().all() if relay.may(Scope.OPERATE) else [],
            wish=text,
            chosen=target,
            wrong=wrong,
            done=relay.done(_DONE),
        ),
        400 if wrong else 200,
    )


def _line(replay: Replay) -> dict[str, Any]:
    return {
        "replay": replay,
        "moving": replay.state in {"planning", "sending"},
        "per_cent": round(100 * _progress(replay)),
    }


def _progress(replay: Replay) -> float:
    """From 0 to 1: how far the log was looked at, and how much of what was found is settled."""
    if replay.state == "done":
        return 1.0
    settled = replay.delivered + replay.dead + replay.cancelled
    looked = 1.0 if replay.ended_at else replay.next_id / max(1, replay.last_id)
    return looked * min(1.0, settled / replay.planned) if replay.planned else 0.0
