"""One delivery with every attempt at it, and sending an event once more."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from receiver import current
from receiver.access.scopes import Scope
from receiver.relay.deliveries import Delivery
from receiver.relay.sender import TargetError
from receiver.web.console import guard, relay
from receiver.web.console.targets import found as target_named

deliveries = Blueprint("deliveries", __name__)

_DONE = {
    "retried": "It will be tried again now.",
    "cancelled": "It was cancelled.",
    "again": "It is on its way.",
    "late": "Too late: it was delivered, or is being tried right now.",
}


@deliveries.get("/deliveries/<int:delivery_id>")
def show(delivery_id: int) -> str:
    """One delivery: its event, its state, and each attempt with request and answer."""
    delivery = _delivery(delivery_id)
    (line,) = relay.lines([delivery])
    return render_template(
        "delivery.html",
        page="targets",
        **line,
        attempts=current.deliveries().attempts(delivery.id),
        may=relay.may,
        done=relay.done(_DONE),
    )


@deliveries.post("/deliveries/<int:delivery_id>")
def act(delivery_id: int) -> Response:
    """Try it again, or give it up."""
    guard.require_scope(Scope.OPERATE)
    delivery = _delivery(delivery_id)
    action = request.form.get("action")
    if action == "retry":
        done = "retried" if current.deliveries().retry([delivery.id]) else "late"
    elif action == "cancel":
        why = f"cancelled by {relay.by_visitor()}"
        done = "cancelled" if current.deliveries().cancel([delivery.id], why) else "late"
    else:
        abort(400, "The action must be retry or cancel.")
    return redirect(url_for(".show", delivery_id=delivery.id, done=done), 303)


@deliveries.post("/events/<int:event_id>/send")
def send_again(event_id: int) -> Response:
    """Send one event to one target, whether it went there before or not."""
    guard.require_scope(Scope.OPERATE)
    event = current.event_log().get(event_id) if event_id < 2**63 else None
    if event is None:
        abort(404, "There is no event with this id.")
    if event.quarantine is not None:
        abort(400, "This event is quarantined. Release it first.")
    target = target_named(request.form.get("target", ""))
    try:
        replay = current.replays().ask_for(target, [event.id], by=relay.by_visitor())
    except TargetError as error:
        abort(400, str(error))
    made = current.deliveries().find(replay_id=replay.id, limit=1).deliveries
    if not made:
        abort(400, f"{target.name} takes no such events.")
    return redirect(url_for(".show", delivery_id=made[0].id, done="again"), 303)


def _delivery(delivery_id: int) -> Delivery:
    delivery = current.deliveries().get(delivery_id) if delivery_id < 2**63 else None
    if delivery is None:
        abort(404, "There is no delivery with this id. It may have been deleted because of its age.")
    return delivery
