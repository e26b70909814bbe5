"""Fetching what a callback links to, without letting a callback choose what we reach.

A link in a callback was chosen by somebody else. So the address is checked on the connection itself, after
it is made and before anything is sent: a name that is checked first and connected to later can change in
between.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.exceptions import HTTPError

from receiver.outbound.address import Network, network_of
from receiver.outbound.limit import TimeLimit, Watch, WatchedAdapter

LARGEST = 20 * 1024 * 1024
"""Bytes of a document; a fax of a hundred pages has a few."""
LONGEST = 20.0
"""Seconds for the whole of it."""
MOST_REDIRECTS = 3

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PIECE = 64 * 1024


class FetchError(Exception):
    """The document could not be had. The message says why, and never holds the link."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was fetched."""

    content: bytes
    content_type: str
    """Without parameters, in small letters."""


class _Forbidden(Exception):
    """The connection led where it must not."""


class Fetcher:
    """Fetches documents from public https addresses, and from one address of our own choosing.

    `trusted` is the provider's API: what stands there may be reached wherever it is and by plain http too, so
    that the simulator on this machine works.
    """

    def __init__(self, trusted: str, *, largest: int = LARGEST, longest: float = LONGEST) -> None:
        self._trusted = _origin(trusted)
        self._largest = largest
        self._longest = longest

    def fetch(self, url: str, *, content_type: str, begins: bytes) -> Fetched:
        """The document behind a link, if it is one of `content_type` that begins with these bytes.

        Raises `FetchError`.
        """
        with TimeLimit(self._longest) as limit, requests.Session() as session:
            session.trust_env = False  # no proxy, no .netrc
            session.headers["Accept-Encoding"] = "identity"  # a small answer must not unpack to a large one
            try:
                for _ in range(MOST_REDIRECTS + 1):
                    self._require_allowed(url)
                    trusted = _origin(url) == self._trusted
                    adapter = WatchedAdapter(limit.watch if trusted else _only_public(limit))
                    session.mount("http://", adapter)
                    session.mount("https://", adapter)
                    response = session.get(url, stream=True, timeout=self._longest, allow_redirects=False)
                    if response.status_code not in _REDIRECTS:
                        return self._document(response, limit, content_type, begins)
                    url = urljoin(url, response.headers.get("Location", ""))
                    response.close()
            except _Forbidden as refusal:
                raise FetchError(str(refusal)) from None
            except (requests.RequestException, HTTPError, OSError, ValueError) as error:
                if limit.over:
                    raise FetchError(f"the server took longer than {self._longest:g} seconds") from None
                raise FetchError(_reason(error)) from None
        raise FetchError("the link redirects too often")

    def _require_allowed(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise FetchError("the link is not a valid address") from None
        if _origin(url) == self._trusted:
            return
        if parts.scheme != "https":
            raise FetchError("the link is not https")
        if parts.username is not None or port not in {None, 443}:
            raise FetchError("the link has a user name or an unusual port")

    def _document(
        self, response: requests.Response, limit: TimeLimit, content_type: str, begins: bytes
    ) -> Fetched:
        if response.status_code in {403, 404, 410}:
            raise FetchError(f"the server answers {response.status_code}: the link has probably expired")
        if response.status_code != 200:
            raise FetchError(f"the server answers {response.status_code}")
        told = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        content = bytearray()
        while piece := response.raw.read1(_PIECE):
            content += piece
            if len(content) > self._largest:
                raise FetchError(f"the document is larger than {self._largest // 1024**2} MB")
        if limit.over:
            raise FetchError(f"the server took longer than {self._longest:g} seconds")
        expected = response.headers.get("Content-Length", "")
        if expected.isdigit() and len(content) < int(expected):
            raise FetchError("the server broke off before the end of the document")
        if told not in {content_type, "application/octet-stream", "binary/octet-stream"}:
            raise FetchError(f"the document is not of type {content_type}")
        if not content.startswith(begins):
            raise FetchError(f"the document claims to be of type {content_type}, and is not")
        return Fetched(bytes(content), content_type)


def _only_public(limit: TimeLimit) -> Watch:
    """Lets connections pass that lead to the internet."""

    def watch(connected: socket.socket) -> socket.socket:
        if network_of(str(connected.getpeername()[0])) is not Network.INTERNET:
            connected.close()
            raise _Forbidden("the link leads into a private network")
        return limit.watch(connected)

    return watch


def _origin(url: str) -> tuple[str, str | None, int | None] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
        return (parts.scheme, parts.hostname, port) if parts.hostname and parts.username is None else None
    except ValueError:
        return None


def _reason(error: Exception) -> str:
    """What went wrong, without the link, which the error's own words hold."""
    if isinstance(error, requests.exceptions.SSLError):
        return "the server's certificate is not valid"
    if isinstance(error, requests.exceptions.Timeout):
        return "the server did not answer in time"
    if isinstance(error, requests.ConnectionError):
        return "the server cannot be reached"
    return "the server's answer is not valid HTTP"
