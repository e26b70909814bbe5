"""The host that an address leads to."""

from __future__ import annotations

from urllib.parse import urlsplit


def host_of(url: str) -> str:
    """A URL's host, in one spelling."""
    return (urlsplit(url).hostname or "").rstrip(".")
