"""What people on duty did about the call, the fax or the conversation that an event belongs to."""

from __future__ import annotations

from flask import Response, jsonify

from receiver import current
from receiver.access.scopes import Scope
from receiver.duty.duty import duty_json
from receiver.duty.things import Item, item_of
from receiver.search.masking import mask_event
from receiver.web.api import duty_shapes
from receiver.web.api.operation import LARGEST_ID, Given, operation
from receiver.web.api.parameters import MASK
from receiver.web.errors import problem

NOTHING_TO_DO = "there is no such event, or it belongs to nothing that people deal with"
_ID = {"event_id": {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}}


@operation(
    "/events/{event_id}/duty",
    "Show what was done about it",
    duty_shapes.Duty,
    parameters=(MASK,),
    path_schemas=_ID,
    missing=NOTHING_TO_DO,
)
def show_duty(given: Given, event_id: int) -> Response:
    """Who handled the call, the fax or the conversation that the event belongs to, and what was noted."""
    item = _item(event_id)
    if item is None:
        return problem(404, "not_found", NOTHING_TO_DO)
    shown = duty_json(current.duty().one(item), item.up_to)
    return jsonify(mask_event(shown) if given.flag("mask") else shown)


@operation(
    "/events/{event_id}/duty",
    "Say that it was handled, or note something",
    duty_shapes.Duty,
    method="PUT",
    scope=Scope.OPERATE,
    body=duty_shapes.ChangedDuty,
    path_schemas=_ID,
    missing=NOTHING_TO_DO,
    conflict="Somebody else handled it first, or wrote the note; the message says who.",
)
def change_duty(given: Given, asked: duty_shapes.ChangedDuty, event_id: int) -> Response:
    """Changes what is given. A conversation is handled up to this event; what comes later is open again.
    Another's note is replaced only if `before` is what it says. If not, `handled` counts all the same."""
    item = _item(event_id)
    if item is None:
        return problem(404, "not_found", NOTHING_TO_DO)
    duty = current.duty()
    if asked.handled is not None:
        duty.handle(item, given.who) if asked.handled else duty.take_back(item)
    if asked.note is not None:
        duty.note(item, asked.note, given.who, before=asked.before)
    return jsonify(duty_json(duty.one(item), item.up_to))


def _item(event_id: int) -> Item | None:
    event = current.event_log().get(event_id) if 0 < event_id <= LARGEST_ID else None
    return None if event is None else item_of(event)
