"""The service whose events are listened to, by its query API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import requests
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError

import receiver
from receiver.cli.listen.address import host_of
from receiver.vocabulary.errors import OperatorError
from receiver.vocabulary.printable import printable

SILENCE = 20.0
"""Seconds without a byte after which the stream is taken for lost. The service sends a comment every five."""
CONNECTING = 10.0
_PIECE = 64 * 1024
_LONGEST_MESSAGE = 300


class Refused(OperatorError):
    """The service will not answer this however often it is asked. The message says why and what to do."""


class Lost(Exception):
    """The service cannot be reached now. The message says how it behaves, and goes on after `it`."""


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life."""

    first: bool


@dataclass(frozen=True, slots=True)
class Reset:
    """The log ends before the place that was named; the stream goes on behind event `start`."""

    start: int


@dataclass(frozen=True, slots=True)
class Arrived:
    """An event in the API's JSON."""

    event: dict[str, Any]


class Remote:
    """Asks for events that match a search. `Refused` and `Lost` are all that it raises.

    Events in quarantine are left out, unless the search names them: nobody has looked at them yet.
    """

    def __init__(self, url: str, token: str, search: str) -> None:
        self.host = host_of(url)
        self._api = f"{url}/api/v1"
        self._search = {"q": search} if search else {}
        if "is:quarantined" not in search:
            self._search["quarantined"] = "false"
        self._session = requests.Session()
        self._session.auth = _Bearer(token)
        self._session.headers.update(
            {"User-Agent": f"Receiver/{receiver.__version__}", "Accept-Encoding": "identity"}
        )

    def newest_id(self) -> int:
        """The id of the newest event of all, 0 in an empty log."""
        return max(self._ids({"limit": "1"}), default=0)

    def last_ids(self, count: int) -> list[int]:
        """The ids of the last events that match, at most so many."""
        found = self._ids(self._search | {"limit": str(max(1, count))})
        return found[:count]

    def stream(self, after: int) -> Iterator[Beat | Reset | Arrived]:
        """Everything behind event `after`, as it comes. Ends only by an exception."""
        answer = self._get("/events/stream", self._search, {"Last-Event-ID": str(after)})
        with answer:
            if not answer.headers.get("Content-Type", "").startswith("text/event-stream"):
                raise self._stranger()
            first = True
            for block in _blocks(answer):
                yield _read(block) or Beat(first)
                first = False
        raise Lost("ended the stream")

    def _ids(self, query: dict[str, str]) -> list[int]:
        with self._get("/events", query | {"fields": "id"}, {}) as answer:
            try:
                return [int(event["id"]) for event in answer.json()["events"]]
            except (requests.RequestException, OSError) as error:
                if isinstance(error, requests.JSONDecodeError):
                    raise self._stranger() from None
                raise Lost(_behaviour(error)) from None
            except (ValueError, KeyError, TypeError):
                raise self._stranger() from None

    def _get(self, path: str, query: dict[str, str], headers: dict[str, str]) -> requests.Response:
        try:
            answer = self._session.get(
                f"{self._api}{path}",
                params=query,
                headers=headers,
                timeout=(CONNECTING, SILENCE),
                allow_redirects=False,  # the token is for this host only
                stream=True,
            )
        except (requests.RequestException, OSError) as error:
            raise Lost(_behaviour(error)) from None
        if answer.status_code == 200:
            return answer
        with answer:
            raise self._failure(answer)

    def _failure(self, answer: requests.Response) -> Refused | Lost:
        match answer.status_code:
            case 400:
                return Refused(f"{self.host} cannot search for this: {_message(answer)}")
            case 401:
                return Refused(
                    f"{self.host} does not know this token, or no longer: make one there with"
                    " `receiver tokens create NAME`, and put it into RECEIVER_TOKEN"
                )
            case 403:
                return Refused(f"{self.host} does not let this token read: {_message(answer)}")
            case 404:
                return self._stranger()
            case status if 300 <= status < 400:
                return Refused(f"{self.host} redirects elsewhere: give --url the address it redirects to")
            case status:
                return Lost(f"answers {status}")

    def _stranger(self) -> Refused:
        return Refused(f"{self.host} has no query API under this address: check --url")


class _Bearer(AuthBase):
    """Sets the token whatever .netrc says of the host."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _blocks(answer: requests.Response) -> Iterator[bytes]:
    """What stands between empty lines."""
    rest = b""
    while True:
        try:
            piece = answer.raw.read1(_PIECE)
        except (HTTPError, OSError) as error:
            raise Lost(_behaviour(error)) from None
        if not piece:
            return
        *blocks, rest = (rest + piece).split(b"\n\n")
        yield from blocks


def _read(block: bytes) -> Reset | Arrived | None:
    fields = dict(line.split(b": ", 1) for line in block.split(b"\n") if b": " in line)
    try:
        match fields.get(b"event"):
            case b"event":
                event = json.loads(fields[b"data"])
                return Arrived(event | {"id": int(event["id"])})
            case b"reset":
                return Reset(int(fields[b"id"]))
            case _:
                return None
    except (ValueError, KeyError, TypeError):
        raise Lost("sent what is no event") from None


def _behaviour(error: Exception) -> str:
    """What went wrong, in words of ours: those of the error hold the whole address."""
    if isinstance(error, requests.exceptions.SSLError):
        return "has no valid certificate"
    if isinstance(error, requests.Timeout) or "timed out" in str(error):
        return "is silent"
    if isinstance(error, requests.exceptions.ProxyError):
        return "cannot be reached through the proxy"
    if isinstance(error, HTTPError | requests.exceptions.ChunkedEncodingError):
        return "broke off"
    return "cannot be reached"


def _message(answer: requests.Response) -> str:
    try:
        message = str(answer.json()["error"]["message"])
    except (requests.RequestException, OSError, ValueError, KeyError, TypeError):
        return f"it answers {answer.status_code}"
    return printable(message[:_LONGEST_MESSAGE])
