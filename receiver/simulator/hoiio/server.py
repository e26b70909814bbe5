"""Assembles the simulator and serves it."""

from types import TracebackType
from typing import Any

import requests
from flask import Flask

from receiver.simulator.guard import guard
from receiver.simulator.serving import Serving

from .api import ENDPOINTS, api_blueprint
from .client import Control
from .control import control_blueprint
from .files import files_blueprint
from .ivr import IVR_ENDPOINTS
from .page import page_blueprint
from .provider import Provider
from .sending import NOT_SIMULATED, SENDING_ENDPOINTS
from .settings import Settings

_REQUEST_SECONDS = 60.0


def create_simulator(settings: Settings | Provider) -> Flask:
    """The simulator as a WSGI application. `StateError` if the state file is unusable."""
    provider = settings if isinstance(settings, Provider) else Provider(settings)
    app = Flask(__name__)
    endpoints = {**ENDPOINTS, **IVR_ENDPOINTS, **SENDING_ENDPOINTS, **NOT_SIMULATED}
    guard(app, provider.settings.listen, provider.settings.base_url)
    app.register_blueprint(api_blueprint(provider, endpoints))
    app.register_blueprint(control_blueprint(provider, endpoints))
    app.register_blueprint(files_blueprint(provider))
    app.register_blueprint(page_blueprint(provider))
    return app


class SimulatorServer(Serving):
    """A simulator on a free port of this machine, for the duration of a `with` block."""

    def __init__(self, settings: Settings | None = None, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.settings = settings or Settings()
        self.provider = Provider(self.settings)
        super().__init__(create_simulator(self.provider), host, port)
        self.open_url = f"{self.url}/open/"
        """The base URL of the provider's API, for a client."""
        self.control = Control(self.url)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.provider.close()
        super().__exit__(kind, error, trace)

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
