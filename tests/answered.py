"""A service that answers simulated calls by a rules file, and the time by which it does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from conftest import KEY, make_config, started
from werkzeug.serving import make_server

from receiver.answering import decisions
from receiver.answering.decisions import Noted
from receiver.simulator.twilio.server import SimulatorServer

EXAMPLES = Path(__file__).parent.parent / "docs/answering"


class Service:
    """It runs in this process, and is reached over HTTP."""

    def __init__(self, app, url: str, rules: Path) -> None:
        self.app, self.url, self.rules = app, url, rules
        self.parts = app.extensions["receiver"]

    def at(self, text: str, zone: str = "Asia/Singapore") -> None:
        """Let it be this time."""
        moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
        self.parts.answering.clock = lambda: moment

    def callback(self, word: str) -> str:
        return f"{self.url}callbacks/{KEY}/twilio/{word}"

    def decided(self, session: str) -> list[Noted]:
        """What was decided about a call."""
        assert self.parts.answering.flush(10)
        return decisions.of_session(self.parts.engine, "twilio", session)

    def why(self, session: str) -> list[str]:
        return [str(why) for noted in self.decided(session) for why in noted.why]


@contextmanager
def service(simulator: SimulatorServer, path: Path, database_url: str, rules: str) -> Iterator[Service]:
    """One that has the simulator's account."""
    file = path / "rules.toml"
    file.write_text(rules, encoding="utf-8")
    server = make_server("127.0.0.1", 0, None, threaded=True)
    server.daemon_threads = True
    url = f"http://127.0.0.1:{server.server_port}/"
    settings = {
        "twilio_account_sid": simulator.settings.account_sid,
        "twilio_auth_token": simulator.settings.auth_token,
        "twilio_api_url": simulator.url,
    }
    config = make_config(database_url, path, public_url=url, rules=file, **settings)
    for app in started(config):
        server.app = app
        running = Service(app, url, file)
        running.parts.recorder.start()
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield running
        finally:
            server.shutdown()
            server.server_close()
