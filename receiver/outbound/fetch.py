"""Fetching what a callback links to. The guard sees to it that the link does not choose what we reach."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import BinaryIO
from urllib.parse import quote, urljoin

from receiver.outbound.dial import Deadline
from receiver.outbound.fetch_error import Cause, FetchError, not_written
from receiver.outbound.guard import Guard
from receiver.outbound.media import HEAD, Media, may_be, recognised
from receiver.outbound.refusal import Refused, Unreachable
from receiver.outbound.session import Reply
from receiver.outbound.sign_in import SignIn

LARGEST = 20 * 1024 * 1024
"""Bytes of a document; a fax of a hundred pages has a few."""
LONGEST = 20.0
"""Seconds for the whole of it."""
MOST_REDIRECTS = 3

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OF_URLS = "%:/?#[]@!$&'()*+,;=~"


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was fetched."""

    media: Media
    size: int
    sha256: str


class Fetcher:
    """Fetches documents from where a guard lets it."""

    def __init__(
        self,
        guard: Guard,
        *,
        sign_in: SignIn | None = None,
        largest: int = LARGEST,
        longest: float = LONGEST,
    ) -> None:
        self._guard = guard
        self._sign_in = sign_in
        self._largest = largest
        self._longest = longest

    def fetch(self, url: str, into: BinaryIO, among: tuple[Media, ...]) -> Fetched:
        """Write the document behind a link into a file, if its bytes are one of these kinds.

        A few redirects are followed, each as if it were the link. Raises `FetchError`; what the file holds
        then is of no use.
        """
        deadline, taken, sign_in = Deadline(self._longest), _Taken(into), self._sign_in
        with self._guard.session(longest=self._longest, largest=self._largest) as session:
            for _ in range(MOST_REDIRECTS + 1):
                try:
                    # Some links hold spaces and letters that no URL may.
                    asked = quote(url, safe=_OF_URLS)
                    headers = sign_in.headers(asked) if sign_in else {}
                    if not headers:
                        sign_in = None  # who has led us elsewhere cannot have us sign in again
                    reply = session.request("GET", asked, headers, deadline=deadline, take=taken.write)
                    if reply.status not in _REDIRECTS:
                        return self._document(reply, taken, among, signed_in=bool(headers))
                    url = urljoin(url, reply.headers.get("location", ""))
                except Refused as error:
                    raise FetchError(str(error), Cause.REFUSED) from None
                except Unreachable as error:
                    raise FetchError(str(error)) from None
                except ValueError:
                    said = "The link leads to what is not a valid URL."
                    raise FetchError(said, Cause.REFUSED) from None
        raise FetchError("The link redirects too often.")

    def _document(self, reply: Reply, taken: _Taken, among: tuple[Media, ...], *, signed_in: bool) -> Fetched:
        if reply.status == 404 and signed_in:
            # Such links do not expire, but a recording may be told before it is there.
            raise FetchError("The server answers 404: it is not there, or not yet.")
        if reply.status in {403, 404, 410}:
            said = f"The server answers {reply.status}: the link has probably expired."
            raise FetchError(said, Cause.LAPSED)
        if reply.status != 200:
            wait = _seconds(reply.headers.get("retry-after", ""))
            raise FetchError(f"The server answers {reply.status}.", retry_after=wait)
        if reply.cut:
            raise FetchError(f"The document is larger than {self._largest // 1024**2} MB.", Cause.REFUSED)
        names = " or ".join(media.words for media in among)
        told = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not may_be(told, among):
            raise FetchError(f"The document is not of type {names}.", Cause.REFUSED)
        media = recognised(taken.head, among)
        if media is None:
            raise FetchError(f"The document claims to be of type {names}, and is not.", Cause.REFUSED)
        return Fetched(media, taken.size, taken.digest.hexdigest())


class _Taken:
    """A body on its way into a file."""

    def __init__(self, into: BinaryIO) -> None:
        self._into = into
        self.digest = hashlib.sha256()
        self.size = 0
        self.head = b""

    def write(self, piece: bytes) -> None:
        try:
            self._into.write(piece)
        except OSError as error:
            raise not_written(error) from None
        self.digest.update(piece)
        self.size += len(piece)
        self.head += piece[: HEAD - len(self.head)]


def _seconds(word: str) -> float | None:
    """How long `Retry-After` asks to wait, as a number or as a date."""
    if word.isascii() and word.isdigit() and len(word) < 10:
        return float(word)
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        return max(0.0, (parsedate_to_datetime(word) - datetime.now(UTC)).total_seconds())
    return None
