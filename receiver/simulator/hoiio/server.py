"""Assembles the simulator and serves it."""

from typing import Any

from flask import Flask

from receiver.simulator.guard import guard
from receiver.simulator.serving import ProviderServing

from .account import PURCHASES
from .api import ENDPOINTS, api_blueprint
from .client import Control
from .control import control_blueprint
from .files import files_blueprint
from .ivr import IVR_ENDPOINTS
from .page import page_blueprint
from .provider import Provider
from .sending import NOT_SIMULATED, SENDING_ENDPOINTS
from .settings import Settings


def create_simulator(provider: Provider) -> Flask:
    """The simulator as a WSGI application."""
    app = Flask(__name__)
    endpoints = {**ENDPOINTS, **IVR_ENDPOINTS, **SENDING_ENDPOINTS, **NOT_SIMULATED}
    guard(app, provider.settings.listen, provider.settings.base_url)
    app.register_blueprint(api_blueprint(provider, endpoints))
    app.register_blueprint(control_blueprint(provider, endpoints))
    app.register_blueprint(files_blueprint(provider))
    app.register_blueprint(page_blueprint(provider))
    return app


class SimulatorServer(ProviderServing[Provider, Control]):
    """A simulator on a free port of this machine, for the duration of a `with` block."""

    purchases_are = PURCHASES

    def __init__(self, settings: Settings | None = None, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.settings = settings or Settings()
        provider = Provider(self.settings)
        super().__init__(provider, create_simulator(provider), Control, host, port)
        self.open_url = f"{self.url}/open/"
        """The base URL of the provider's API, for a client."""

    def request(self, endpoint: str, **parameters: str) -> dict[str, Any]:
        """Send a request to the provider's API, with valid credentials unless others are given."""
        own = {"app_id": self.settings.app_id, "access_token": self.settings.access_token}
        answer: dict[str, Any] = self.send("POST", self.open_url + endpoint, data=own | parameters).json()
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
