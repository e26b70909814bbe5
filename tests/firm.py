"""A firm that uses the service: a provider with numbers, a service that serves, somebody at a terminal."""

import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conftest import KEY, OLD_KEY, TOKEN, make_config, started
from flask import Flask
from sqlalchemy import select
from werkzeug.serving import make_server

from receiver.models import CallbackKey
from receiver.simulator.hoiio.server import SimulatorServer
from receiver.simulator.hoiio.settings import Settings


def provider() -> SimulatorServer:
    return SimulatorServer(Settings(rate_limit=0, resolve_hosts=False, access_token=TOKEN))


class Firm:
    """Somebody at a terminal, whose PUBLIC_URL is a port of this machine."""

    app: Flask
    """The service, if it serves."""

    def __init__(self, simulator: SimulatorServer, tmp_path: Path, port: int) -> None:
        self.simulator, self.tmp_path = simulator, tmp_path
        self.url = f"http://127.0.0.1:{port}/"

    def config(self, **settings: object):
        given = {
            "public_url": self.url,
            "hoiio_api_url": self.simulator.open_url,
            "hoiio_app_id": "sim-app",
            "hoiio_access_token": TOKEN,
        }
        return make_config(f"sqlite:///{self.tmp_path}/receiver.db", self.tmp_path, **given | settings)

    def flask(self, *command: str, **settings: object):
        for app in started(self.config(**settings)):
            result = app.test_cli_runner().invoke(args=command)
        assert "Traceback" not in result.output, result.output
        for secret in (KEY, OLD_KEY, *self.made()):
            assert secret not in result.output
        return result

    def made(self) -> list[str]:
        for app in started(self.config()):
            with app.extensions["receiver"].engine.connect() as connection:
                return [secret for secret in connection.scalars(select(CallbackKey.secret)) if secret]
        return []

    def listed(self) -> list[dict]:
        return json.loads(self.flask("keys", "list", "--json").stdout)["keys"]

    def targets(self) -> set[str]:
        return {
            url
            for number in self.simulator.account["numbers"]
            for url in (number["forward_to"], number["forward_sms_to"])
            if url
        }


@contextmanager
def serving(tmp_path: Path, **settings: object) -> Iterator[Firm]:
    """A firm with three numbers: calls here, faxes here by an older key, and SMS elsewhere."""
    with provider() as simulator, socket.create_server(("127.0.0.1", 0)) as listening:
        firm = Firm(simulator, tmp_path, listening.getsockname()[1])
        for place, forwarding in (
            ("US", {"forward_to": f"{firm.url}callbacks/{KEY}/voice", "mode": "voice"}),
            ("SG", {"forward_to": f"{firm.url}callbacks/{OLD_KEY}/fax", "mode": "fax"}),
            ("US", {"forward_sms_to": "http://other.example.com/sms"}),
        ):
            simulator.subscribe(place, "CA", **forwarding)
        for app in started(firm.config(**settings)):
            firm.app = app
            server = make_server("127.0.0.1", 0, app, threaded=True, fd=listening.fileno())
            logging.getLogger("werkzeug").setLevel(logging.ERROR)
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            app.extensions["receiver"].schedule.start()
            yield firm
            app.extensions["receiver"].schedule.stop(5)
            server.shutdown()
