"""Tokens: what programs show to use the query API."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from receiver import current
from receiver.access.scopes import Scope
from receiver.access.tokens import KNOWN_FOR, PREFIX, KnownToken, TokenError, UnknownToken, lifetime
from receiver.vocabulary.printable import sentence
from receiver.web.console import guard
from receiver.web.console.shown import masked

tokens = Blueprint("tokens", __name__)
tokens.before_request(guard.only_admins)

_LIFETIMES = {"": "Never", "1d": "In a day", "30d": "In 30 days", "90d": "In 90 days", "52w": "In a year"}


@tokens.get("/tokens")
def show_list() -> Response:
    """All that were ever made, and a form for a new one."""
    return _list()


@tokens.post("/tokens")
def create() -> Response:
    """Make one, and show it this once; or the form again, with what is wrong."""
    if masked():
        abort(403, "The token would be shown on this screen. Turn the mask off first.")
    name, expires = request.form.get("name", "").strip(), request.form.get("expires", "")
    try:
        made, token = current.tokens().create(
            name, _scope_given(), lifetime(expires) if expires else None, by=guard.visitor().name
        )
    except TokenError as error:
        return _list(wrong=str(error))
    return _list(made=made, token=token)


@tokens.post("/tokens/<name>/revoke")
def revoke(name: str) -> Response:
    """Revoke one, once it is confirmed: that cannot be undone."""
    token = next((one for one in current.tokens().all() if one.name == name), None)
    if token is None:
        abort(404, "There is no token of this name.")
    if request.form.get("sure") != "yes":
        return make_response(render_template("token_revoke.html", page="tokens", token=token))
    try:
        current.tokens().revoke(name, by=guard.visitor().name)
    except UnknownToken:
        abort(404, "There is no token of this name.")
    return redirect(url_for(".show_list", done="revoked"), 303)


def _list(*, wrong: str | None = None, made: KnownToken | None = None, token: str | None = None) -> Response:
    now, done = datetime.now(UTC), None
    if request.args.get("done") == "revoked":
        done = f"The token is revoked. Every process refuses it within {KNOWN_FOR:.0f} seconds."
    typed = request.form if wrong else {}
    page = render_template(
        "tokens.html",
        page="tokens",
        # What still opens something comes first.
        tokens=sorted(((one, one.good(now)) for one in current.tokens().all()), key=lambda it: not it[1]),
        of_settings=len(current.config().api_tokens),
        prefix=PREFIX,
        scopes=list(Scope),
        lifetimes=_LIFETIMES,
        typed_name=typed.get("name", "")[:64],
        typed_scope=typed.get("scope", Scope.READ.value),
        typed_expires=typed.get("expires", ""),
        wrong=wrong and sentence(wrong),
        made=made,
        token=token,
        done=done,
    )
    return make_response(page, 400 if wrong else 200)


def _scope_given() -> Scope:
    try:
        return Scope(request.form.get("scope", ""))
    except ValueError:
        abort(400, f"The scopes are {', '.join(Scope)}.")
