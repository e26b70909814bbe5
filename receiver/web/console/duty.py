"""What people on duty did: "Handled" and notes, for calls, faxes and conversations."""

from __future__ import annotations

from flask import Blueprint, abort, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from receiver import current
from receiver.access.scopes import Scope
from receiver.duty.duty import LONGEST_NOTE, DutyError, Overtaken
from receiver.duty.things import Item, item_of
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


def _do(item: Item, action: str) -> None:
    """What the button says, and keep what was typed beside it."""
    book, who, note = current.duty(), guard.visitor().name, _changed_note()
    if note is not None and shown.masked():
        abort(403, "Notes are masked in this browser, and cannot be changed in it.")
    if action == "handle":
        book.handle(item, who)
    elif action == "take_back":
        book.take_back(item)
    elif action != "note":
        abort(400, "There is no such action.")
    if note is not None:
        book.note(item, note, who, before=_sent("before"))


def _changed_note() -> str | None:
    """What the note is to be; None where the form has none, or the visitor left it as it was."""
    note = _sent("note")
    return note if "note" in request.form and note != _sent("before") else None


def _sent(field: str) -> str:
    """A text of the form, in which a browser sends line breaks in its own way."""
    return request.form.get(field, "").replace("\r\n", "\n").strip()


def _overtaken(item: Item, said: str, back: str) -> Response:
    note = current.duty().one(item).note or ""
    mine = _changed_note()
    mine = mine and mine[:LONGEST_NOTE]
    # It begins with a name, which is never capitalised.
    page = render_template("overtaken.html", said=f"{said}.", back=back, note=note, mine=mine)
    return make_response(page, 409)
