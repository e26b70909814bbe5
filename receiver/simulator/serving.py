"""Serving a simulator over HTTP."""

import contextlib
import ipaddress
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, ClassVar, Generic, Self, TypeVar

import requests
from flask import Flask, Response, current_app, request
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from .client import Control
from .provider import SharedProvider

_BACKLOG = 256
_REQUEST_SECONDS = 60.0

_Provider = TypeVar("_Provider", bound=SharedProvider[Any])
_Control = TypeVar("_Control", bound=Control)


def bind(app: Flask, host: str, port: int) -> BaseWSGIServer:
    """A threaded server that listens on an address but does not answer yet; `OSError` if that fails."""
    # Bound here, because the server itself would print a message and exit if the port is taken.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family, backlog=_BACKLOG) as listening:
        return make_server(host, port, app, threaded=True, request_handler=_Handler, fd=listening.fileno())


def is_local(host: str) -> bool:
    """Whether only this machine reaches what listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def url_at(host: str, port: int) -> str:
    """The URL, without a slash at its end, at which this machine reaches what listens there."""
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared, not bound
    return f"http://[{local}]:{port}" if ":" in local else f"http://{local}:{port}"


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write nothing: a request line can hold a secret."""


class Serving:
    """A simulator on an address of this machine, for the duration of a `with` block."""

    def __init__(self, app: Flask, host: str, port: int) -> None:
        self._server = bind(app, host, port)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="simulator", daemon=True
        )
        self.url = url_at(host, self._server.port)
        """Its address."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()


class ProviderServing(Serving, Generic[_Provider, _Control]):
    """A provider that is served, with its controls, and as a customer's program would ask it."""

    purchases_are: ClassVar[tuple[str, ...]]
    """The kinds of ledger entries that pay for numbers."""

    def __init__(
        self, provider: _Provider, app: Flask, control: Callable[[str], _Control], host: str, port: int
    ) -> None:
        super().__init__(app, host, port)
        self.provider = provider
        self.control = control(self.url)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.provider.close()
        super().__exit__(kind, error, trace)

    def send(self, method: str, url: str, **options: Any) -> requests.Response:
        """Send a request to the provider's API."""
        with requests.Session() as session:
            session.trust_env = False  # no proxy between two local programs
            return session.request(method, url, timeout=_REQUEST_SECONDS, **options)

    @property
    def account(self) -> dict[str, Any]:
        """What `GET /control/account` shows."""
        return self.control.account()

    @property
    def purchases(self) -> list[dict[str, Any]]:
        """The ledger's payments for numbers, oldest first: the proof that something was bought only once."""
        return [entry for entry in self.account["ledger"] if entry["kind"] in self.purchases_are]


def hang_up() -> Response:
    """Close the connection without an answer. The server notices when it tries to answer, and gives up."""
    connection = request.environ.get("werkzeug.socket")
    if isinstance(connection, socket.socket):
        with contextlib.suppress(OSError):  # the client was quicker
            connection.shutdown(socket.SHUT_RDWR)
    return current_app.response_class(status=502)
