"""A compressed body, inflated to be read; what is kept is the body as it came."""

from __future__ import annotations

import zlib

from receiver.vocabulary.limits import LARGEST_INFLATED

_GZIP = b"\x1f\x8b"
_ZLIB = (b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")


def inflated(body: bytes, encoding: str) -> tuple[bytes, str | None]:
    """The body without its compression, and what was wrong with it. Never raises.

    Bytes decide, not the header: a proxy may have inflated a body and left the header, or lost that.
    """
    named = encoding.strip().lower()
    for marks, window in ((_GZIP, 31), (_ZLIB, zlib.MAX_WBITS)):
        if body.startswith(marks):
            return _inflated(body, window)
    if named == "deflate":
        text, problem = _inflated(body, -15)
        return (body, None) if problem else (text, None)
    if named in {"br", "zstd", "compress"} and not body.isascii():
        return b"", f"body: compressed by {named}, which is not read"
    return body, None


def _inflated(body: bytes, window: int) -> tuple[bytes, str | None]:
    parts: list[bytes] = []
    left = LARGEST_INFLATED
    try:
        while body and left > 0:
            stream = zlib.decompressobj(window)
            part = stream.decompress(body, left)
            parts.append(part)
            left -= len(part)
            if not stream.eof:
                if window == zlib.MAX_WBITS and not any(parts):
                    return body, None  # a form that begins with an x
                what = "larger than is read" if stream.unconsumed_tail else "cut short"
                return b"".join(parts), f"body: {what} once inflated, read up to there"
            body = stream.unused_data
    except zlib.error:
        if window == zlib.MAX_WBITS:
            return body, None  # a form that begins with an x
        return b"".join(parts), "body: compressed, and damaged"
    return b"".join(parts), None
