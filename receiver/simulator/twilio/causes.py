"""Why a request failed: Twilio's code, and the sort of failure in the words of `rp`."""

import http.client
import ssl
from collections.abc import Iterator

import requests
from urllib3.exceptions import LocationParseError, NameResolutionError, NewConnectionError, SSLError

BAD_URL = 11100

_CODES: tuple[tuple[type[BaseException], tuple[int, str]], ...] = (
    (requests.exceptions.InvalidURL, (BAD_URL, "")),
    (LocationParseError, (BAD_URL, "")),
    (UnicodeError, (BAD_URL, "")),  # of the host, or of the user's name
    (requests.ConnectTimeout, (11201, "ct")),
    (requests.Timeout, (11200, "rt")),
    (ssl.SSLCertVerificationError, (11237, "ct")),
    (SSLError, (11220, "ct")),
    (NameResolutionError, (11210, "ct")),
    (ConnectionRefusedError, (11202, "ct")),
    (NewConnectionError, (11205, "ct")),
    (http.client.RemoteDisconnected, (11205, "closed")),
    (http.client.HTTPException, (11206, "closed")),
)
"""The first that is among the causes decides. What the other side said is no part of it."""


def cause(problem: Exception) -> tuple[int, str]:
    """The code and the sort of what the HTTP library raised before an answer began."""
    causes = list(_causes(problem))
    for kind, found in _CODES:
        if any(isinstance(each, kind) for each in causes):
            return found
    return 11205, "closed"


def _causes(problem: BaseException) -> Iterator[BaseException]:
    """An error and what it came from, which the library keeps in one place or another."""
    yield problem
    for inner in (*problem.args, getattr(problem, "reason", None), problem.__cause__, problem.__context__):
        if isinstance(inner, BaseException):
            yield from _causes(inner)
