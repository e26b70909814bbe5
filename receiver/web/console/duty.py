"""What people on duty did: "Handled" and notes, for calls, faxes and conversations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, abort, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from receiver import current
from receiver.access.scopes import Scope
from receiver.duty.duty import LONGEST_NOTE, DutyError, Overtaken, Standing, duty_json
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


def standing_of(event: Event) -> dict[str, Any] | None:
    """How the call, the fax or the conversation of an event stands; None if it belongs to none."""
    item = item_of(event)
    return None if item is None else duty_json(current.duty().one(item), item.up_to)


def of_faxes(events: Sequence[Event]) -> Mapping[int, Standing]:
    """How faxes stand, by the ids of their events."""
    items = {event.id: item for event in events if (item := item_of(event)) is not None}
    known = current.duty().of(items.values())
    return {event_id: known.get(item.place, Standing()) for event_id, item in items.items()}


def _do(item: Item, action: str) -> None:
    """What the button says, and keep what was typed beside it."""
    book, who, note = current.duty(), guard.visitor().name, _changed_note()
    if note is not None and shown.masked():
        abort(403, "Notes are masked in this browser, and cannot be changed in it.")
    if action == "handle":
        book.handle(item, who)
    elif action == "take_back":
        book.take_back(item, who)
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
