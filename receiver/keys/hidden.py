"""What came in, without callback keys: a provider may tell us one of our own URLs, and the key is in it.

The log keeps what came byte for byte. Whoever shows it, finds words in it or passes it on takes it from here.
"""

from __future__ import annotations

import re

from receiver.settings.values import SHORTEST_SECRET

HIDDEN = "***"
"""What stands for a key. It means the same in a form, in JSON and in a URL."""
# In a form a slash is escaped, in JSON it may be. Keys are of letters that never are.
_KEY = rf"(callbacks(?:/|\\/|%(?:25)*2[Ff])+)[A-Za-z0-9_-]{{{SHORTEST_SECRET},}}"
_IN_TEXT = re.compile(_KEY)
_IN_BYTES = re.compile(_KEY.encode())
_SHOWN = rf"\g<1>{HIDDEN}"


def hidden(text: str) -> str:
    """The text without the key of any callback URL in it."""
    return _IN_TEXT.sub(_SHOWN, text) if "callbacks" in text else text


def hidden_bytes(data: bytes) -> bytes:
    """The same of a body or a query as it came."""
    return _IN_BYTES.sub(_SHOWN.encode(), data) if b"callbacks" in data else data
