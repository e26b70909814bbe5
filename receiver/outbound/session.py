"""Requests to one target, over connections that are kept."""

from __future__ import annotations

import io
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import Any, Self, cast

from receiver.outbound.dial import Deadline
from receiver.outbound.message import request_bytes
from receiver.outbound.refusal import Unreachable
from receiver.outbound.target import Target

_LONGEST_IDLE = 30.0
"""Seconds after which a kept connection is given up: what stands in between may have forgotten it."""
_PIECE = 64 * 1024
_QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", None)


_Take = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, whatever its status. Everything in it is theirs."""

    status: int
    headers: dict[str, str]
    """Names in small letters."""
    body: bytes
    cut: bool
    """Whether the body went on beyond what is read of one."""
    seconds: float


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request on its way."""

    method: str
    message: bytes
    deadline: Deadline
    take: _Take | None


class Session:
    """Sends requests and reads their answers, each within `longest` seconds and up to `largest` bytes.

    Redirects are not followed; there are no proxies and no cookies. A kept connection that turns out to be
    closed is replaced, once. Several threads may use one session. `Guard.session` makes them.
    """

    def __init__(
        self,
        read: Callable[[str], Target],
        dial: Callable[[Target, Deadline], socket.socket],
        *,
        longest: float,
        largest: int,
    ) -> None:
        self._read = read
        self._dial = dial
        self._longest = longest
        self._largest = largest
        self._lock = threading.Lock()
        self._kept: list[_Wire] = []
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes what is kept; requests under way end by themselves."""
        with self._lock:
            self._closed = True
            kept, self._kept = self._kept, []
        for wire in kept:
            wire.end()

    def post(self, url: str, headers: Mapping[str, str], data: bytes) -> Reply:
        """Raises `Refused` or `Unreachable`."""
        return self.request("POST", url, headers, data)

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        *,
        deadline: Deadline | None = None,
        take: _Take | None = None,
    ) -> Reply:
        """One request; `deadline` is for several that share their time. Raises `Refused` or `Unreachable`.

        With `take`, the body of a 200 is handed to that piece by piece, and is empty in the reply.
        """
        target = self._read(url)
        deadline = deadline or Deadline(self._longest)
        asked = _Asked(method, request_bytes(method, target, headers or {}, data), deadline, take)
        try:
            return self._reply(target, asked)
        except TimeoutError:
            reason = f"{target.host} took longer than {deadline.seconds:g} seconds."
        except ssl.SSLCertVerificationError as error:
            reason = f"The certificate of {target.host} is not valid: {error.verify_message.rstrip('.')}."
        except ssl.SSLError:
            reason = f"No secure connection to {target.host} can be made."
        except (OSError, IncompleteRead):
            reason = f"{target.host} cannot be reached, or broke off."
        except HTTPException:
            reason = f"What {target.host} answered is not valid HTTP."
        raise Unreachable(reason)

    def _reply(self, target: Target, asked: _Asked) -> Reply:
        begun = time.monotonic()
        wire = self._take(target)
        if wire is not None:
            try:
                return self._exchange(wire, asked, begun)
            except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
                if wire.heard:
                    raise
        wire = _Wire(target, self._dial(target, asked.deadline))
        return self._exchange(wire, asked, begun)

    def _exchange(self, wire: _Wire, asked: _Asked, begun: float) -> Reply:
        keep = False
        try:
            wire.begin(asked.deadline)
            wire.sendall(asked.message)
            with HTTPResponse(cast(Any, wire), method=asked.method) as response:
                response.begin()
                if wire.ended:  # http.client takes half a head for a whole one
                    raise ConnectionError("the end of the head is missing")
                if asked.take is not None and response.status == 200:
                    body, cut = b"", self._take_pieces(response, asked.take)
                else:
                    body = response.read(self._largest + 1)
                    cut = len(body) > self._largest
                if response.length and not cut:
                    raise ConnectionError("the end of the body is missing")
                headers = {name.lower(): value for name, value in response.headers.items()}
                keep = not (cut or response.will_close or response.status < 200)
                status = response.status
        finally:
            self._give(wire, keep)
        return Reply(status, headers, body[: self._largest], cut, time.monotonic() - begun)

    def _take_pieces(self, response: HTTPResponse, take: _Take) -> bool:
        """Whether there is more than is read of a body."""
        size = 0
        while piece := response.read(_PIECE):
            size += len(piece)
            if size > self._largest:
                return True
            take(piece)
        return False

    def _take(self, target: Target) -> _Wire | None:
        while True:
            with self._lock:
                if not self._kept:
                    return None
                wire = self._kept.pop()
            if wire.usable(target):
                return wire
            wire.end()

    def _give(self, wire: _Wire, keep: bool) -> None:
        wire.idle_since = time.monotonic()
        with self._lock:
            keep = keep and not self._closed
            # The one used last is taken first, so those that nobody needs any more grow old in front.
            old = bool(self._kept) and self._kept[0].idle_since < wire.idle_since - _LONGEST_IDLE
            gone = self._kept.pop(0) if old else None
            if keep:
                self._kept.append(wire)
        if gone:
            gone.end()
        if not keep:
            wire.end()


class _Wire:
    """A connection, as far as HTTPResponse needs a socket: no wait on it exceeds the request's time."""

    def __init__(self, target: Target, connection: socket.socket) -> None:
        self._origin = target.origin
        self._connection = connection
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN)
        self._deadline = Deadline(0)
        self.idle_since = 0.0
        self.heard = False
        """Whether anything of the answer has come."""
        self.ended = False
        """Whether the other side has closed it."""

    def usable(self, target: Target) -> bool:
        """Whether it is kept for this target, is young, and has nothing to say, such as its end."""
        young = time.monotonic() - self.idle_since < _LONGEST_IDLE
        return young and self._origin == target.origin and not self._poll.poll(0)

    def begin(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self.heard = False

    def end(self) -> None:
        self._connection.close()

    def sendall(self, data: bytes) -> None:
        self._connection.settimeout(self._deadline.left())
        self._connection.sendall(data)
        if _QUICK_ACK is not None:
            # Many servers send the head, and the body only once that is acknowledged: 40 ms later by default.
            self._connection.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)

    def receive(self, buffer: Any) -> int:
        self._connection.settimeout(self._deadline.left())
        count = self._connection.recv_into(buffer)
        self.heard = self.heard or count > 0
        self.ended = count == 0
        return count

    def makefile(self, _: str) -> io.BufferedReader:
        return io.BufferedReader(_Answer(self), 16 * 1024)


class _Answer(io.RawIOBase):
    def __init__(self, wire: _Wire) -> None:
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._wire.receive(buffer)
