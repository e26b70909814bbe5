"""Assembles the simulated Twilio and serves it."""

import requests
from flask import Flask

from receiver.simulator.guard import guard
from receiver.simulator.serving import ProviderServing

from .account import PURCHASES
from .api import api_blueprint
from .client import Control
from .control import control_blueprint
from .provider import Provider
from .resources import ENDPOINTS
from .settings import Settings


def create_simulator(provider: Provider) -> Flask:
    """The simulator as a WSGI application."""
    app = Flask(__name__)
    guard(app, provider.settings.listen, provider.settings.base_url)
    app.register_blueprint(api_blueprint(provider, ENDPOINTS))
    app.register_blueprint(control_blueprint(provider, [endpoint.name for endpoint in ENDPOINTS]))
    return app


class SimulatorServer(ProviderServing[Provider, Control]):
    """A simulator on a free port of this machine, for the duration of a `with` block."""

    purchases_are = PURCHASES

    def __init__(self, settings: Settings | None = None, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.settings = settings or Settings()
        provider = Provider(self.settings)
        super().__init__(provider, create_simulator(provider), Control, host, port)
        self.account_url = f"{self.url}/2010-04-01/Accounts/{self.settings.account_sid}"
        """The URL below which the account's resources are."""

    def request(self, method: str, path: str, **parameters: str) -> requests.Response:
        """Send a request with valid credentials to a path below the account, or to a whole path."""
        url = self.url + path if path.startswith("/") else f"{self.account_url}/{path}"
        query, form = (parameters, None) if method == "GET" else (None, parameters)
        credentials = (self.settings.account_sid, self.settings.auth_token)
        return self.send(method, url, params=query, data=form, auth=credentials)

    def buy(self, country: str = "US", kind: str = "Local", **configuration: str) -> str:
        """Buy the first free number of a type, configured, and return it."""
        offers = self.request("GET", f"AvailablePhoneNumbers/{country}/{kind}.json").json()
        number: str = offers["available_phone_numbers"][0]["phone_number"]
        answer = self.request("POST", "IncomingPhoneNumbers.json", PhoneNumber=number, **configuration)
        if answer.status_code != 201:
            raise ValueError(f"{number} was refused: {answer.text}")
        return number
