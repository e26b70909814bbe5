"""Who may see the console, and what a browser may do with its pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from flask import Response, abort, g, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from receiver import current
from receiver.access.scopes import Scope
from receiver.access.sign_ins import Visitor
from receiver.web.console.addresses import this_address
from receiver.web.console.cookies import session_cookie
from receiver.web.console.forms import require_form_token

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; media-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_READING = {"GET", "HEAD"}
"""Methods that change nothing."""


def visitor() -> Visitor:
    """Who is signed in here. Only for pages behind `let_in`."""
    return cast(Visitor, g.visitor)


def visitor_of_cookie() -> Visitor | None:
    """Who this request's cookie belongs to, if anybody."""
    token = session_cookie()
    return current.sign_ins().who(token, used=not _unattended()) if token else None


def still_signed_in() -> Callable[[], bool]:
    """A check that works long after this request: whether its visitor is still signed in."""
    sign_ins, token = current.sign_ins(), session_cookie()
    return lambda: sign_ins.who(token, used=False) is not None


def _unattended() -> bool:
    """Whether an open page asks by itself. A browser sends no header of ours with the request of a stream."""
    return "X-Unattended" in request.headers or request.endpoint == "console.events.stream"


def let_in() -> AnyResponse | None:
    """Before every page: None if somebody is signed in and a form is our own; else the way to sign in."""
    found = visitor_of_cookie()
    if found is None:
        wanted = this_address() if request.method in _READING else "/"
        return redirect(url_for("console.login.form", next=None if wanted == "/" else wanted), 303)
    g.visitor = found
    if request.method not in _READING:
        require_form_token(found.digest)
    return None


def require_scope(needed: Scope) -> None:
    """403 unless the visitor may do this."""
    if not visitor().scope.allows(needed):
        abort(403, f"This requires the role {needed}; yours is {visitor().scope}.")


def only_admins() -> None:
    """Before every page of a part that is for admins alone."""
    require_scope(Scope.ADMIN)


def dress(response: Response) -> Response:
    """After every page: say what a browser may do with it, and that only this browser may store it."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    return response
