"""PUBLIC_URL_FALLBACK: whatever is wrong with the second machine is said before it is needed."""

import json
import logging
import re
import socket
import ssl
import threading
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from conftest import KEY, make_config, quickly_known, started
from test_console import form_token, signed_in
from test_proof import answering, passing_to, serving
from test_twilio_proof import listening
from werkzeug.serving import make_server

from receiver.access.scopes import Scope
from receiver.keys import presence, proof
from receiver.setup import rotation
from receiver.simulator.twilio.server import SimulatorServer as Twilio


@contextmanager
def machine(config, taken: socket.socket, name: str):
    """A machine that serves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(presence.socket, "gethostname", lambda: name)
        application = started(config)
        app = next(application)
    server = make_server("127.0.0.1", 0, app, threaded=True, fd=taken.fileno())
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    app.extensions["receiver"].schedule.start()
    yield app
    app.extensions["receiver"].schedule.stop(5)
    server.shutdown()
    next(application, None)


class Firm:
    """A firm whose first machine serves; at most one number leads to it."""

    def __init__(self, twilio: Twilio, tmp_path, stack: ExitStack) -> None:
        self.twilio, self.tmp_path, self._stack = twilio, tmp_path, stack
        self.taken, self.url = stack.enter_context(listening())
        self.second = ""
        self.settings: dict[str, object] = {}
        """What both machines, and who runs commands, have besides."""

    def config(self, folder: str = "", **settings: object):
        given = {
            "hoiio_app_id": None,
            "hoiio_access_token": None,
            "twilio_account_sid": self.twilio.settings.account_sid,
            "twilio_auth_token": self.twilio.settings.auth_token,
            "twilio_api_url": self.twilio.url,
            "public_url": f"{self.url}/",
            "public_url_fallback": f"{self.second}/",
            "secret_key": "a-secret-for-tests",
        }
        path = self.tmp_path / folder
        path.mkdir(exist_ok=True)
        return make_config(f"sqlite:///{path}/receiver.db", path, **given | self.settings | settings)

    def serve(self, *, second: socket.socket | None = None, folder: str = "") -> None:
        """Begin to serve, on the second machine too; `folder` is where that has its database."""
        self.app = self._stack.enter_context(machine(self.config(), self.taken, "web1"))
        if second is not None:
            self._stack.enter_context(machine(self.config(folder), second, "web2"))

    def run(self, *command: str, code: int = 0):
        for app in started(self.config()):
            result = app.test_cli_runner().invoke(args=command)
        assert "Traceback" not in result.output, result.output
        assert result.exit_code == code, result.output
        assert KEY not in result.output
        return result

    def found(self) -> dict[str, dict]:
        """What the doctor finds of the second machine, by code."""
        for app in started(self.config()):
            said = app.test_cli_runner().invoke(args=["doctor", "--json"]).stdout
        return {one["code"]: one for one in json.loads(said)["findings"] if "fallback" in one["code"]}


@pytest.fixture
def firm(tmp_path, monkeypatch):
    quickly_known(monkeypatch)
    monkeypatch.setattr(rotation, "_PATIENCE", 1.0)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with Twilio() as twilio, ExitStack() as stack:
        yield Firm(twilio, tmp_path, stack)


def refused(firm: Firm, words: str) -> None:
    """A rotation says so, and writes nothing at the provider."""
    before = firm.twilio.account["numbers"]
    said = " ".join(firm.run("keys", "rotate", "--yes", code=1).stderr.split())
    assert words in said
    assert "No call is lost" in said
    assert firm.twilio.account["numbers"] == before


def test_a_second_machine_that_works_is_proved_and_gets_the_new_key(firm):
    with listening() as (taken, firm.second):
        firm.serve(second=taken)
        firm.run("setup", "--country", "US", "--yes")
        (number,) = firm.twilio.account["numbers"]
        tested = firm.run("numbers", "test", number["phone_number"]).stdout.splitlines()
        assert [line.partition("  ")[0] for line in tested] == [
            *("voice", "status callback", "voice fallback", "sms", "sms fallback")
        ]
        assert all("log ok" in line for line in tested)
        assert firm.found() == {}
        said = firm.run("keys", "rotate", "--yes").stderr
        assert "Warning" not in said
        (number,) = firm.twilio.account["numbers"]
        assert KEY not in number["voice_fallback_url"]
        assert "log FAILED" not in firm.run("numbers", "test", number["phone_number"]).stdout


def test_the_button_of_the_console_tests_every_url(firm):
    with listening() as (taken, firm.second):
        firm.serve(second=taken)
        firm.run("setup", "--country", "US", "--yes")
        (number,) = firm.twilio.account["numbers"]
        client = signed_in(firm.app, "olga", Scope.OPERATE)
        token = {"form_token": form_token(client)}
        page = client.post(f"/numbers/{number['phone_number']}", data=token).text
    assert re.findall(r"<strong>([^<]+)</strong>: the test arrived after", page) == [
        *("Calls", "Status callback", "Voice fallback", "SMS", "SMS fallback")
    ]


def test_one_that_does_not_answer(firm):
    firm.second = "http://127.0.0.1:1"
    firm.serve()
    dry = " ".join(firm.run("setup", "--country", "US", "--dry-run").stderr.split())
    assert "Warning: the callback URL for voice fallback and sms fallback does not work" in dry
    found = firm.found()["fallback-connect"]
    assert (found["severity"], "connection refused" in found["sentence"]) == ("warning", True)
    refused(firm, "PUBLIC_URL_FALLBACK does not accept the new key: 127.0.0.1 does not accept connections")


def test_one_with_another_certificate(firm, tmp_path, monkeypatch):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("other.example.com").configure_cert(context)
    with serving(answering(200), context) as port:
        firm.second = f"https://localhost:{port}"
        firm.serve()
        assert "another name than localhost" in firm.found()["fallback-tls"]["sentence"]
        refused(firm, "another name than localhost")


def test_one_whose_certificate_ends_tomorrow(firm, tmp_path, monkeypatch):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    until = datetime.now(UTC) + timedelta(days=1, hours=1)
    authority.issue_cert("localhost", not_after=until).configure_cert(context)
    with serving(passing_to(firm.url), context) as port:
        firm.second = f"https://localhost:{port}"
        firm.serve()
        ends = firm.found()["fallback-certificate"]
    assert ends["sentence"] == "The TLS certificate of PUBLIC_URL_FALLBACK ends tomorrow."


def test_one_that_does_not_know_the_key(firm, monkeypatch):
    """It has a database of its own, and so the keys of the settings only."""
    monkeypatch.setattr(proof, "_LOOKS", (0.0, 0.05))
    with listening() as (taken, firm.second):
        firm.serve(second=taken, folder="its-own")
        assert "another database" in firm.found()["fallback-same"]["sentence"]
        firm.run("setup", "--country", "US", "--yes")
        (number,) = firm.twilio.account["numbers"]
        tested = " ".join(firm.run("numbers", "test", number["phone_number"], code=1).stdout.split())
        assert "PUBLIC_URL_FALLBACK leads to an installation with another database" in tested
        refused(firm, "PUBLIC_URL_FALLBACK leads to an installation with another database")


def test_the_key_of_one_with_a_database_of_its_own_is_changed_in_the_settings(firm):
    def both(taken: socket.socket):
        stack = ExitStack()
        stack.enter_context(machine(firm.config(), firm.taken, "web1"))
        stack.enter_context(machine(firm.config("its-own"), taken, "web2"))
        return stack

    with listening() as (taken, firm.second):
        with both(taken):
            firm.run("setup", "--country", "US", "--yes")
            refused(firm, "write a fresh key in front of the others in CALLBACK_KEYS on both machines")
        firm.settings = {"callback_keys": ("a-fresh-key-0123456789", KEY)}
        with both(taken):
            firm.run("doctor", "--fix", code=1)
            (number,) = firm.twilio.account["numbers"]
            for setting in ("voice_url", "voice_fallback_url", "sms_url", "sms_fallback_url"):
                assert "/a-fresh-key-0123456789/" in number[setting]
                assert proof.reach(number[setting]).holds
            made = json.loads(firm.run("keys", "list", "--json").stdout)["keys"]
            (left,) = (key["key"] for key in made if key["state"] == "new")
            firm.run("keys", "retire", left, "--yes")


def test_one_that_is_this_very_machine(firm):
    firm.second = firm.url.replace("127.0.0.1", "localhost")
    firm.serve()
    assert "PUBLIC_URL_FALLBACK is PUBLIC_URL" in firm.found()["fallback-same"]["sentence"]
    assert "Warning: PUBLIC_URL_FALLBACK is PUBLIC_URL" in " ".join(
        firm.run("keys", "rotate", "--yes").stderr.split()
    )


def test_one_that_is_this_very_machine_by_another_name(firm):
    with serving(passing_to(firm.url)) as port:
        firm.second = f"http://127.0.0.1:{port}"
        firm.serve()
        assert "only web1 serves with this database" in firm.found()["fallback-same"]["sentence"]
        assert "Warning: PUBLIC_URL_FALLBACK answers, but only web1" in " ".join(
            firm.run("keys", "rotate", "--yes").stderr.split()
        )
