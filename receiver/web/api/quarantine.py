"""Releasing or dropping events that are kept but not trusted."""

from __future__ import annotations

from flask import Response, jsonify

from receiver import current
from receiver.access.scopes import Scope
from receiver.retention import quarantine
from receiver.web.api import shapes
from receiver.web.api.operation import Given, operation


@operation(
    "/quarantine/release",
    "Trust quarantined events",
    shapes.Released,
    method="POST",
    scope=Scope.OPERATE,
    body=shapes.Ids,
)
def release_events(given: Given, asked: shapes.Ids) -> Response:
    """Takes events out of quarantine. An event with a trusted twin in the log becomes a repeat of it."""
    done = quarantine.release(current.engine(), asked.ids, who=f"token {given.token.name}")
    return jsonify(released=done.released, merged=done.merged)


@operation(
    "/quarantine/drop",
    "Delete quarantined events",
    shapes.Dropped,
    method="POST",
    scope=Scope.OPERATE,
    body=shapes.Ids,
)
def drop_events(given: Given, asked: shapes.Ids) -> Response:
    """Deletes quarantined events with their repeats and raw bytes. A record of the deletion is kept."""
    done = quarantine.drop(current.engine(), asked.ids, who=f"token {given.token.name}")
    return jsonify(events=done.events, repeats=done.repeats)
