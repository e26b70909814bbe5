"""The rules that answer calls: what is in force, drawn number by number, and the switches set by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from receiver import current
from receiver.access.scopes import Scope
from receiver.answering import kept
from receiver.answering.decisions import Noted
from receiver.answering.picture import picture
from receiver.answering.rules import Number, Rules
from receiver.answering.shown import lines
from receiver.answering.switches import switch, switched_on
from receiver.answering.way import version_of, way_of
from receiver.search.call import Call
from receiver.vocabulary.printable import printable
from receiver.web.console import guard, shown

rules = Blueprint("rules", __name__)


@rules.get("/rules")
def show() -> str:
    """The rules in force, and what is wrong with the file if it cannot be used."""
    path = current.config().rules
    if path is None:
        abort(404, "No rules answer calls here. Let RULES name a file, such as rules.toml, to have them.")
    found = current.rules().current()
    return render_template(
        "rules.html",
        page="rules",
        file=path.name,
        rules=found,
        since=None if found is None else kept.since(current.engine(), found.version),
        fault=current.rules().fault,
        switches=_switches(found),
        may_switch=guard.visitor().scope.allows(Scope.OPERATE),
        numbers=[] if found is None or shown.masked() else [_number(found, one) for one in _in_order(found)],
    )


@rules.post("/rules/switches")
def set_switch() -> Response:
    """Set a switch, for calls that come in from now on."""
    guard.require_scope(Scope.OPERATE)
    name, state = request.form.get("name", ""), request.form.get("state")
    if state not in {"on", "off"}:
        abort(400, "A switch is on or off.")
    found = current.rules().current()
    # One that the rules ask for no more can still be turned off.
    if not (found is not None and name in found.switches) and state == "on":
        abort(400, "The rules have no such switch. They may have changed since the page was made.")
    switch(current.engine(), name, on=state == "on", by=guard.visitor().name)
    return redirect(url_for(".show"), 303)


def drawn(call: Call, decided: Sequence[Noted]) -> Mapping[str, Any] | None:
    """The rules of the number that was called, as they were when the call began, with the way that it took.

    None if no rules answered it; without a picture if they are not kept any more.
    """
    version = version_of(decided)
    if version is None:
        return None
    found = current.rules().kept_version(version)
    number = None if found is None else found.numbers.get(call.recipient or "")
    if found is None or number is None or shown.masked():
        return {"version": version, "picture": None}
    return {"version": version, "picture": _svg(picture(found, number, way_of(decided)))}


def _in_order(found: Rules) -> list[Number]:
    return sorted(found.numbers.values(), key=lambda one: one.place)


def _number(found: Rules, number: Number) -> Mapping[str, Any]:
    text = "\n".join(printable(line) for line in lines(found, number, datetime.now(UTC)))
    return {
        "number": number.number,
        "name": number.name,
        "picture": _svg(picture(found, number)) if number.calls else None,
        "text": text,
    }


def _svg(text: str) -> Markup:
    return Markup(text)  # noqa: S704  # `picture` escapes all that it did not write itself


def _switches(found: Rules | None) -> list[Mapping[str, Any]]:
    """Those that the rules ask for, and those that are on all the same."""
    on = switched_on(current.engine())
    asked_for = frozenset() if found is None else found.switches
    return [
        {"name": name, "since": on.get(name), "asked_for": name in asked_for}
        for name in sorted({*asked_for, *on})
    ]
