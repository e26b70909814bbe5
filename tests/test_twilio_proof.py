"""`receiver numbers test` where the provider reads the answer and signs the URL: each hop is named."""

import json
import re
import socket
import threading
from contextlib import contextmanager

import pytest
from conftest import KEY, make_config, started
from test_proof import answering, passing_to, serving
from werkzeug.serving import make_server

from receiver.db.engine import writing
from receiver.keys import hops, proof
from receiver.keys.hops import Hop
from receiver.providers.twilio.provider import TWILIO
from receiver.simulator.twilio.server import SimulatorServer as Twilio
from receiver.vocabulary.kinds import Kind
from receiver.vocabulary.mask import masked_number

SECRET = "twilio-auth-token"
PAGE = b'<?xml version="1.0"?><Response><Say>Hello.</Say></Response>'


@contextmanager
def listening():
    """A free port, taken before it is known what answers there."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken, f"http://127.0.0.1:{taken.getsockname()[1]}"


@contextmanager
def service(tmp_path, public_url: str, taken: socket.socket, **settings: object):
    """The application on a port, called by an address of its own."""
    account = {"twilio_account_sid": "AC" + "1" * 32, "twilio_auth_token": SECRET}
    config = make_config(
        f"sqlite:///{tmp_path}/receiver.db", tmp_path, **account | {"public_url": public_url} | settings
    )
    for app in started(config):
        server = make_server("127.0.0.1", 0, app, threaded=True, fd=taken.fileno())
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield app
        server.shutdown()


@pytest.fixture
def through(tmp_path):
    """Prove a callback URL of a service through a proxy, which meddles as it is told."""

    def run(kind: str = "voice", *, public_url: str = "", secret: str = SECRET, **meddling) -> hops.Proof:
        with (
            listening() as (taken, behind),
            serving(passing_to(behind, **meddling)) as port,
            service(tmp_path, public_url or f"http://127.0.0.1:{port}/", taken) as app,
        ):
            url = f"http://127.0.0.1:{port}/callbacks/{KEY}/twilio/{kind}#rc=4"
            engine = app.extensions["receiver"].engine
            return proof.prove(engine, url, TWILIO.paths[kind], secret, provider=TWILIO)

    return run


def failed(found: hops.Proof, hop: Hop, words: str) -> None:
    said = f"{found.sentence} {found.mend}"
    assert found.failed == hop, said
    assert re.search(words, said), said
    assert KEY not in said
    assert SECRET not in said


@pytest.mark.parametrize("kind", ["voice", "sms", "status"])
def test_a_test_goes_all_the_way(through, kind):
    found = through(kind)
    assert found.holds, found.sentence


@pytest.mark.parametrize("kind", ["voice", "sms"])
@pytest.mark.parametrize(
    ("meddling", "words"),
    [
        ({"secret": "another-token"}, "another PUBLIC_URL, or another secret of Twilio"),
        ({"public_url": "https://old.example.com/"}, "another PUBLIC_URL, or another secret of Twilio"),
        ({"path": lambda path: path.replace("?", "/?")}, "changes the path"),
        ({"path": lambda path: path.partition("?")[0]}, "without its query"),
        ({"path": lambda path: path + "&by=proxy"}, "its query was changed"),
        ({"body": lambda body: b""}, "without its body"),
        ({"body": lambda body: body.replace(b"%2B", b"")}, "body was changed on the way"),
        ({"without": "X-Twilio-Signature"}, "without the header X-Twilio-Signature"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_although_the_provider_would_read_the_answer(through, kind, meddling, words):
    failed(through(kind, **meddling), Hop.LOG, words)


def test_a_path_of_another_kind(through):
    found = through("sms", path=lambda path: path.replace("/sms", "/voice"))
    failed(found, Hop.LOG, "sent as sms and arrived as voice")


def test_an_installation_with_another_database(tmp_path, monkeypatch):
    monkeypatch.setattr(proof, "_LOOKS", (0.0, 0.05))
    (tmp_path / "other").mkdir()
    with (
        listening() as (taken, address),
        service(tmp_path / "other", address, taken),
        listening() as (nobody, _),
        service(tmp_path, address, nobody) as app,
    ):
        found = proof.prove(
            app.extensions["receiver"].engine,
            f"{address}/callbacks/{KEY}/twilio/voice",
            Kind.VOICE,
            "another-token",
            provider=TWILIO,
        )
    failed(found, Hop.LOG, "not in this log.*another database")


def test_a_test_that_waits_in_the_spool(tmp_path, monkeypatch):
    monkeypatch.setattr(proof, "_LOOKS", (0.0, 0.05))
    with listening() as (taken, address), service(tmp_path, address, taken, commit_deadline=0.1) as app:
        engine = app.extensions["receiver"].engine
        with writing(engine):
            url = f"{address}/callbacks/{KEY}/twilio/voice"
            found = proof.prove(engine, url, Kind.VOICE, SECRET, provider=TWILIO)
    failed(found, Hop.LOG, "not in this log.*receiver spool status")


def test_somebody_elses_document(tmp_path):
    with (
        listening() as (nobody, address),
        service(tmp_path, address, nobody) as app,
        serving(answering(200, PAGE, **{"Content-Type": "text/xml"})) as port,
    ):
        url = f"http://127.0.0.1:{port}/callbacks/{KEY}/twilio/voice"
        found = proof.prove(app.extensions["receiver"].engine, url, Kind.VOICE, SECRET, provider=TWILIO)
    failed(found, Hop.ANSWER, "something else answers there")


# --- the command ---


@pytest.fixture
def shop(tmp_path):
    """A number that is configured; gives the simulated provider, its SID, itself, and commands."""
    with Twilio() as twilio, listening() as (taken, address):
        own = twilio.settings
        account = {"twilio_account_sid": own.account_sid, "twilio_auth_token": own.auth_token}
        settings = account | {"twilio_api_url": twilio.url, "hoiio_app_id": None, "hoiio_access_token": None}
        with service(tmp_path, f"{address}/", taken, **settings) as app:

            def run(*command: str):
                result = app.test_cli_runner().invoke(args=command)
                assert "Traceback" not in result.output, result.output
                return result

            assert run("setup", "--country", "US", "--yes").exit_code == 0
            (number,) = twilio.account["numbers"]
            yield twilio, number["sid"], number["phone_number"], run


def test_a_number_whose_calls_a_trunk_takes_is_not_called_fine(shop):
    twilio, sid, number, run = shop
    trunk = "TK" + "1" * 32
    assert twilio.request("POST", f"IncomingPhoneNumbers/{sid}.json", TrunkSid=trunk).ok
    tested = run("numbers", "test", number)
    assert tested.exit_code == 1
    assert re.search(r"^sms +dns ok, .*log ok", tested.stdout)
    assert f"voice  goes to the trunk {trunk}, not to this service" in tested.stdout
    assert f"receiver setup --number {masked_number(number)} --take-over" in " ".join(tested.stderr.split())
    assert json.loads(run("numbers", "test", number, "--json").stdout)["holds"] is False
    assert run("numbers", "test", number, "--kind", "sms").exit_code == 0
    assert "voice: the trunk TK…1111" in run("numbers", "list").stdout
    assert f"the trunk {trunk}" in run("numbers", "show", number).stdout
    (listed,) = json.loads(run("numbers", "list", "--json").stdout)["numbers"]
    assert (listed["forward_to_leads"], listed["forward_sms_to_leads"]) == ("elsewhere", "this service")
    (line,) = json.loads(run("doctor", "--json").stdout)["numbers"]
    assert line["serves"] == "sms"


def test_what_only_the_console_can_end_is_said(shop):
    twilio, sid, number, run = shop
    messages = twilio.request("POST", "/v1/Services", FriendlyName="Shop").json()["sid"]
    assert twilio.request("POST", f"/v1/Services/{messages}/PhoneNumbers", PhoneNumberSid=sid).ok
    tested = run("numbers", "test", number)
    assert tested.exit_code == 1
    assert f"sms    goes to the messaging service {messages}, not to this service" in tested.stdout
    assert "Only the provider's console can bring sms here." in tested.stderr
    assert "--take-over" not in tested.stderr


def test_what_the_provider_does_not_tell_is_said(shop):
    twilio, _, number, run = shop
    twilio.control.fault("Services/list", "status:20003", times=9)
    tested = run("numbers", "test", number)
    assert tested.exit_code == 0
    assert "Whether sms comes here is not known" in tested.stderr
