"""Pages of lists: relative links on the older API, absolute ones in `meta` elsewhere.

A page is found by its `PageToken`, which names the record at its edge; `Page` is only counted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode

from .endpoint import Sent
from .errors import ApiError

_USUAL_SIZE = 50
_LARGEST = 1000
_AFTER, _BEFORE = "PA", "PB"
_OWN = ("Page", "PageSize", "PageToken")


class _Record(Protocol):
    sid: str


_T = TypeVar("_T")
_R = TypeVar("_R", bound=_Record)


@dataclass(frozen=True)
class _Page:
    number: int
    size: int
    start: int
    first: str
    own: str
    next: str | None
    previous: str | None
    items: list[dict[str, Any]]


def older(
    sent: Sent, name: str, records: Sequence[_R], shown: Callable[[_R], dict[str, Any]]
) -> dict[str, Any]:
    """A page as the older API has it: an array named after the resource, and relative links."""
    page = _page(sent, [(record.sid, record) for record in records], shown)
    return {
        name: page.items,
        "page": page.number,
        "page_size": page.size,
        "start": page.start,
        "end": page.start + max(len(page.items) - 1, 0),
        "uri": page.own,
        "first_page_uri": page.first,
        "next_page_uri": page.next,
        "previous_page_uri": page.previous,
    }


def newer(
    sent: Sent, name: str, records: Sequence[tuple[str, _T]], shown: Callable[[_T], dict[str, Any]]
) -> dict[str, Any]:
    """A page as the newer APIs have it, of records with their keys: absolute links in `meta`."""
    page = _page(sent, records, shown)

    def absolute(link: str | None) -> str | None:
        return link and sent.base_url + link

    return {
        name: page.items,
        "meta": {
            "key": name,
            "page": page.number,
            "page_size": page.size,
            "url": absolute(page.own),
            "first_page_url": absolute(page.first),
            "next_page_url": absolute(page.next),
            "previous_page_url": absolute(page.previous),
        },
    }


def _page(sent: Sent, records: Sequence[tuple[str, Any]], shown: Callable[[Any], dict[str, Any]]) -> _Page:
    size = min(max(sent.whole("PageSize", _USUAL_SIZE), 1), _LARGEST)
    number = sent.whole("Page", 0)
    start = _start(sent.parameter("PageToken"), [key for key, _ in records], size)
    filters = [(name, value) for name, value in sent.query if name not in _OWN]

    def link(page: int, token: str) -> str:
        query = [*filters, ("PageSize", str(size)), ("Page", str(page))]
        return f"{sent.url_path}?{urlencode(query + ([('PageToken', token)] if token else []))}"

    chosen = records[start : start + size]
    more = start + size < len(records)
    return _Page(
        number=number,
        size=size,
        start=start,
        first=link(0, ""),
        own=link(number, sent.parameter("PageToken")),
        next=link(number + 1, _AFTER + chosen[-1][0]) if more and chosen else None,
        previous=link(max(number - 1, 0), _BEFORE + chosen[0][0]) if start and chosen else None,
        items=[shown(record) for _, record in chosen],
    )


def _start(token: str, keys: list[str], size: int) -> int:
    if not token:
        return 0
    direction, key = token[:2], token[2:]
    if direction not in (_AFTER, _BEFORE) or key not in keys:
        raise ApiError(21481)
    return keys.index(key) + 1 if direction == _AFTER else max(keys.index(key) - size, 0)
