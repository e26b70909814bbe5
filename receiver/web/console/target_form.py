"""Making and changing targets. The form is made from what the sort of target declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from receiver import current
from receiver.access.scopes import Scope
from receiver.relay.options import Form, Option, from_lines
from receiver.relay.sorts import SORTS, shown
from receiver.relay.target import Target, TargetSort
from receiver.vocabulary.errors import OperatorError
from receiver.vocabulary.printable import sentence
from receiver.web.console import guard
from receiver.web.console.relay import by_visitor, label
from receiver.web.console.shown import masked
from receiver.web.console.targets import found, made_by_people

target_form = Blueprint("target_form", __name__)


@target_form.get("/targets/new/<sort>")
def new(sort: str) -> Response:
    """The form for a new target."""
    guard.require_scope(Scope.ADMIN)
    return _form(_sort(sort), None)


@target_form.post("/targets/new/<sort>")
def make(sort: str) -> Response:
    """Make it; or the form again, with what is wrong."""
    guard.require_scope(Scope.ADMIN)
    wanted = _sort(sort)
    try:
        target = current.targets().add(
            request.form.get("name", ""),
            wanted,
            _given(SORTS[wanted].options),
            search=request.form.get("search", ""),
            ordered=request.form.get("ordered") == "on",
            by=by_visitor(),
        )
    except OperatorError as error:
        return _form(wanted, None, str(error))
    return redirect(url_for("console.targets.show", name=target.name, done="made"), 303)


@target_form.get("/targets/<name>/edit")
def edit(name: str) -> Response:
    """The form for a target that there is."""
    guard.require_scope(Scope.ADMIN)
    if masked():
        abort(403, "The form would show what is masked. Turn the mask off first.")
    target = found(name)
    return _form(_sort(target.sort), target)


@target_form.post("/targets/<name>/edit")
def change(name: str) -> Response:
    """Change it; or the form again, with what is wrong."""
    guard.require_scope(Scope.ADMIN)
    target = found(name)
    _sort(target.sort)
    try:
        changed = current.targets().change(
            target.name,
            given=_given(SORTS[target.sort].options, target) or None,
            new_name=request.form.get("name", ""),
            search=request.form.get("search", ""),
            ordered=request.form.get("ordered") == "on",
            by=by_visitor(),
        )
    except OperatorError as error:
        return _form(target.sort, target, str(error))
    return redirect(url_for("console.targets.show", name=changed.name, done="changed"), 303)


def _sort(name: str) -> TargetSort:
    sort = next((sort for sort in made_by_people() if sort == name), None)
    if sort is None:
        abort(404, f"The sorts of target are {', '.join(made_by_people())}.")
    return sort


def _given(options: tuple[Option, ...], target: Target | None = None) -> dict[str, Any]:
    """What was typed. What is secret and left empty stays as it is, unless it is to be removed."""
    given: dict[str, Any] = {}
    for option in options:
        typed = request.form.get(_field(option), "")
        if option.form is Form.FLAG:
            given[option.name] = typed == "on"
        elif typed.strip():
            given[option.name] = from_lines(option, [typed])
        elif target is not None and _to_clear(option):
            given[option.name] = from_lines(option, [])
    return given


def _to_clear(option: Option) -> bool:
    """Whether an empty field means nothing, and not what is there already."""
    if option.secret:
        return f"remove-{_field(option)}" in request.form
    return not option.choices


def _field(option: Option) -> str:
    """Its name in the form, apart from the fields that every target has."""
    return f"option-{option.name}"


def _form(sort: TargetSort, target: Target | None, wrong: str | None = None) -> Response:
    page = render_template(
        "target_form.html",
        page="targets",
        sort=sort,
        sorts={other: SORTS[other].about for other in made_by_people()},
        target=target,
        values=_typed() if wrong else _known(target),
        fields=[_shown_field(option, target, wrong is not None) for option in SORTS[sort].options],
        wrong=wrong and sentence(wrong),
    )
    return make_response(page, 400 if wrong else 200)


def _typed() -> Mapping[str, Any]:
    form = request.form
    return {
        "name": form.get("name", "")[:200],
        "search": form.get("search", "")[:1000],
        "ordered": "ordered" in form,
    }


def _known(target: Target | None) -> Mapping[str, Any]:
    if target is None:
        return {"name": "", "search": "", "ordered": False}
    return {"name": target.name, "search": str(target.search), "ordered": target.ordered}


def _shown_field(option: Option, target: Target | None, again: bool) -> dict[str, Any]:
    """A field with what it shows: what was typed, or what the target has. Of a secret, only an address that
    was just typed: who mistyped it has to see it."""
    now = shown(target).get(option.name) if target else None
    typed = request.form.get(_field(option), "") if again else None
    address = option.example.startswith("http")
    if option.secret:
        value = typed if typed and address else ""
    else:
        value = _written(now) if typed is None else typed
    return {
        "option": option,
        "id": _field(option),
        "label": label(option.key),
        "value": value,
        "on": (typed == "on") if typed is not None else bool(now),
        "now": _written(now) if option.secret else "",
        "address": address,
        "removable": bool(now) and option.secret and option.form in {Form.PAIRS, Form.LINES},
    }


def _written(value: Any) -> str:
    """As a person would type it."""
    if isinstance(value, Mapping):
        return "\n".join(f"{name}: {said}" for name, said in value.items())
    return "\n".join(value) if isinstance(value, list) else str(value or "")
