"""Assembles the simulator and serves it."""

import socket
import threading
from types import TracebackType
from typing import Any, Self

import requests
from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from .api import ENDPOINTS, api_blueprint
from .client import Control
from .control import control_blueprint
from .files import files_blueprint
from .guard import guard
from .ivr import IVR_ENDPOINTS
from .page import page_blueprint
from .provider import Provider
from .sending import NOT_SIMULATED, SENDING_ENDPOINTS
from .settings import Settings

_BACKLOG = 256
_REQUEST_SECONDS = 60.0


def create_simulator(settings: Settings | Provider) -> Flask:
    """The simulator as a WSGI application. `StateError` if the state file is unusable."""
    provider = settings if isinstance(settings, Provider) else Provider(settings)
    app = Flask(__name__)
    endpoints = {**ENDPOINTS, **IVR_ENDPOINTS, **SENDING_ENDPOINTS, **NOT_SIMULATED}
    guard(app, provider.settings)
    app.register_blueprint(api_blueprint(provider, endpoints))
    app.register_blueprint(control_blueprint(provider, endpoints))
    app.register_blueprint(files_blueprint(provider))
    app.register_blueprint(page_blueprint(provider))
    return app


def bind(app: Flask, host: str, port: int) -> BaseWSGIServer:
    """A threaded server that listens on an address but does not answer yet; `OSError` if that fails."""
    # Bound here, because the server itself would print a message and exit if the port is taken.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family, backlog=_BACKLOG) as listening:
        return make_server(host, port, app, threaded=True, request_handler=_Handler, fd=listening.fileno())


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write nothing: the request line of a GET holds the access token."""


class SimulatorServer:
    """A simulator on a free port of this machine, for the duration of a `with` block."""

    def __init__(self, settings: Settings | None = None, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.settings = settings or Settings()
        self.provider = Provider(self.settings)
        self._server = bind(create_simulator(self.provider), host, port)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="simulator", daemon=True
        )
        self.url = f"http://{host}:{self._server.port}"
        """Its address."""
        self.open_url = f"{self.url}/open/"
        """The base URL of the provider's API, for a client."""
        self.control = Control(self.url)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.provider.close()
        self._server.shutdown()
        self._thread.join()

    def request(self, endpoint: str, **parameters: str) -> dict[str, Any]:
        """Send a request to the provider's API, with valid credentials unless others are given."""
        own = {"app_id": self.settings.app_id, "access_token": self.settings.access_token}
        with requests.Session() as session:
            session.trust_env = False  # no proxy between two local programs
            answer: dict[str, Any] = session.post(
                self.open_url + endpoint, data=own | parameters, timeout=_REQUEST_SECONDS
            ).json()
        return answer

    def subscribe(self, country: str = "US", state: str = "CA", **forwarding: str) -> str:
        """Buy the first free number of a region for a month, set its forwarding if given, and return it."""
        region = {"country": country} | ({"state": state} if country == "US" else {})
        number: str = self.request("number/get_choices", **region)["entries"][0]["number"]
        steps = [("number/subscribe", {"number": number, "duration": "1"})]
        if forwarding:
            steps.append(("number/update_forwarding", {"number": number, **forwarding}))
        for endpoint, parameters in steps:
            status = self.request(endpoint, **parameters)["status"]
            if status != "success_ok":
                raise ValueError(f"{endpoint} for {number} was refused: {status}")
        return number

    @property
    def account(self) -> dict[str, Any]:
        """What `GET /control/account` shows."""
        return self.control.account()

    @property
    def purchases(self) -> list[dict[str, Any]]:
        """The ledger's payments for numbers, oldest first: the proof that something was bought only once."""
        return [
            entry for entry in self.account["ledger"] if entry["kind"] in ("subscribe", "extend", "renew")
        ]
