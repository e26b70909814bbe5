"""Targets: where events are delivered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, jsonify
from pydantic import BaseModel

from receiver import current
from receiver.access.scopes import Scope
from receiver.relay.shown import attempt_json, target_json
from receiver.relay.sorts import SORTS
from receiver.relay.target import Target
from receiver.relay.targets import LONGEST_NAME
from receiver.relay.trial import try_out
from receiver.web.api import delivery_shapes
from receiver.web.api.lists import FORMS, columns_of, whole
from receiver.web.api.operation import Given, View, operation
from receiver.web.api.parameters import FORMAT, MASK

NO_TARGET = "there is no target of this name"
# No more of a name than every language's patterns can say: a letter is not the same in all of them.
_NAME = {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME, "pattern": "^[^/]+$"}


def _of_target(path: str, summary: str, answer: type[BaseModel], **more: Any) -> Callable[[View], View]:
    """An operation on the target that the path names, by its name or its id."""
    path = f"/targets/{{name}}{path}"
    return operation(path, summary, answer, path_schemas={"name": _NAME}, missing=NO_TARGET, **more)


@operation("/targets", "List the targets", delivery_shapes.Targets, parameters=(FORMAT, MASK), forms=FORMS)
def list_targets(given: Given) -> Response:
    """All targets with how they stand. Secrets in their settings are left out."""
    counts, mask = current.deliveries().counts(), given.flag("mask")
    found = [target_json(one, counts.get(one.id, {}), mask=mask) for one in current.targets().all()]
    return whole(given, "targets", found, columns_of(delivery_shapes.Target))


@operation(
    "/targets",
    "Add a target",
    delivery_shapes.TargetWithSecret,
    method="POST",
    scope=Scope.ADMIN,
    body=delivery_shapes.NewTarget,
)
def add_target(given: Given, asked: delivery_shapes.NewTarget) -> Response:
    """It gets what arrives from now on. Its signing secret is shown in this answer only. What delivery would
    refuse, such as a private address, is refused here."""
    target = current.targets().add(
        asked.name,
        asked.sort,
        asked.settings,
        search=asked.search,
        ordered=asked.ordered,
        by=given.who,
    )
    return _with_secret(target)


@_of_target(
    "",
    "Show a target",
    delivery_shapes.Target,
    parameters=(MASK,),
)
def show_target(given: Given, name: str) -> Response:
    """One target with how it stands, by its name or its id."""
    return _one(current.targets().get(name), mask=given.flag("mask"))


@_of_target(
    "",
    "Change a target",
    delivery_shapes.Target,
    method="PATCH",
    scope=Scope.ADMIN,
    body=delivery_shapes.ChangedTarget,
)
def change_target(given: Given, asked: delivery_shapes.ChangedTarget, name: str) -> Response:
    """Changes what is given. A new search concerns what arrives from now on, a new address also what waits.
    Of the settings, those that are not given stay as they are."""
    changed = current.targets().change(
        name,
        given=asked.settings,
        new_name=asked.name,
        search=asked.search,
        ordered=asked.ordered,
        by=given.who,
    )
    return _one(changed)


@_of_target(
    "",
    "Remove a target",
    delivery_shapes.Removed,
    method="DELETE",
    scope=Scope.ADMIN,
)
def remove_target(given: Given, name: str) -> Response:
    """What waits for it is not delivered, and its delivery log goes, too."""
    return jsonify(removed=current.targets().remove(name, by=given.who).name)


@_of_target(
    "/test",
    "Send a target something made up",
    delivery_shapes.Attempt,
    method="POST",
    scope=Scope.OPERATE,
    parameters=(MASK,),
)
def test_target(given: Given, name: str) -> Response:
    """An event of the kind that its search asks for, marked as a test, sent at once, also while the target is
    paused. Answers when the other side did. Nothing of it is in the log."""
    attempt = try_out(current.targets().get(name), current.surroundings())
    return jsonify(attempt_json(attempt, mask=given.flag("mask")))


@_of_target(
    "/pause",
    "Pause a target",
    delivery_shapes.Target,
    method="POST",
    scope=Scope.OPERATE,
    body=delivery_shapes.Reason,
)
def pause_target(given: Given, asked: delivery_shapes.Reason, name: str) -> Response:
    """What arrives waits, and goes out when it is resumed."""
    return _one(current.targets().pause(name, by=given.who, why=asked.why))


@_of_target(
    "/resume",
    "Resume a target",
    delivery_shapes.Target,
    method="POST",
    scope=Scope.OPERATE,
)
def resume_target(given: Given, name: str) -> Response:
    """Sends what waits, and tries a failing target at once."""
    return _one(current.targets().resume(name, by=given.who))


@_of_target(
    "/rotate",
    "Give a target a new secret",
    delivery_shapes.TargetWithSecret,
    method="POST",
    scope=Scope.ADMIN,
)
def rotate_target(given: Given, name: str) -> Response:
    """For 24 hours deliveries are signed with the old secret, too. The new one is shown only here."""
    return _with_secret(current.targets().rotate(name, by=given.who))


def _one(target: Target, *, mask: bool = False) -> Response:
    counts = current.deliveries().counts().get(target.id, {})
    return jsonify(target_json(target, counts, mask=mask))


def _with_secret(target: Target) -> Response:
    counts = current.deliveries().counts().get(target.id, {})
    secret = SORTS[target.sort].secret(target.settings)
    return jsonify(target_json(target, counts) | {"secret": secret})
