"""Fetching what a callback links to. The guard sees to it that the link does not choose what we reach."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urljoin

from receiver.outbound.dial import Deadline
from receiver.outbound.guard import Guard
from receiver.outbound.refusal import Refused, Unreachable
from receiver.outbound.session import Reply

LARGEST = 20 * 1024 * 1024
"""Bytes of a document; a fax of a hundred pages has a few."""
LONGEST = 20.0
"""Seconds for the whole of it."""
MOST_REDIRECTS = 3

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OF_URLS = "%:/?#[]@!$&'()*+,;=~"


class FetchError(Exception):
    """The document could not be had. The message is a sentence that says why, and never holds the link."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was fetched."""

    content: bytes
    content_type: str
    """Without parameters, in small letters."""


class Fetcher:
    """Fetches documents from where a guard lets it."""

    def __init__(self, guard: Guard, *, largest: int = LARGEST, longest: float = LONGEST) -> None:
        self._guard = guard
        self._largest = largest
        self._longest = longest

    def fetch(self, url: str, *, content_type: str, begins: bytes) -> Fetched:
        """The document behind a link, if it is one of `content_type` that begins with these bytes.

        A few redirects are followed, each as if it were the link. Raises `FetchError`.
        """
        deadline = Deadline(self._longest)
        with self._guard.session(longest=self._longest, largest=self._largest) as session:
            for _ in range(MOST_REDIRECTS + 1):
                try:
                    # Some links hold spaces and letters that no URL may.
                    reply = session.request("GET", quote(url, safe=_OF_URLS), deadline=deadline)
                    if reply.status not in _REDIRECTS:
                        return self._document(reply, content_type, begins)
                    url = urljoin(url, reply.headers.get("location", ""))
                except (Refused, Unreachable) as error:
                    raise FetchError(str(error)) from None
                except ValueError:
                    raise FetchError("The link leads to what is not a valid URL.") from None
        raise FetchError("The link redirects too often.")

    def _document(self, reply: Reply, content_type: str, begins: bytes) -> Fetched:
        if reply.status in {403, 404, 410}:
            raise FetchError(f"The server answers {reply.status}: the link has probably expired.")
        if reply.status != 200:
            raise FetchError(f"The server answers {reply.status}.")
        if reply.cut:
            raise FetchError(f"The document is larger than {self._largest // 1024**2} MB.")
        told = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
        if told not in {content_type, "application/octet-stream", "binary/octet-stream"}:
            raise FetchError(f"The document is not of type {content_type}.")
        if not reply.body.startswith(begins):
            raise FetchError(f"The document claims to be of type {content_type}, and is not.")
        return Fetched(reply.body, content_type)
