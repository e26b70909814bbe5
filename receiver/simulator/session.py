"""The HTTP client that calls a customer's URLs: one request, in time; the rest is its caller's."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse


class Session(requests.Session):
    """Keeps cookies and connections, uses no proxy, follows nothing."""

    def __init__(self) -> None:
        super().__init__()
        # A proxy configured for this machine must not come between two local programs.
        self.trust_env = False
        adapter = _Adapter()
        self.mount("http://", adapter)
        self.mount("https://", adapter)

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: the library would prepare the next request even if it is not to follow, and may fail."""

    @contextlib.contextmanager
    def until(self, deadline: float) -> Iterator[None]:
        """Cut off what is sent in this block when its time is up.

        The library's own time-outs are those of a packet, and begin anew with each.
        """
        scissors = _Scissors(deadline - time.monotonic())
        token = _under_way.set(scissors)
        try:
            yield
        finally:
            _under_way.reset(token)
            scissors.put_away()


class _Scissors:
    """Ends the connections of a request after some seconds, whatever is waited for in them."""

    def __init__(self, seconds: float) -> None:
        self._lock = threading.Lock()
        self._connections: list[socket.socket] = []
        self._cutting = False
        self._timer = threading.Timer(max(seconds, 0), self._cut)
        self._timer.daemon = True
        self._timer.start()

    def watch(self, connection: socket.socket) -> None:
        """Make a connection end with the others."""
        with self._lock:
            # A duplicate, since the library closes its own when it likes, and TLS takes it over.
            self._connections.append(socket.socket(fileno=os.dup(connection.fileno())))
            if self._cutting:
                self._end_all()

    def put_away(self) -> None:
        """Cut nothing any more."""
        self._timer.cancel()
        with self._lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()

    def _cut(self) -> None:
        with self._lock:
            self._cutting = True
            self._end_all()

    def _end_all(self) -> None:
        for connection in self._connections:
            with contextlib.suppress(OSError):  # the other side was quicker
                connection.shutdown(socket.SHUT_RDWR)


_under_way: ContextVar[_Scissors] = ContextVar("_under_way")


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        connection = super()._new_conn()
        _under_way.get().watch(connection)
        return connection

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as in the library
        if self.sock is not None:  # perhaps kept from the request before
            _under_way.get().watch(self.sock)
        return super().getresponse()


class _TlsConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *settings: Any, **named: Any) -> None:
        super().init_poolmanager(*settings, **named)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
