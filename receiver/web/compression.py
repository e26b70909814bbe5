"""Compressed answers of the private side: pages and JSON that are whole. Streams are left as they are."""

from __future__ import annotations

import gzip
import secrets

from flask import Request, Response, request

_TYPES = frozenset({"text/html", "application/json"})
_LEAST = 1_000
"""Bytes; what is shorter fits into one packet anyway."""
_LEVEL = 5
_NAME = b"\x08"
"""The flag in a gzip header that says that a name follows (RFC 1952)."""
_LONGEST_NAME = 100


def compress(answer: Response) -> Response:
    """The answer, compressed if it is worth it and the caller takes gzip.

    Its length varies at random, so that it says little about how well what the caller sent compresses with
    what else is on the page (BREACH).
    """
    if (
        answer.mimetype not in _TYPES
        or answer.is_streamed
        or answer.direct_passthrough
        or "Content-Encoding" in answer.headers
    ):
        return answer
    answer.vary.add("Accept-Encoding")
    content = answer.get_data()
    if len(content) >= _LEAST and takes_gzip(request):
        answer.set_data(_named(gzipped(content)))
        answer.headers["Content-Encoding"] = "gzip"
    return answer


def takes_gzip(asked: Request) -> bool:
    """Whether the caller says that it understands gzip."""
    return asked.accept_encodings.quality("gzip") > 0


def gzipped(content: bytes) -> bytes:
    """The content as gzip, the same every time."""
    return gzip.compress(content, _LEVEL, mtime=0)


def _named(compressed: bytes) -> bytes:
    """The same with a name of random length in its header, which readers pass over."""
    name = b"x" * (secrets.randbelow(_LONGEST_NAME) + 1)
    return compressed[:3] + _NAME + compressed[4:10] + name + b"\0" + compressed[10:]
