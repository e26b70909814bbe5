"""The provider's signature: an HMAC in base64 over the URL that it called and the parameters of a form.

Which port and which spelling of the URL it signs depends on the product and has changed over time, so each
that its own libraries accept is tried, the usual one first.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Literal

from receiver.providers.base import Request
from receiver.providers.forms import form_parts, form_texts
from receiver.vocabulary.verdict import Verdict

HEADER = "X-Twilio-Signature"
SETTINGS = "X-Twilio-Webhooks-Signature-Settings"
"""Names the key and the algorithm where an account signs with keys of its own."""
_MOST = 4
"""Signatures that are looked at in one callback: a proxy may have added the header again."""
_PORTS = {"http": ":80", "https": ":443"}
_PORT = re.compile(r":[0-9]+$")
_BODY_HASH = re.compile(rb"[?&]bodySHA256=([0-9a-fA-F]{64})(?:&|$)")
_ALGORITHM = re.compile(r"(?:^|,)\s*algorithm\s*=\s*([\w-]+)", re.ASCII)

_Hash = Literal["sha1", "sha256"]
_HASHES: dict[str, _Hash] = {"HMAC_SHA256": "sha256", "HMAC_SHA1": "sha1"}


def sign(url: str, body: bytes, key: str, algorithm: _Hash = "sha1") -> str:
    """The signature that the provider would put on a form it posts to a URL."""
    return _signature(key, algorithm, (url.encode(), form_signed(body))).decode()


def form_signed(body: bytes) -> bytes:
    """What of a form is signed: decoded names and values, sorted; the same value of a name counts once."""
    if not body:
        return b""
    texts = form_texts(body)
    if texts is not None and len(by_name := dict(texts)) == len(texts):  # nearly every form
        return "".join([name + by_name[name] for name in sorted(by_name)]).encode()
    # Sorted as pairs, the values of one name are in their order too.
    return b"".join(part for pair in sorted(set(form_parts(body))) for part in pair)


def bases(public_url: str) -> tuple[bytes, ...]:
    """The beginnings that a signed URL may have: with port and without, with a user's name and without."""
    scheme, _, rest = public_url.partition("://")  # not parsed: letters stay as large as they are
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    port = _PORT.search(host)
    name = host[: port.start()] if port else host
    ports = (port[0], "") if port else ("", _PORTS.get(scheme.lower(), ""))
    before = f"{slash}{path}".rstrip("/")
    users = ("", f"{user}@") if at else ("",)
    return tuple(f"{scheme}://{one}{name}{end}{before}".encode() for one in users for end in ports)


class Verifier:
    """Verifies callbacks to one service."""

    def __init__(self, addresses: Sequence[str], token: str | None, keys: Sequence[str] = ()) -> None:
        """`addresses` are ours as the provider knows them; `keys` are those an account signs with itself."""
        self._bases = tuple(base for address in addresses for base in bases(address))
        self._tokens: tuple[str, ...] = (token,) if token else ()
        self._keys = tuple(keys)

    def __call__(self, request: Request) -> Verdict:
        """Compares in constant time. Without a key of ours, or our own address, nothing is valid."""
        given = request.header(HEADER)
        if not given:
            return Verdict.MISSING
        settings = request.header(SETTINGS)
        algorithm: _Hash | None
        if settings is None:
            algorithm, keys = "sha1", self._tokens
        else:
            found = _ALGORITHM.search(settings)
            algorithm, keys = _HASHES.get(found[1].upper()) if found else None, self._keys
        if algorithm is None:
            return Verdict.INVALID
        # Bytes on both sides: compare_digest raises on text that is not ASCII, and the header is hostile.
        signatures = [
            one.strip() for one in given.encode("utf-8", "surrogateescape").split(b",", _MOST)[:_MOST]
        ]
        for signed in self._signed(request):
            for key in keys:
                right = _signature(key, algorithm, signed)
                if any(hmac.compare_digest(one, right) for one in signatures):
                    return Verdict.VALID
        return Verdict.INVALID

    def _signed(self, request: Request) -> Iterator[tuple[bytes, ...]]:
        """What may have been signed, the likeliest first."""
        target = request.target().encode("latin-1", "replace")
        told = _BODY_HASH.search(target) if b"bodySHA256" in target else None
        if told and hmac.compare_digest(hashlib.sha256(request.body).hexdigest().encode(), told[1].lower()):
            content = b""
        else:
            content = form_signed(request.body)
        path, mark, query = target.partition(b"?")
        spellings = [target]
        if b"'" in query:
            spellings.append(path + mark + query.replace(b"'", b"%27"))
        for spelling in spellings:
            for base in self._bases:
                yield base, spelling, content


def _signature(key: str, algorithm: _Hash, signed: Sequence[bytes]) -> bytes:
    # A copy of a keyed object, not `hmac.digest`: that releases the GIL at every call, and getting
    # it back from a busy writer takes a hundred times as long as the digest.
    digest = _keyed(key, algorithm).copy()
    for part in signed:
        digest.update(part)
    return b64encode(digest.digest())


@lru_cache(maxsize=16)
def _keyed(key: str, algorithm: _Hash) -> hmac.HMAC:
    return hmac.new(key.encode(), digestmod=algorithm)
