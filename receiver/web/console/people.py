"""People: who may use the console, with which role, and in which browsers they are signed in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from receiver import current
from receiver.access.browsers import id_of
from receiver.access.scopes import Scope
from receiver.access.users import UnknownUser, UserError, made_up
from receiver.models import User
from receiver.vocabulary.printable import sentence
from receiver.web.console import guard
from receiver.web.console.shown import masked

people = Blueprint("people", __name__)
people.before_request(guard.only_admins)

_DONE = {
    "role": "The role was changed. It counts from the next page on.",
    "one": "That browser was signed out.",
    "all": "Signed out everywhere.",
    "removed": "The user was removed, and signed out everywhere.",
}


@people.get("/people")
def show_list() -> Response:
    """Everybody, by name, and a form for somebody new."""
    return _list()


@people.post("/people")
def add() -> Response:
    """Add somebody, and show the password this once; or the form again, with what is wrong."""
    _refuse_masked()
    name, password = request.form.get("name", "").strip(), made_up()
    try:
        current.users().add(name, password, _role_given(), by=guard.visitor().name)
    except UserError as error:
        return _list(str(error))
    return _page(current.users().get(name), password=password, done="The user was added.")


@people.get("/people/<name>")
def show(name: str) -> Response:
    """One person, and the browsers of that person."""
    return _page(_found(name), done=_done())


@people.post("/people/<name>")
def act(name: str) -> Response:
    """Do what a button of the page says."""
    action = _ACTIONS.get(request.form.get("action", ""))
    if action is None:
        abort(400, "There is no such action.")
    user = _found(name)
    try:
        return action(user)
    except UserError as error:
        return _page(user, wrong=sentence(str(error)))


def _list(wrong: str | None = None) -> Response:
    page = render_template(
        "people.html",
        page="people",
        users=current.users().all(),
        browsers=current.browsers().counts(),
        roles=list(Scope),
        typed_name=request.form.get("name", "")[:64],
        typed_role=request.form.get("role", Scope.READ.value),
        wrong=wrong and sentence(wrong),
        done=_done(),
    )
    return make_response(page, 400 if wrong else 200)


def _page(user: User, *, wrong: str | None = None, **given: Any) -> Response:
    visitor = guard.visitor()
    page = render_template(
        "person.html",
        page="people",
        user=user,
        oneself=user.name == visitor.name,
        roles=list(Scope),
        browsers=current.browsers().of(user.name),
        here=id_of(visitor.digest),
        wrong=wrong,
        **given,
    )
    return make_response(page, 400 if wrong else 200)


def _found(name: str) -> User:
    try:
        return current.users().get(name)
    except UnknownUser:
        abort(404, "There is nobody of this name. The user may have been removed.")


def _ask(user: User, question: str, **given: Any) -> Response | None:
    """The page that asks first; None once that was answered with yes."""
    if request.form.get("sure") == "yes":
        return None
    oneself = user.name == guard.visitor().name
    asked = {"page": "people", "user": user, "question": question, "oneself": oneself}
    return make_response(render_template("person_ask.html", **asked, **given))


def _back(user: User, done: str) -> Response:
    return redirect(url_for(".show", name=user.name, done=done), 303)


def _done() -> str | None:
    """What was just done, for the person who did it."""
    return _DONE.get(request.args.get("done", ""))


def _role_given() -> Scope:
    try:
        return Scope(request.form.get("role", ""))
    except ValueError:
        abort(400, f"The roles are {', '.join(Scope)}.")


def _refuse_masked() -> None:
    if masked():
        abort(403, "The password would be shown on this screen. Turn the mask off first.")


def _role(user: User) -> Response:
    role, visitor = _role_given(), guard.visitor()
    oneself = user.name == visitor.name
    if oneself and role is not visitor.scope and (asked := _ask(user, "role", role=role)):
        return asked
    current.users().set_role(user.name, role, by=visitor.name)
    # Who is admin no more cannot see this page.
    return redirect(url_for("console.login.account"), 303) if oneself else _back(user, "role")


def _password(user: User) -> Response:
    _refuse_masked()
    if user.name == guard.visitor().name:
        abort(400, "Change your own password on the account page.")
    if asked := _ask(user, "password"):
        return asked
    password = made_up()
    current.users().set_password(user.name, password, by=guard.visitor().name)
    return _page(user, password=password, done="There is a new password. The old one lets nobody in.")


def _sign_out(user: User) -> Response:
    current.browsers().sign_out(user.name, request.form.get("browser", ""), by=guard.visitor().name)
    return _back(user, "one")


def _sign_out_all(user: User) -> Response:
    visitor = guard.visitor()
    keep = visitor.digest if user.name == visitor.name else ""
    current.browsers().sign_out_all(user.name, by=visitor.name, keep=keep)
    return _back(user, "all")


def _remove(user: User) -> Response:
    if asked := _ask(user, "remove"):
        return asked
    current.users().remove(user.name, by=guard.visitor().name)
    return redirect(url_for(".show_list", done="removed"), 303)


_ACTIONS: Mapping[str, Callable[[User], Response]] = {
    "role": _role,
    "password": _password,
    "sign-out": _sign_out,
    "sign-out-all": _sign_out_all,
    "remove": _remove,
}
