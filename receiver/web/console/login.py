"""Signing in and out, one's own password and browsers, and how pages look in this browser."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from receiver import current
from receiver.access.browsers import id_of
from receiver.access.scopes import Scope
from receiver.access.sign_ins import TooManyAttempts, WrongPassword
from receiver.access.users import UserError
from receiver.vocabulary.printable import sentence
from receiver.web.console import cookies, guard
from receiver.web.console.addresses import own_address
from receiver.web.console.forms import require_form_token
from receiver.web.console.hidden import discreet_address

login = Blueprint("login", __name__)

_DONE = {"one": "That browser was signed out.", "others": "All other browsers were signed out."}
_THEME_KEPT = 365 * 24 * 3600


@login.get("/login")
def form() -> Response:
    """The sign-in form; while there are no users, it says how to create one."""
    if guard.visitor_of_cookie() is not None:
        return redirect(own_address(request.args.get("next")), 303)
    return _form(200)


@login.post("/login")
def sign_in() -> Response:
    """Let a visitor in who gives the right name and password."""
    require_form_token(cookies.anonymous_cookie())
    name, password = request.form.get("name", ""), request.form.get("password", "")
    try:
        token = current.sign_ins().sign_in(
            name, password, peer=request.remote_addr or "", browser=cookies.known_browser(name)
        )
    except WrongPassword:
        return _form(401, "The name or the password is wrong.")
    except TooManyAttempts as refusal:
        return _slowed(_form(429, str(refusal)), refusal)
    response = redirect(own_address(request.form.get("next")), 303)
    cookies.set_session(response, token)
    cookies.set_known_browser(response, name)
    return response


@login.post("/logout")
def sign_out() -> Response:
    """Sign out in this browser."""
    current.sign_ins().sign_out(guard.visitor())
    response = redirect(url_for("console.login.form"), 303)
    cookies.drop_session(response)
    return response


@login.get("/account")
def account() -> Response:
    """The visitor's name, role, password and browsers."""
    return _account(done=_DONE.get(request.args.get("done", "")))


@login.post("/account")
def change_password() -> Response:
    """A new password; every other browser is signed out."""
    given = request.form
    wrong = None
    if given.get("new", "") != given.get("again", ""):
        wrong = "The two new passwords differ."
    else:
        try:
            current.sign_ins().change_password(
                guard.visitor(), given.get("password", ""), given.get("new", "")
            )
        except WrongPassword:
            wrong = "The current password is wrong."
        except TooManyAttempts as refusal:
            return _slowed(_account(429, wrong=str(refusal)), refusal)
        except UserError as error:
            wrong = sentence(str(error))
    return _account(400 if wrong else 200, wrong=wrong, changed=wrong is None)


@login.post("/account/browsers")
def sign_out_browser() -> Response:
    """Sign out in one of the visitor's browsers, or in all others."""
    visitor, browser = guard.visitor(), request.form.get("browser", "")
    if browser:
        current.browsers().sign_out(visitor.name, browser, by=visitor.name)
    else:
        current.browsers().sign_out_all(visitor.name, by=visitor.name, keep=visitor.digest)
    return redirect(url_for(".account", done="one" if browser else "others"), 303)


@login.post("/mask")
def mask() -> Response:
    """Hide numbers and texts on this browser's pages, its address included, or show them again."""
    on, back = request.form.get("on") == "1", own_address(request.form.get("next"))
    current.sign_ins().mask(guard.visitor(), on)
    return redirect(discreet_address(back) if on else back, 303)


@login.post("/theme")
def theme() -> Response:
    """Light, dark, or like the system."""
    response = redirect(own_address(request.form.get("next")), 303)
    wanted = request.form.get("theme")
    if wanted in {"light", "dark"}:
        response.set_cookie("theme", wanted, max_age=_THEME_KEPT, httponly=True, samesite="Lax")
    else:
        response.delete_cookie("theme")
    return response


def _slowed(response: Response, refusal: TooManyAttempts) -> Response:
    response.headers["Retry-After"] = str(refusal.wait)
    return response


def _account(status: int = 200, **given: Any) -> Response:
    visitor = guard.visitor()
    browsers = current.browsers().of(visitor.name)
    page = render_template(
        "account.html",
        page="account",
        browsers=browsers,
        here=id_of(visitor.digest),
        scopes=list(Scope),
        **given,
    )
    return make_response(page, status)


def _form(status: int, wrong: str | None = None) -> Response:
    page = render_template(
        "login.html",
        wrong=wrong,
        name=request.form.get("name", "")[:64],
        next=own_address(request.values.get("next")),
        nobody=not current.users().any(),
    )
    response = make_response(page, status)
    cookies.set_anonymous(response)
    return response
