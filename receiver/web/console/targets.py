"""Targets: where events go, how each stands, and what was delivered there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from receiver import current
from receiver.access.scopes import Scope
from receiver.relay import sorts
from receiver.relay.delivery import DeliveryState
from receiver.relay.target import Target, TargetSort
from receiver.relay.targets import UnknownTarget
from receiver.relay.trial import try_out
from receiver.vocabulary.errors import OperatorError
from receiver.vocabulary.printable import sentence
from receiver.web.console import guard, relay
from receiver.web.console.lists import whole_number

targets = Blueprint("targets", __name__)

_PAGE = 100
_DONE = {
    "made": "The target was made. It gets what arrives from now on.",
    "changed": "The target was changed.",
    "paused": "Paused. What arrives waits, and goes out when the target is resumed.",
    "resumed": "Resumed. What waits goes out now.",
    "rotated": "There is a new secret. For 24 hours, deliveries are signed with the one before as well.",
    "removed": "The target was removed, and {} with it.",
    "retried": "{} will be tried again now.",
    "cancelled": "Cancelled {}.",
    "nothing": "Nothing was selected.",
}


@targets.get("/targets")
def show_list() -> str:
    """All targets, by name."""
    counts = current.deliveries().counts()
    return render_template(
        "targets.html",
        page="targets",
        targets=[_line(target, counts.get(target.id, {})) for target in current.targets().all()],
        sorts=made_by_people(),
        may=relay.may,
        done=relay.done(_DONE),
    )


@targets.get("/targets/<name>")
def show(name: str) -> Response:
    """One target with its deliveries."""
    target = found(name)
    fresh = request.args.get("done") in {"made", "rotated"} and relay.may(Scope.ADMIN)
    return _page(target, reveal=fresh)


@targets.post("/targets/<name>")
def act(name: str) -> Response:
    """Do what a button of the page says."""
    scope, action = _ACTIONS.get(request.form.get("action", ""), (Scope.READ, None))
    if action is None:
        abort(400, "There is no such action.")
    guard.require_scope(scope)
    try:
        return action(found(name))
    except OperatorError as error:
        abort(400, sentence(str(error)))


def made_by_people() -> list[TargetSort]:
    """The sorts that a form is for. A handler's target is made by its code, so there is nothing to ask."""
    return [sort for sort, offered in sorts.SORTS.items() if offered.options]


def found(name: str) -> Target:
    """The target of this name, or 404."""
    try:
        return current.targets().get(name)
    except UnknownTarget:
        abort(404, "There is no target with this name. It may have been renamed or removed.")


def _line(target: Target, counts: Mapping[DeliveryState, int]) -> dict[str, Any]:
    return {
        "target": target,
        "place": sorts.place(target),
        "waiting": counts.get(DeliveryState.WAITING, 0),
        "dead": counts.get(DeliveryState.DEAD, 0),
    }


def _page(target: Target, *, reveal: bool = False, **given: Any) -> Response:
    """The page of a target. `reveal` shows its secret."""
    state, secret = _state(), sorts.SORTS[target.sort].secret(target.settings)
    before = whole_number(request.args.get("before"))
    page = current.deliveries().find(target_id=target.id, state=state, before=before, limit=_PAGE)
    counts = current.deliveries().counts().get(target.id, {})
    return make_response(
        render_template(
            "target.html",
            page="targets",
            **_line(target, counts),
            settings=_settings(target),
            by_people=target.sort in made_by_people(),
            has_secret=secret is not None,
            secret=secret if reveal else None,
            lines=relay.lines(page.deliveries),
            state=state,
            states=list(DeliveryState),
            may=relay.may,
            older=page.next and url_for(".show", name=target.name, state=state, before=page.next),
            newest=before and url_for(".show", name=target.name, state=state),
            done=relay.done(_DONE),
            **given,
        )
    )


def _settings(target: Target) -> list[tuple[str, str]]:
    """Names and values for people, without anything secret."""
    settings = []
    for name, value in sorts.shown(target).items():
        if isinstance(value, Mapping):
            words = "\n".join(f"{one}: {said}" for one, said in value.items())
        elif isinstance(value, bool):
            words = "yes" if value else "no"
        else:
            words = ", ".join(value) if isinstance(value, list) else str(value or "")
        if words:
            settings.append((relay.label(name), words))
    return settings


def _state() -> DeliveryState | None:
    asked = request.args.get("state")
    try:
        return DeliveryState(asked) if asked else None
    except ValueError:
        abort(400, f"The states of a delivery are {', '.join(DeliveryState)}.")


def _back(target: Target, done: str, count: int | None = None) -> Response:
    return redirect(
        url_for(".show", name=target.name, state=request.args.get("state"), done=done, count=count), 303
    )


def _ask(target: Target, question: str, number: int) -> Response | None:
    """The page that asks first; None once that was answered with yes."""
    if request.form.get("sure") == "yes":
        return None
    return make_response(
        render_template("target_ask.html", page="targets", target=target, question=question, number=number)
    )


def _test(target: Target) -> Response:
    return _page(target, trial=try_out(target, current.surroundings()))


def _pause(target: Target) -> Response:
    current.targets().pause(target.name, by=relay.by_visitor())
    return _back(target, "paused")


def _resume(target: Target) -> Response:
    current.targets().resume(target.name, by=relay.by_visitor())
    return _back(target, "resumed")


def _rotate(target: Target) -> Response:
    current.targets().rotate(target.name, by=relay.by_visitor())
    return _back(target, "rotated")


def _secret(target: Target) -> Response:
    return _page(target, reveal=True)


def _remove(target: Target) -> Response:
    number = current.deliveries().number(target.id)
    if asked := _ask(target, "remove", number):
        return asked
    current.targets().remove(target.name, by=relay.by_visitor())
    return redirect(url_for(".show_list", done="removed", count=number), 303)


def _retry_dead(target: Target) -> Response:
    dead = current.deliveries().counts().get(target.id, {}).get(DeliveryState.DEAD, 0)
    if asked := _ask(target, "retry-dead", dead):
        return asked
    return _back(target, "retried", current.deliveries().retry_dead(target.id))


def _retry(target: Target) -> Response:
    ids = _chosen()
    if not ids:
        return _back(target, "nothing")
    return _back(target, "retried", current.deliveries().retry(ids))


def _cancel(target: Target) -> Response:
    ids = _chosen()
    if not ids:
        return _back(target, "nothing")
    count = current.deliveries().cancel(ids, f"cancelled by {relay.by_visitor()}")
    return _back(target, "cancelled", count)


def _chosen() -> list[int]:
    return [whole_number(word) or 0 for word in request.form.getlist("id")][:_PAGE]


_ACTIONS: Mapping[str, tuple[Scope, Callable[[Target], Response]]] = {
    "test": (Scope.OPERATE, _test),
    "pause": (Scope.OPERATE, _pause),
    "resume": (Scope.OPERATE, _resume),
    "retry": (Scope.OPERATE, _retry),
    "cancel": (Scope.OPERATE, _cancel),
    "retry-dead": (Scope.OPERATE, _retry_dead),
    "rotate": (Scope.ADMIN, _rotate),
    "secret": (Scope.ADMIN, _secret),
    "remove": (Scope.ADMIN, _remove),
}
