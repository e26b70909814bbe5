"""Services that answer simulated calls by a rules file, at the time that a test says it is."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode, urljoin, urlsplit
from zoneinfo import ZoneInfo

import requests
from conftest import KEY, make_config, started
from twilio_callbacks import FORM, signature
from werkzeug.serving import make_server

from receiver.answering import decisions
from receiver.answering.decisions import Noted
from receiver.search.calls import CallLog
from receiver.search.query import Search
from receiver.simulator.twilio.server import SimulatorServer
from receiver.vocabulary.kinds import OF_WHOLE_CALLS, EventState

EXAMPLES = Path(__file__).parent.parent / "docs/answering"
CALLER = "+6591234567"


class Service:
    """It runs in this process, and is reached over HTTP."""

    def __init__(self, app, url: str, rules: Path, twilio: SimulatorServer) -> None:
        self.app, self.url, self.rules, self.twilio = app, url, rules, twilio
        self.parts = app.extensions["receiver"]

    def at(self, text: str, zone: str = "Asia/Singapore") -> None:
        """Let it be this time."""
        moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
        self.parts.answering.clock = lambda: moment

    def callback(self, word: str) -> str:
        return f"{self.url}callbacks/{KEY}/twilio/{word}"

    def take(self, number: str, *, ends: bool = True) -> None:
        """Let a number of the account lead here; without `ends`, those of its calls are not told."""
        listed = self.twilio.account["numbers"]
        sid = next(each["sid"] for each in listed if each["phone_number"] == number)
        urls = {"VoiceUrl": "voice", "SmsUrl": "sms", "StatusCallback": "status"}
        set_to = {name: self.callback(word) for name, word in urls.items()}
        if not ends:
            set_to["StatusCallback"] = ""
        assert self.twilio.request("POST", f"IncomingPhoneNumbers/{sid}.json", **set_to).ok

    def post(self, url: str, *, forged: bool = False, **said: str) -> str:
        """What a callback of a call is answered with; a relative URL is one that stood in an answer."""
        about = {"CallSid": "CA" + "1" * 32, "From": CALLER, "CallStatus": "in-progress", "To": said["To"]}
        return self.send(url, about | said, forged=forged)

    def send(self, url: str, said: Mapping[str, str], *, forged: bool = False) -> str:
        """What any callback is answered with."""
        body = urlencode(said).encode()
        url = urljoin(self.callback("voice"), url)
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        token = self.twilio.settings.auth_token
        signed = signature(target, body, token=token, public=self.url.rstrip("/"))
        headers = {"Content-Type": FORM, "X-Twilio-Signature": "forged" if forged else signed}
        answer = requests.post(url, body, headers=headers, timeout=10)
        assert answer.status_code == 200
        return answer.text

    def decided(self, session: str) -> list[Noted]:
        """What was decided about a call or an SMS."""
        assert self.parts.answering.flush(10)
        return decisions.of_session(self.parts.engine, "twilio", session)

    def why(self, session: str) -> list[str]:
        return [str(why) for noted in self.decided(session) for why in noted.why]


@contextmanager
def service(
    twilio: SimulatorServer, path: Path, database_url: str, rules: str, **settings
) -> Iterator[Service]:
    """One that has the simulator's account."""
    file = path / "rules.toml"
    file.write_text(rules, encoding="utf-8")
    server = make_server("127.0.0.1", 0, None, threaded=True)
    server.daemon_threads = True
    account = {
        "twilio_account_sid": twilio.settings.account_sid,
        "twilio_auth_token": twilio.settings.auth_token,
        "twilio_api_url": twilio.url,
        "public_url": f"http://127.0.0.1:{server.server_port}/",
    }
    for app in started(make_config(database_url, path, rules=file, **account, **settings)):
        server.app = app
        running = Service(app, account["public_url"], file, twilio)
        running.parts.recorder.start()
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield running
        finally:
            server.shutdown()
            server.server_close()


def found_as(office: Service, session: str) -> tuple[EventState, str]:
    """What became of a call; a search finds it by that."""
    log = CallLog(office.parts.engine)
    call = log.get(session)
    for state in OF_WHOLE_CALLS:
        calls = log.find(Search(state=state, session=session)).calls
        assert [one.state for one in calls] == [state] * (state is call.state)
    return call.state, call.outcome


def dialled(call: dict) -> list[str]:
    return [step["to"] for step in call["way"] if step["step"] == "Dial"]
