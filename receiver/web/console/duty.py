"""What people on duty did: "Handled" and notes, for calls, faxes and conversations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import Blueprint, abort, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from receiver import current
from receiver.access.scopes import Scope
from receiver.duty.duty import LONGEST_NOTE, DutyError, Overtaken, Standing
from receiver.duty.things import Item, item_of
from receiver.models import Event
from receiver.vocabulary.printable import sentence
from receiver.web.console import guard, shown
from receiver.web.console.addresses import own_address

duty = Blueprint("duty", __name__)


@duty.post("/events/<int:event_id>/duty")
def act(event_id: int) -> Response:
    """Do what a button says about the call, the fax or the conversation of an event, and lead back."""
    guard.require_scope(Scope.OPERATE)
    event = current.event_log().get(event_id) if event_id < 2**63 else None
    item = None if event is None else item_of(event)
    if item is None:
        abort(404, "This event belongs to nothing that people deal with.")
    back = own_address(request.form.get("next"))
    try:
        _do(item, request.form.get("action", ""))
    except Overtaken as error:
        return _overtaken(item, str(error), back)
    except DutyError as error:
        abort(400, sentence(str(error)))
    return redirect(back, 303)


def of_faxes(events: Sequence[Event]) -> Mapping[int, Standing]:
    """How faxes stand, by the ids of their events."""
    items = {event.id: item for event in events if (item := item_of(event)) is not None}
    known = current.duty().of(items.values())
    return {event_id: known.get(item.place, Standing()) for event_id, item in items.items()}


def _do(item: Item, action: str) -> None:
    book, who = current.duty(), guard.visitor().name
    if action == "handle":
        book.handle(item, who)
    elif action == "take_back":
        book.take_back(item, who)
    elif action == "note":
        if shown.masked():
            abort(403, "Notes are masked in this browser, and cannot be changed in it.")
        book.note(item, request.form.get("note", ""), who, before=_before(request.form.get("before", "")))
    else:
        abort(400, "There is no such action.")


def _before(text: str) -> str:
    """The note as it was put into the form, whose line breaks a browser sends in its own way."""
    return text.replace("\r\n", "\n").strip()


def _overtaken(item: Item, said: str, back: str) -> Response:
    note = current.duty().one(item).note or ""
    mine = request.form.get("note", "")[:LONGEST_NOTE] if request.form.get("action") == "note" else None
    page = render_template("overtaken.html", said=sentence(said), back=back, note=note, mine=mine)
    return make_response(page, 409)
