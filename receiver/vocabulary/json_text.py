"""JSON as text that can be read: letters are written as they are, and only what would steer a terminal is
escaped."""

from __future__ import annotations

import json
import re
from json.encoder import encode_basestring, encode_basestring_ascii

from receiver.vocabulary.printable import STEERING

_STEERING = re.compile(f"(?!\n)[{STEERING}]")


def json_text(value: object, *, indent: int | None = None, compact: bool = False) -> str:
    """A JSON document."""
    separators = (",", ":") if compact else None
    return _safe(json.dumps(value, ensure_ascii=False, indent=indent, separators=separators))


def json_string(value: str) -> str:
    """The same for a single string, where there are many."""
    return encode_basestring_ascii(value) if value.isascii() else _safe(encode_basestring(value))


def _safe(text: str) -> str:
    # Such a character stands in strings only, where JSON lets each be escaped.
    if text.isascii() and "\x7f" not in text:
        return text
    return _STEERING.sub(lambda found: json.dumps(found[0])[1:-1] if found[0] != "\x7f" else "\\u007f", text)
