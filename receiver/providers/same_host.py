"""Whether two addresses lead to the same host."""

from __future__ import annotations

from urllib.parse import urlsplit


def same_host(url: str, other: str) -> bool:
    """Whether their hosts are the same, however they are spelled."""
    host, another = ((urlsplit(one).hostname or "").rstrip(".") for one in (url, other))
    return host == another
