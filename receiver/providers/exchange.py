"""Requests to a provider's API: how long one may take, what went wrong, and when it is sent again."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

import requests
import urllib3

from receiver.logs.log import get_logger
from receiver.outbound.limit import TimeLimit, WatchedAdapter
from receiver.providers.errors import (
    ADVICE_TO_LOOK,
    OutcomeUnknown,
    ProviderError,
    TryLater,
    WrongConfiguration,
)

logger = get_logger(__name__)
TIMEOUT = (5.0, 30.0)
"""Seconds to connect, and seconds without a byte while reading."""
LONGEST = 60.0
"""Seconds for a request with its answer, however steadily that drips; and after which nothing is repeated."""
_FAILURE_PAUSES = (0.5, 2.0)
LONGEST_PAUSE = 60.0
"""Seconds that a provider may ask us to wait; if it asks for more, nothing is repeated."""
_LARGEST_ANSWER = 16 * 1024 * 1024
"""Some tens of thousands of numbers; beyond it something else is answering."""

_Answer = TypeVar("_Answer")


class Nature(Enum):
    """What a call may be repeated for."""

    READ = "any failure"
    CHANGE = "being told that there were too many requests, which is a definite no"
    SPEND = "nothing"


@dataclass(frozen=True)
class ApiCall:
    """One call, as far as its errors need to know it. `setting` is the one that says where the API is."""

    what: str
    setting: str
    number: str = ""
    nature: Nature = Nature.READ

    @property
    def changes(self) -> bool:
        return self.nature is not Nature.READ

    def error(self, kind: type[ProviderError], reason: str) -> ProviderError:
        return kind(self.what, reason, number=self.number)

    def lost(self, reason: str) -> ProviderError:
        """The request went out, and we do not know what became of it. For a read that does not matter."""
        if self.changes:
            return self.error(OutcomeUnknown, f"{reason}. {ADVICE_TO_LOOK}")
        return self.error(TryLater, f"{reason}. Try again in a few minutes.")


class Exchange:
    """Sends requests to one provider, each within a time limit; waits by `sleep`. For one thread."""

    def __init__(
        self,
        *,
        timeout: tuple[float, float] = TIMEOUT,
        longest: float = LONGEST,
        crowded_pauses: Sequence[float],
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`crowded_pauses` are for being told that there were too many requests."""
        self._timeout = timeout
        self._longest = longest
        self._crowded_pauses = crowded_pauses
        self._sleep = sleep
        self._clock = clock
        self._limit = TimeLimit(longest)
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, WatchedAdapter(self._watch))
        # Answers are small; not unpacking anything keeps the size limit honest.
        self._session.headers.update({"User-Agent": "receiver", "Accept-Encoding": "identity"})

    def repeated(self, call: ApiCall, attempt: Callable[[], _Answer]) -> _Answer:
        """What `attempt` returns, which is made again as far as the nature of the call allows."""
        started = self._clock()
        pauses = {True: iter(self._crowded_pauses), False: iter(_FAILURE_PAUSES)}
        while True:
            try:
                return attempt()
            except TryLater as error:
                repeatable = call.nature is Nature.READ or (
                    call.nature is Nature.CHANGE and error.rate_limited
                )
                pause = next(pauses[error.rate_limited], None)
                if not repeatable or pause is None or error.retry_after > LONGEST_PAUSE:
                    raise
                if not error.rate_limited and self._clock() - started >= self._longest:
                    raise
                pause = max(pause, error.retry_after)
                logger.info("asking the provider again", reason=error, seconds=pause)
            self._sleep(pause)

    def send(
        self,
        call: ApiCall,
        method: str,
        url: str,
        data: Mapping[str, str] | None = None,
        auth: Callable[[requests.PreparedRequest], requests.PreparedRequest] | None = None,
    ) -> tuple[requests.Response, bytes]:
        """Send once; the answer whatever its status. No redirect is followed: requests hold credentials."""
        with TimeLimit(self._longest) as limit:
            self._limit = limit
            try:
                with self._session.request(
                    method,
                    url,
                    data=data,
                    auth=auth,
                    timeout=self._timeout,
                    allow_redirects=False,
                    stream=True,
                ) as response:
                    content = _read(response)
                if limit.over:
                    raise TimeoutError
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
                # Their texts quote URLs and addresses, so the chain ends here.
                raise _transport_error(call, TimeoutError() if limit.over else error) from None
        return response, content

    def _watch(self, connected: socket.socket) -> socket.socket:
        return self._limit.watch(connected)


def retry_after(response: requests.Response) -> float:
    """Seconds that the provider asks us to wait; nought if it does not."""
    after = response.headers.get("Retry-After", "")
    return float(after) if after.isascii() and after.isdigit() else 0.0


class _TooMuch(OSError):
    """The answer does not end."""


def _read(response: requests.Response) -> bytes:
    """The body, unless it is larger than any honest answer."""
    content = bytearray()
    while chunk := response.raw.read1(64 * 1024):
        content += chunk
        if len(content) > _LARGEST_ANSWER:
            raise _TooMuch
    return bytes(content)


def _transport_error(call: ApiCall, error: Exception) -> ProviderError:
    causes = tuple(_causes(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return call.error(
            WrongConfiguration,
            "the certificate of the provider's API cannot be verified, so nothing was sent. Check"
            f" {call.setting}, this machine's clock and its certificates.",
        )
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return call.error(WrongConfiguration, f"the provider's address is unusable. Check {call.setting}.")
    never_connected = (
        requests.exceptions.ConnectTimeout,
        requests.exceptions.ProxyError,
        urllib3.exceptions.NewConnectionError,
        urllib3.exceptions.ConnectTimeoutError,
    )
    if any(isinstance(cause, never_connected) for cause in causes):
        return call.error(
            TryLater,
            "the provider's API cannot be reached, so nothing was sent. Check this machine's connection and"
            f" {call.setting}, then try again.",
        )
    if any(isinstance(cause, _TooMuch) for cause in causes):
        return call.lost("the provider's answer did not end")
    timeouts = (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)
    if any(isinstance(cause, timeouts) for cause in causes):
        return call.lost("the provider did not answer in time")
    return call.lost("the connection to the provider broke before its answer was here")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error with all that led to it; requests and urllib3 keep the cause in three different places."""
    waiting: list[Any] = [error]
    seen: set[int] = set()
    while waiting:
        cause = waiting.pop()
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]
