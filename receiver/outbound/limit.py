"""A time limit for a whole request: connecting, the handshake, the head of the answer and its body.

The limits that HTTP clients know concern a single wait. A server that sends a byte now and then never exceeds
them. So a timer shuts the connection, whatever is waited for on it.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

Watch = Callable[[socket.socket], socket.socket]


class TimeLimit:
    """Ends a request that is not over in so many seconds, which `with` begins to count.

    Whoever waited then gets an error, or the end of the answer: ask `over` which it was.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ends = time.monotonic() + seconds
        self._timer = threading.Timer(seconds, self._shut)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._watched: list[socket.socket] = []

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() >= self._ends

    def __enter__(self) -> Self:
        self._ends = time.monotonic() + self.seconds
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            for watched in self._watched:
                watched.close()
            self._watched.clear()

    def watch(self, connected: socket.socket) -> socket.socket:
        """The socket, which the limit shuts when the time is up."""
        with self._lock:
            if self.over:
                connected.close()
                raise TimeoutError
            # A second handle: TLS takes the first away from us before its handshake is done.
            self._watched.append(socket.fromfd(connected.fileno(), connected.family, connected.type))
        return connected

    def _shut(self) -> None:
        with self._lock:
            for watched in self._watched:
                with contextlib.suppress(OSError):
                    watched.shutdown(socket.SHUT_RDWR)


class WatchedAdapter(HTTPAdapter):
    """Shows each connection to `watch` before a request is sent on it: a new one once it is connected, which
    is before TLS, and a kept one again."""

    def __init__(self, watch: Watch) -> None:
        self._pools = _pools(watch)
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        if proxy.lower().startswith("http"):
            manager.pool_classes_by_scheme = self._pools
        return manager


def _pools(watch: Watch) -> dict[str, Any]:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return watch(super()._new_conn())

        def request(self, *args: Any, **kwargs: Any) -> None:
            if self.sock is not None:
                watch(self.sock)
            super().request(*args, **kwargs)

    class Tls(Plain, HTTPSConnection):
        """The same, with the handshake after it."""

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = Tls

    return {"http": PlainPool, "https": TlsPool}
