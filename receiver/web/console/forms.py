"""The token that guards every form. It is bound to the visitor's cookie by SECRET_KEY, so none is stored."""

from __future__ import annotations

import hmac
import secrets

from flask import abort, g, request

from receiver.access.sign_ins import Visitor
from receiver.web.console.cookies import anonymous, lost_over_http, secret

_BYTES = 32
"""The length of a token."""


def form_token() -> str:
    """The token that a form on this page has to send back."""
    found: Visitor | None = g.get("visitor")
    if "form_mask" not in g:
        g.form_mask = secrets.token_bytes(_BYTES)
    return _masked(g.form_mask, _bound(found.digest if found else anonymous()))


def require_form_token(owner: str | None) -> None:
    """400 unless we gave the form to this browser."""
    if not owner and lost_over_http():
        abort(
            400,
            "This page came over http, where your browser keeps no sign-in, since PUBLIC_URL is https. Open "
            "it by https, with a proxy that sets X-Forwarded-Proto; or on http://127.0.0.1:8000 through a "
            "tunnel: ssh -L 8000:127.0.0.1:8000 and the name of the server.",
        )
    given = request.form.get("form_token", "") or request.headers.get("X-Form-Token", "")
    if not owner or not hmac.compare_digest(_unmasked(given), _bound(owner)):
        abort(
            400,
            "This form has expired, or your browser blocks cookies. Go back, reload the page and try again.",
        )


def _bound(owner: str) -> bytes:
    return hmac.digest(secret().encode(), b"form " + owner.encode("utf-8", "surrogatepass"), "sha256")


# Pages are compressed, and their length tells a little of what repeats in them. So each page writes the token
# in another way.


def _masked(mask: bytes, token: bytes) -> str:
    return (mask + _xor(mask, token)).hex()


def _unmasked(given: str) -> bytes:
    try:
        both = bytes.fromhex(given)
    except ValueError:
        return b""
    return _xor(both[:_BYTES], both[_BYTES:]) if len(both) == 2 * _BYTES else b""


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
