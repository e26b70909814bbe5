"""The provider's signature: HMAC-SHA256 in hexadecimal over the raw body, keyed with the access token."""

from __future__ import annotations

import hmac
from functools import lru_cache

from receiver.providers.base import Request
from receiver.vocabulary.verdict import Verdict

HEADER = "X-Hoiio-Signature"
_MOST = 4
"""Signatures that are looked at in one callback."""


def sign(body: bytes, access_token: str) -> str:
    """The signature the provider would put on these bytes."""
    # A copy of a keyed object, not `hmac.digest`: that releases the GIL at every call, and getting
    # it back from a busy writer takes a hundred times as long as the digest.
    digest = _keyed(access_token).copy()
    digest.update(body)
    return digest.hexdigest()


@lru_cache(maxsize=4)
def _keyed(access_token: str) -> hmac.HMAC:
    return hmac.new(access_token.encode(), digestmod="sha256")


def verify(request: Request, access_token: str | None) -> Verdict:
    """Compare in constant time. Without an access token of ours nothing can be valid."""
    signature = request.header(HEADER)
    if not signature:
        return Verdict.MISSING
    if access_token is None:
        return Verdict.INVALID
    # Bytes on both sides: compare_digest raises on text that is not ASCII, and the header is hostile.
    given = signature.strip().lower().encode("utf-8", "surrogateescape")
    right = sign(request.body, access_token).encode()
    if hmac.compare_digest(given, right):
        return Verdict.VALID
    # A header that came several times, from a proxy that adds it again.
    several = given.split(b",", _MOST)[:_MOST] if b"," in given else ()
    found = any(hmac.compare_digest(one.strip(), right) for one in several)
    return Verdict.VALID if found else Verdict.INVALID
