"""URLs that a customer gives, or a customer's answer names: which of them can be called."""

import re
from urllib.parse import urljoin, urlsplit

_LONGEST = 4000


def usable(url: str) -> bool:
    """Whether it is a full http(s) URL of a length that providers take."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return False
    whole = len(url) <= _LONGEST and not re.search(r"\s", url)
    return whole and parts.scheme in ("http", "https") and bool(host)


def resolved(base: str, url: str) -> str:
    """A URL relative to another. One that cannot be read stays as it is, and is not `usable`."""
    try:
        return urljoin(base, url)
    except ValueError:
        return url
