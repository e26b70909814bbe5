"""What a mask hides that stands in searches and in addresses of our own pages."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

from receiver.relay.shown import masked_search
from receiver.search.mistakes import SearchError
from receiver.search.query import Search

_NAMED = {"calls", "conversations", "numbers"}
"""Lists whose pages have in their addresses what they are about."""
_HARMLESS = {"range", "state", "about", "before"}


def tells(search: str) -> bool:
    """Whether numbers, names or words may be read in a search."""
    try:
        asked = Search.parse(search, calls=True)
    except SearchError:
        return True
    return masked_search(asked) != asked


def discreet_address(address: str) -> str:
    """An address of ours without what a mask hides: that of the list if its page has no other, and without a
    search that tells something."""
    parts = urlsplit(address)
    name = parts.path.split("/")[1]
    if name in _NAMED and parts.path != f"/{name}":
        return f"/{name}"
    asked = parse_qsl(parts.query)
    kept = [(key, value) for key, value in asked if key in _HARMLESS or (key == "q" and not tells(value))]
    return f"{parts.path}?{urlencode(kept)}" if kept else parts.path
