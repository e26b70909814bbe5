"""Releasing or dropping events that are kept but not trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from flask import Response, jsonify

from receiver import current
from receiver.access.scopes import Scope
from receiver.retention import quarantine, undo
from receiver.search.events import iso
from receiver.web.api import quarantine_shapes
from receiver.web.api.operation import Given, operation
from receiver.web.errors import problem

_NOTHING_DONE = "there is no event with one of these ids; the message names it, and nothing is done"


@operation("/quarantine", "Show how full the quarantine is", quarantine_shapes.Quarantine)
def show_quarantine(_: Given) -> Response:
    """How much is kept but not trusted, why, and since when. The events are in `/events?quarantined=true`."""
    found = quarantine.state(current.engine(), current.config().quarantine_limit_mb)
    return jsonify(asdict(found) | {"full": found.full, "oldest": iso(found.oldest)})


@operation(
    "/quarantine/release",
    "Trust quarantined events",
    quarantine_shapes.Released,
    method="POST",
    scope=Scope.OPERATE,
    body=quarantine_shapes.Ids,
    missing=_NOTHING_DONE,
)
def release_events(given: Given, asked: quarantine_shapes.Ids) -> Response:
    """Takes events out of quarantine. An event with a trusted twin in the log becomes a repeat of it."""
    if missing := _missing(asked.ids):
        return missing
    done = quarantine.release(current.engine(), asked.ids, who=given.who)
    return jsonify(released=done.released, merged=done.merged, release=done.id)


@operation(
    "/quarantine/undo",
    "Put released events back",
    quarantine_shapes.PutBack,
    method="POST",
    scope=Scope.OPERATE,
    body=quarantine_shapes.Release,
    conflict="The release cannot be undone: that is possible for an hour, and once.",
)
def undo_release(given: Given, asked: quarantine_shapes.Release) -> Response:
    """Undoes a release within the hour: its events are in quarantine again, for the same reasons. Deliveries
    that wait are not sent. What was delivered cannot be called back."""
    back = undo.undo(current.engine(), asked.release, who=given.who)
    delivered = current.deliveries().delivered(back.ids, back.since)
    return jsonify(events=len(back.ids), came_again=back.came_again, delivered=delivered)


@operation(
    "/quarantine/drop",
    "Delete quarantined events",
    quarantine_shapes.Dropped,
    method="POST",
    scope=Scope.OPERATE,
    body=quarantine_shapes.Ids,
    missing=_NOTHING_DONE,
)
def drop_events(given: Given, asked: quarantine_shapes.Ids) -> Response:
    """Deletes quarantined events with their repeats and raw bytes. A record of the deletion is kept."""
    if missing := _missing(asked.ids):
        return missing
    done = quarantine.drop(current.engine(), asked.ids, who=given.who)
    return jsonify(events=done.events, repeats=done.repeats)


def _missing(ids: Sequence[int]) -> Response | None:
    missing = current.event_log().missing(ids)
    if not missing:
        return None
    return problem(404, "not_found", f"there is no event {', '.join(map(str, missing))}: nothing was done")
