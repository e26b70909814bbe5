"""Callbacks that the database refused: what came, why not, and whether to try again or to let it go."""

from __future__ import annotations

import socket

from flask import Blueprint, abort, g, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from receiver import current
from receiver.access.scopes import Scope
from receiver.intake.distrust import explained
from receiver.intake.spool import Spool, SpoolError
from receiver.keys import presence
from receiver.search.set_aside import line_json, set_aside_json
from receiver.web.console import guard, shown
from receiver.web.console.lists import whole_number

set_aside = Blueprint("set_aside", __name__)

_PAGE = 100


@set_aside.get("/spool")
def show_list() -> str:
    """What was set aside in the spool of this machine, newest first."""
    before = whole_number(request.args.get("before"))
    page = current.spool().ask(lambda spool: spool.set_aside_page(before=before, limit=_PAGE))
    return render_template(
        "set_aside.html",
        page="set_aside",
        lines=[line_json(line) for line in page.lines],
        may_decide=_may_decide(),
        elsewhere=_elsewhere(),
        here=socket.gethostname(),
        older=page.next and url_for(".show_list", before=page.next),
        newest=before and url_for(".show_list"),
        done=_done(),
    )


@set_aside.get("/spool/<int:position>")
def show(position: int) -> str:
    """One callback with its raw request."""
    found = current.spool().ask(lambda spool: spool.set_aside_at(position)) if position < 2**63 else None
    if found is None:
        abort(404, "No callback with this id was set aside. It may have been tried again or dropped.")
    return render_template(
        "set_aside_one.html",
        page="set_aside",
        aside=set_aside_json(found, mask=shown.masked()),
        means=explained(found.distrust, current.expected()),
        may_decide=_may_decide(),
    )


@set_aside.post("/spool")
def decide() -> Response:
    """Try again or drop what was selected. Dropping has to be confirmed, since it cannot be undone."""
    guard.require_scope(Scope.OPERATE)
    action = request.form.get("action")
    positions = [whole_number(word) or 0 for word in request.form.getlist("id")][:_PAGE]
    who = guard.visitor().name
    if not positions:
        return redirect(url_for(".show_list", done="nothing"), 303)
    if action == "retry":
        count = current.spool().ask(lambda spool: spool.retry(positions, who=who))
        return redirect(url_for(".show_list", done="retried", count=count), 303)
    if action != "drop":
        abort(400, "The action must be retry or drop.")
    if request.form.get("sure") != "yes":
        return make_response(render_template("set_aside_drop.html", page="set_aside", ids=positions))
    count = current.spool().ask(lambda spool: spool.drop(positions, who=who))
    return redirect(url_for(".show_list", done="dropped", count=count), 303)


def anything_set_aside() -> bool:
    """Whether the navigation leads here. Asked once for each page."""
    if "set_aside" not in g:
        try:
            g.set_aside = current.spool().ask(Spool.has_set_aside)
        except SpoolError:  # the overview says so
            g.set_aside = False
    return bool(g.set_aside)


def _may_decide() -> bool:
    return guard.visitor().scope.allows(Scope.OPERATE)


def _elsewhere() -> list[str]:
    """The other machines that serve, each with a spool of its own."""
    return sorted(presence.machines(current.engine()) - {socket.gethostname()})


def _done() -> str | None:
    """What the last decision did, for the person who made it."""
    count = whole_number(request.args.get("count")) or 0
    callbacks = f"{count} callback{'' if count == 1 else 's'}"
    sentences = {
        "retried": f"{callbacks} {'waits' if count == 1 else 'wait'} for the database again. What it refuses "
        "again comes back to this list within seconds.",
        "dropped": f"Dropped {callbacks} for good.",
        "nothing": "Nothing was selected.",
    }
    return sentences.get(request.args.get("done", ""))
