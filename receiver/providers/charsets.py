"""Text out of bytes that may or may not be what they say they are.

Pure, and nothing in here raises on what came in.
"""

from __future__ import annotations

import codecs
import encodings
import pkgutil
import re
from enum import Enum
from functools import lru_cache


class Read(Enum):
    """How bytes were read."""

    WELL = "as they are meant"
    AS_LATIN = "as Latin-1, which is a guess"
    IN_PART = "with a mark in the place of what is no text"


UTF8 = "utf-8"
_NO_CHARSETS = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"})
"""Of Python's own, and not for text."""
_FORM = b"%&+=-_.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@lru_cache(maxsize=64)
def codec_of(charset: str) -> str | None:
    """Python's name for a charset; None if it is none, or not known."""
    if charset.lower() in {"utf-8", "utf8"}:
        return UTF8
    name = encodings.normalize_encoding(charset[:40].lower()).replace(".", "_")
    name = encodings.aliases.aliases.get(name, name)
    # Only what is there is looked up: Python remembers every name it was ever asked for.
    if name in _NO_CHARSETS or name not in {
        module.name for module in pkgutil.iter_modules(encodings.__path__)
    }:
        return None
    try:
        b"a".decode(name, "replace")  # a codec that is not of text refuses
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        return None


@lru_cache(maxsize=64)
def spells_ascii(codec: str) -> bool:
    """Whether ASCII stays as it is in this charset: then a form is taken apart before it is decoded."""
    return _FORM.decode(codec, "replace").encode("ascii", "replace") == _FORM


def decoded(value: bytes, codec: str | None = None) -> tuple[str, Read]:
    """The text, and how it was read. `codec` is what the sender declared.

    Without that it is UTF-8. If that fails, what holds whole characters of UTF-8, or ends in the middle of
    one, is UTF-8 with something broken in it; anything else is taken for Latin-1.
    """
    text, read = _decoded(value, codec)
    kept = whole(text)
    return kept, read if kept == text else Read.IN_PART


def whole(text: str) -> str:
    """Without halves of surrogate pairs, which JSON and UTF-7 can spell and no database stores."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def _decoded(value: bytes, codec: str | None) -> tuple[str, Read]:
    try:
        return value.decode(codec or UTF8), Read.WELL
    except ValueError:
        pass
    if codec not in {None, UTF8}:
        try:
            return value.decode(), Read.IN_PART  # it is not what was declared, and plainly something else
        except UnicodeDecodeError:
            return value.decode(codec or UTF8, "replace"), Read.IN_PART
    if codec is None and not (_CHARACTER.search(value) or _CUT.fullmatch(value)):
        return value.decode("latin-1"), Read.AS_LATIN
    return value.decode(errors="replace"), Read.IN_PART


_CHARACTER = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xe0[\xa0-\xbf][\x80-\xbf]"
    rb"|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}"
    rb"|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}"
)
_CUT = re.compile(rb"[\x00-\x7f]*(?:[\xe0-\xef][\x80-\xbf]|[\xf0-\xf4][\x80-\xbf]{1,2})", re.DOTALL)
"""ASCII, and then a character that was cut."""
