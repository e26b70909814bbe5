"""The console's cookies: for a visitor, for a browser before anybody signed in, and for a known browser."""

from __future__ import annotations

import secrets
from typing import cast
from urllib.parse import urlsplit

from flask import g, request
from itsdangerous import BadSignature, URLSafeSerializer
from werkzeug.wrappers import Response

from receiver import current
from receiver.access.sign_ins import LONGEST
from receiver.outbound.address import Network, network_of

_KNOWN_FOR = 180 * 24 * 3600
"""Seconds for which a browser is known after somebody signed in with it."""


def session_cookie() -> str:
    """The token of whoever is signed in with this browser; empty if nobody is."""
    return request.cookies.get(_cookie("session"), "")


def anonymous_cookie() -> str | None:
    """The mark of a browser in which nobody is signed in, if it has one."""
    return request.cookies.get(_cookie("visit"))


def anonymous() -> str:
    """The same, made now if there is none."""
    if "anonymous" not in g:
        g.anonymous = anonymous_cookie() or secrets.token_urlsafe(24)
    return cast(str, g.anonymous)


def set_anonymous(response: Response) -> None:
    _set(response, "visit", anonymous())


def set_session(response: Response, token: str) -> None:
    _set(response, "session", token, max_age=int(LONGEST.total_seconds()))
    _drop(response, "visit")


def drop_session(response: Response) -> None:
    _drop(response, "session")


def known_browser(name: str) -> str | None:
    """The mark of this browser, if this person has signed in with it before."""
    try:
        whose, mark = _marks().loads(request.cookies.get(_cookie("known"), ""))
    except (BadSignature, ValueError, TypeError):
        return None
    return str(mark) if whose == name.strip().lower() else None


def set_known_browser(response: Response, name: str) -> None:
    mark = known_browser(name) or secrets.token_urlsafe(12)
    _set(response, "known", str(_marks().dumps([name.strip().lower(), mark])), max_age=_KNOWN_FOR)


def _set(response: Response, name: str, value: str, max_age: int | None = None) -> None:
    response.set_cookie(
        _cookie(name), value, max_age=max_age, path="/", secure=_secure(), httponly=True, samesite="Lax"
    )


def _drop(response: Response, name: str) -> None:
    response.delete_cookie(_cookie(name), path="/", secure=_secure(), httponly=True, samesite="Lax")


def _cookie(name: str) -> str:
    # Browsers accept a __Host- cookie over https only, and let no other host set it.
    return f"__Host-receiver-{name}" if _secure() else f"receiver-{name}"


def lost_over_http() -> bool:
    """Whether our cookies go over https only, and by all we know this browser came over http."""
    return _secure() and not _came_by_https()


def _came_by_https() -> bool:
    return request.is_secure or request.headers.get("X-Forwarded-Proto", "").lower() == "https"


def _secure() -> bool:
    """Whether cookies may travel over https only.

    A proxy's header can only make this stricter, so it may come from anybody. Plain http is fine on this
    machine itself: that is how one comes in through a tunnel.
    """
    if _came_by_https():
        return True
    if not (current.config().public_url or "").startswith("https:"):
        return False
    return network_of(urlsplit(f"//{request.host}").hostname or "") is not Network.MACHINE


def _marks() -> URLSafeSerializer:
    return URLSafeSerializer(secret(), salt="known browser")


def secret() -> str:
    """What cookies and forms are signed with. Only for pages that are served, which need it."""
    found = current.config().secret_key
    assert found is not None, "no page is served without it"  # noqa: S101  # see `receiver.web.console`
    return found.get_secret_value()
