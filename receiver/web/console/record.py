"""The record of what operators did: to the log, to users, tokens, targets and rules."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request, url_for

from receiver import current
from receiver.access.record import ACTIONS, About, find, words
from receiver.web.console import guard
from receiver.web.console.lists import whole_number

record = Blueprint("record", __name__)
record.before_request(guard.only_admins)

_PAGE = 100


@record.get("/record")
def show_list() -> str:
    """What was done, newest first."""
    about, before = _about(), whole_number(request.args.get("before"))
    page = find(current.engine(), ACTIONS[about] if about else (), before=before, limit=_PAGE)
    return render_template(
        "record.html",
        page="record",
        entries=[(one, words(one)) for one in page.made],
        about=about,
        abouts=list(About),
        older=page.next and url_for(".show_list", about=about, before=page.next),
        newest=before and url_for(".show_list", about=about),
    )


def _about() -> About | None:
    asked = request.args.get("about")
    try:
        return About(asked) if asked else None
    except ValueError:
        abort(400, f"The record is about {', '.join(About)}.")
