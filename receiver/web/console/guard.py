"""Who may see the console: the cookie that names a visitor, the token that guards every form, the headers.

A form's token is bound to the cookie by SECRET_KEY, so nothing of it is kept. Before sign-in a cookie of its
own takes the place of the visitor's.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import cast
from urllib.parse import quote, urlsplit

from flask import Response, abort, g, redirect, request, url_for
from itsdangerous import BadSignature, URLSafeSerializer
from werkzeug.wrappers import Response as AnyResponse

from receiver import current
from receiver.access.scopes import Scope
from receiver.access.sign_ins import LONGEST, Visitor
from receiver.outbound.address import Network, network_of

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_KNOWN_FOR = 180 * 24 * 3600
"""Seconds that a browser is known by a person's sign-in."""


def visitor() -> Visitor:
    """Who is signed in here. Only for pages behind `let_in`."""
    return cast(Visitor, g.visitor)


def visitor_of_cookie() -> Visitor | None:
    """Who this request's cookie belongs to, if anybody."""
    token = request.cookies.get(_cookie("session"))
    return current.sign_ins().who(token) if token else None


def still_signed_in() -> Callable[[], bool]:
    """What tells, long after this request too, whether its visitor has not signed out since."""
    sign_ins, token = current.sign_ins(), request.cookies.get(_cookie("session"), "")
    return lambda: sign_ins.who(token) is not None


def let_in() -> AnyResponse | None:
    """Before every page: somebody is signed in, and a form is our own; otherwise to the login page."""
    found = visitor_of_cookie()
    if found is None:
        wanted = this_address() if request.method == "GET" else "/"
        return redirect(url_for("console.login.form", next=None if wanted == "/" else wanted), 303)
    g.visitor = found
    if request.method != "GET":
        require_form_token(found.digest)
    return None


def require_scope(needed: Scope) -> None:
    """403 unless the visitor may do this."""
    if not visitor().scope.allows(needed):
        abort(403, f"This needs the role {needed}; yours is {visitor().scope}.")


def dress(response: Response) -> Response:
    """After every page: what a browser may do with it. Nobody but this browser may keep it."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    return response


# Forms.


def form_token() -> str:
    """What a form on this page has to bring back."""
    found: Visitor | None = g.get("visitor")
    return _bound(found.digest if found else _anonymous())


def require_form_token(owner: str | None) -> None:
    """400 unless the form is one that we gave to this browser."""
    given = request.form.get("form_token", "") or request.headers.get("X-Form-Token", "")
    if not owner or not hmac.compare_digest(given.encode(), _bound(owner).encode()):
        abort(
            400, "This form is too old, or the browser keeps no cookies. Go back, reload the page, try again."
        )


def anonymous_cookie() -> str | None:
    """What stands for a browser in which nobody is signed in."""
    return request.cookies.get(_cookie("visit"))


def _anonymous() -> str:
    if "anonymous" not in g:
        g.anonymous = anonymous_cookie() or secrets.token_urlsafe(24)
    return cast(str, g.anonymous)


def _bound(owner: str) -> str:
    return hmac.new(
        _secret().encode(), b"form " + owner.encode("utf-8", "surrogatepass"), hashlib.sha256
    ).hexdigest()


# Cookies.


def set_anonymous(response: AnyResponse) -> None:
    _set(response, "visit", _anonymous())


def set_session(response: AnyResponse, token: str) -> None:
    _set(response, "session", token, max_age=int(LONGEST.total_seconds()))
    _drop(response, "visit")


def drop_session(response: AnyResponse) -> None:
    _drop(response, "session")


def known_browser(name: str) -> str | None:
    """The mark of this browser, if this person has signed in with it before."""
    try:
        whose, mark = _marks().loads(request.cookies.get(_cookie("known"), ""))
    except (BadSignature, ValueError, TypeError):
        return None
    return str(mark) if whose == name.strip().lower() else None


def set_known_browser(response: AnyResponse, name: str) -> None:
    mark = known_browser(name) or secrets.token_urlsafe(12)
    _set(response, "known", str(_marks().dumps([name.strip().lower(), mark])), max_age=_KNOWN_FOR)


def _set(response: AnyResponse, name: str, value: str, max_age: int | None = None) -> None:
    response.set_cookie(
        _cookie(name), value, max_age=max_age, path="/", secure=_secure(), httponly=True, samesite="Lax"
    )


def _drop(response: AnyResponse, name: str) -> None:
    response.delete_cookie(_cookie(name), path="/", secure=_secure(), httponly=True, samesite="Lax")


def _cookie(name: str) -> str:
    # Browsers take a __Host- cookie over https only, and let no other host set it.
    return f"__Host-receiver-{name}" if _secure() else f"receiver-{name}"


def _secure() -> bool:
    """Whether cookies may travel over https only.

    A proxy's header can only make it stricter, so anybody may send it. On this machine itself plain http is
    fine: that is how one comes through a tunnel.
    """
    if request.is_secure or request.headers.get("X-Forwarded-Proto", "").lower() == "https":
        return True
    host = urlsplit(f"//{request.host}").hostname or ""
    return (current.config().public_url or "").startswith("https:") and network_of(
        host
    ) is not Network.MACHINE


def _marks() -> URLSafeSerializer:
    return URLSafeSerializer(_secret(), salt="known browser")


def _secret() -> str:
    secret = current.config().secret_key
    assert secret is not None, "pages are not served without"  # noqa: S101  # see `require_secret`
    return secret.get_secret_value()


# Addresses.


def this_address() -> str:
    """This page, to come back to."""
    query = request.query_string.decode("latin-1")
    return quote(request.path, safe="/+") + (f"?{query}" if query else "")


def own_address(wanted: str | None) -> str:
    """Where to go next, if it is a page of ours; the overview otherwise."""
    if not wanted or not wanted.startswith("/") or wanted.startswith(("//", "/\\")):
        return "/"
    if any(ord(char) < 33 or char == "\\" for char in wanted):
        return "/"
    parts = urlsplit(wanted)
    return "/" if parts.scheme or parts.netloc else wanted
