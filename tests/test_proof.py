"""Proof of reachability: `receiver numbers test` through servers and proxies that misbehave in every way."""

import contextlib
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
import trustme
from conftest import API_TOKEN, KEY, TOKEN, make_config, signed, started
from werkzeug.serving import make_server

from receiver.keys import hops, proof
from receiver.keys.hops import Hop
from receiver.providers.hoiio.provider import HOIIO
from receiver.search.counts import Counts
from receiver.simulator.hoiio.server import SimulatorServer
from receiver.simulator.hoiio.settings import Settings
from receiver.vocabulary.kinds import Kind


@pytest.fixture
def service(tmp_path):
    """The application on an address of its own; gives the application and its address."""
    config = make_config(f"sqlite:///{tmp_path}/receiver.db", tmp_path, hoiio_access_token=TOKEN)
    for app in started(config):
        server = make_server("127.0.0.1", 0, app, threaded=True)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield app, f"http://127.0.0.1:{server.port}"
        server.shutdown()


@contextmanager
def serving(handle: Callable[[BaseHTTPRequestHandler], None], tls: ssl.SSLContext | None = None):
    """A server that does with each request what `handle` says; gives its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            handle(self)

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A broken handshake is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def answer(request: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    request.send_response(status)
    for name, value in ({"Content-Length": str(len(body))} | headers).items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body)


def answering(status: int, body: bytes = b"", **headers: str):
    """A server that reads what it is sent and always says the same."""

    def handle(request: BaseHTTPRequestHandler) -> None:
        request.rfile.read(int(request.headers.get("Content-Length", 0)))
        answer(request, status, body, **headers)

    return handle


def passing_to(
    target: str,
    *,
    path: Callable[[str], str] = str,
    body: Callable[[bytes], bytes] = bytes,
    without: str = "",
):
    """A proxy that passes requests on, after meddling with them."""

    def handle(request: BaseHTTPRequestHandler) -> None:
        content = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in {"content-length", without.lower()}
        }
        said = requests.request(
            request.command, target + path(request.path), data=body(content), headers=headers, timeout=5
        )
        answer(request, said.status_code, said.content)

    return handle


@pytest.fixture
def prove(service):
    """Prove a callback URL at an address."""
    app, _ = service

    def run(address: str, kind: str = "sms") -> hops.Proof:
        engine = app.extensions["receiver"].engine
        return proof.prove(engine, f"{address}/callbacks/{KEY}/{kind}", Kind(kind), TOKEN, provider=HOIIO)

    return run


def failed(found: hops.Proof, hop: Hop, words: str) -> None:
    assert (found.failed, found.holds) == (hop, False)
    assert re.search(words, f"{found.sentence} {found.mend}"), f"{found.sentence} {found.mend}"
    assert found.mend
    assert KEY not in found.sentence + found.mend


# --- it holds ---


def test_a_test_goes_all_the_way_and_is_logged_as_one(service, prove):
    app, address = service
    found = prove(address)
    assert found.holds
    assert found.passed == (Hop.DNS, Hop.CONNECT, Hop.ANSWER, Hop.LOG)
    event = app.test_client().get(
        f"/api/v1/events/{found.event}", headers={"Authorization": f"Bearer {API_TOKEN}"}
    )
    assert event.json["type"] == "test"
    assert event.json["kind"] == "sms"
    assert (event.json["quarantined"], event.json["problems"], event.json["sender"]) == (False, [], None)
    counts, now = Counts(app.extensions["receiver"].engine), datetime.now(UTC)
    assert counts.by_hour(now - timedelta(hours=1), now) == []


def test_only_a_valid_signature_makes_it_a_test(app, client, api):
    body = b"receiver_test=0123456789abcdef0123456789abcdef&from=%2B6591234567"
    client.post(f"/callbacks/{KEY}/sms", data=body, content_type="application/x-www-form-urlencoded")
    client.post(f"/callbacks/{KEY}/sms", data=body, headers=signed(body + b"x"))
    client.post(f"/callbacks/{KEY}/voice", data=body, headers=signed(body))
    found = ("/events", "/events?quarantined=true", "/events?type=test")
    events = [event for path in found for event in api(path)["events"]]
    assert {event["signature"]: event["type"] for event in events} == {
        "valid": "test",
        "missing": "unknown",
        "invalid": "unknown",
    }
    assert [event["type"] for event in api("/events?type=test&kind=voice")["events"]] == ["test"]


# --- the hops ---


def test_a_name_that_does_not_resolve(prove):
    failed(prove("http://no-such-host.invalid"), Hop.DNS, "does not resolve.*PUBLIC_URL")


def test_a_port_where_nothing_listens(prove):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    failed(prove(f"http://127.0.0.1:{port}"), Hop.CONNECT, "connection refused.*receiver serve")


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def context_of(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@pytest.fixture
def trusted(authority, tmp_path, monkeypatch) -> None:
    """This machine trusts the authority."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


def test_a_certificate_that_is_good(service, prove, authority, trusted):
    _, address = service
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=5)
    certificate = authority.issue_cert("localhost", not_after=until)
    with serving(passing_to(address), context_of(certificate)) as port:
        found = prove(f"https://localhost:{port}")
    assert found.holds, found.sentence
    assert Hop.TLS in found.passed
    assert found.certificate_until == until


def test_a_certificate_that_expired(prove, authority, trusted):
    begin, end = (datetime.now(UTC) - timedelta(days=days) for days in (90, 1))
    certificate = authority.issue_cert("localhost", not_before=begin, not_after=end)
    with serving(answering(200), context_of(certificate)) as port:
        failed(prove(f"https://localhost:{port}"), Hop.TLS, "has expired. Renew it")


def test_a_certificate_for_another_name(prove, authority, trusted):
    with serving(answering(200), context_of(authority.issue_cert("other.example.com"))) as port:
        failed(prove(f"https://localhost:{port}"), Hop.TLS, "another name than localhost")


def test_a_certificate_of_ones_own(prove, authority):
    certificate = authority.issue_cert("localhost")
    with serving(answering(200), context_of(certificate)) as port:
        failed(prove(f"https://localhost:{port}"), Hop.TLS, "known authority|self-signed")


def test_a_certificate_signed_by_itself(prove, authority, tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (tmp_path / "own.pem").write_bytes(authority.private_key_pem.bytes() + authority.cert_pem.bytes())
    context.load_cert_chain(tmp_path / "own.pem")
    with serving(answering(200), context) as port:
        failed(prove(f"https://localhost:{port}"), Hop.TLS, "self-signed.*public authority")


def test_a_port_without_tls(prove):
    with serving(answering(200)) as port:
        failed(prove(f"https://localhost:{port}"), Hop.TLS, "speaks no TLS")


@pytest.mark.parametrize(
    ("handle", "words"),
    [
        (answering(301, Location="https://127.0.0.1/x"), "redirect.*http is sent on to https"),
        (answering(302, Location="http://other.example.com/x"), "leads to other.example.com.*PUBLIC_URL"),
        (answering(307, Location="/callbacks/x/"), "redirect.*without a redirect"),
        (answering(401), "wants a login"),
        (answering(405), "takes no POST"),
        (answering(413), "client_max_body_size"),
        (answering(429), "rate limit"),
        (answering(502), "does not reach this service"),
        (answering(503), "cannot hold callbacks"),
        (answering(503, b"<html>down"), "does not reach this service"),
        (answering(504), "did not answer it in time"),
        (answering(418), "HTTP 418"),
        (answering(200, b"<html>Welcome", Server="nginx/1.27"), "something else answers"),
        (answering(404, b"<html>Not found", Server="nginx/1.27"), r"let the proxy pass /callbacks/"),
        (lambda request: request.connection.close(), "closed without an answer"),
    ],
)
def test_an_answer_that_is_not_ours(prove, handle, words):
    with serving(handle) as port:
        failed(prove(f"http://127.0.0.1:{port}"), Hop.ANSWER, f"(?i){words}")


def test_no_answer_at_all(prove, monkeypatch):
    monkeypatch.setattr(hops, "TIMEOUT", 0.3)
    hold = threading.Event()
    with serving(lambda _: hold.wait(5) and None) as port:
        failed(prove(f"http://127.0.0.1:{port}"), Hop.ANSWER, "no answer within")
        hold.set()


def test_an_answer_that_drips(prove, monkeypatch):
    monkeypatch.setattr(hops, "_LONGEST", 0.4)
    over = threading.Event()

    def drip(request):
        request.send_response(200)
        request.flush_headers()
        with contextlib.suppress(OSError):
            while not over.wait(0.05):
                request.wfile.write(b"X")

    with serving(drip) as port:
        failed(prove(f"http://127.0.0.1:{port}"), Hop.ANSWER, "no answer within 0.4 seconds")
        over.set()


def test_a_key_that_the_service_does_not_accept(service):
    app, address = service
    found = proof.prove(
        app.extensions["receiver"].engine,
        f"{address}/callbacks/wrong-key/sms",
        Kind.SMS,
        TOKEN,
        provider=HOIIO,
    )
    failed(found, Hop.ANSWER, "does not accept this callback key.*CALLBACK_KEYS")


def test_a_path_prefix_that_the_proxy_does_not_take_away(service, prove):
    _, address = service
    with serving(passing_to(address)) as port:
        found = prove(f"http://127.0.0.1:{port}/receiver")
        failed(found, Hop.ANSWER, "works without /receiver.*out of PUBLIC_URL")
    with serving(passing_to(address, path=lambda path: f"/more{path}")) as port:
        failed(prove(f"http://127.0.0.1:{port}/receiver"), Hop.ANSWER, "does not know the path.*proxy_pass")


@pytest.mark.parametrize(
    ("meddling", "words"),
    [
        ({"body": lambda body: b""}, "without its body"),
        ({"body": lambda body: body.replace(b"%2B", b"+")}, "changed on the way: [0-9]+ bytes were sent"),
        ({"without": "X-Hoiio-Signature"}, "without the header X-Hoiio-Signature"),
        ({"path": lambda path: path.replace("/sms", "/fax")}, "sent as sms and arrived as fax"),
        ({"path": lambda path: path.replace("/sms", "/sms2")}, "arrived as voice|quarantined"),
    ],
)
def test_a_proxy_that_meddles(service, prove, meddling, words):
    _, address = service
    with serving(passing_to(address, **meddling)) as port:
        failed(prove(f"http://127.0.0.1:{port}"), Hop.LOG, words)


def test_a_service_with_another_access_token(service):
    app, address = service
    found = proof.prove(
        app.extensions["receiver"].engine,
        f"{address}/callbacks/{KEY}/sms",
        Kind.SMS,
        "another-token",
        provider=HOIIO,
    )
    failed(found, Hop.LOG, "another secret")


def test_an_installation_with_another_database(prove, monkeypatch):
    monkeypatch.setattr(proof, "_LOOKS", (0.0, 0.05))
    with serving(answering(200)) as port:
        failed(prove(f"http://127.0.0.1:{port}"), Hop.LOG, "not in this log.*spool.*another database")


# --- the command ---


@pytest.fixture
def flask(service, tmp_path):
    """Run a command whose PUBLIC_URL leads to the service, unless told otherwise."""
    _, address = service
    with SimulatorServer(Settings(rate_limit=0, resolve_hosts=False, access_token=TOKEN)) as simulator:

        def run(*command: str, **settings: object):
            config = make_config(
                f"sqlite:///{tmp_path}/receiver.db",
                tmp_path,
                **{"public_url": address, "hoiio_api_url": simulator.open_url, "hoiio_app_id": "sim-app"}
                | settings,
            )
            for app in started(config):
                result = app.test_cli_runner().invoke(args=command)
            assert "Traceback" not in result.output
            assert KEY not in result.output
            return result

        run.simulator = simulator
        run.address = address
        yield run


def test_the_command_proves_all_kinds(flask):
    result = flask("numbers", "test")
    assert result.exit_code == 0, result.output
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["voice", "fax", "sms"]
    assert result.stdout.count("ok") >= 3


def test_the_command_says_which_hop_failed_and_what_to_do(flask):
    result = flask("numbers", "test", "--kind", "sms", public_url="http://127.0.0.1:1")
    assert result.exit_code == 1
    assert "connect FAILED" in result.stdout
    assert "receiver serve" in result.stdout
    shown = json.loads(
        flask("numbers", "test", "--kind", "sms", "--json", public_url="http://127.0.0.1:1").stdout
    )
    assert shown["holds"] is False
    assert shown["tests"][0]["failed"] == "connect"


def test_the_command_tests_where_a_number_really_points(flask):
    number = flask.simulator.subscribe(
        "US",
        "CA",
        forward_to=f"{flask.address}/callbacks/{KEY}/voice",
        forward_sms_to="http://other.example.com/sms",
        mode="voice",
    )
    result = flask("numbers", "test", number)
    assert result.exit_code == 1
    assert re.search(r"voice +.*ok", result.stdout)
    assert "other.example.com" in result.stdout
    assert "--take-over" in result.stderr
    assert flask("numbers", "test", "+6591112222").exit_code == 1


def test_the_command_needs_a_token_and_an_address(flask):
    for missing in ("hoiio_access_token", "public_url"):
        result = flask("numbers", "test", **{missing: None})
        assert result.exit_code == 1
        assert missing.upper() in result.stderr


def test_setup_proves_what_it_configured(flask):
    result = flask("setup", "--country", "US", "--state", "CA", "--yes")
    assert result.exit_code == 0, result.output
    assert "Proved: a test for voice and sms arrived in the log." in result.stderr
    assert "Proved" not in flask("setup", "--country", "US", "--state", "CA", "--yes").stderr


def test_setup_warns_of_what_it_cannot_prove(flask):
    with serving(passing_to(flask.address, without="X-Hoiio-Signature")) as port:
        address = f"http://127.0.0.1:{port}"
        result = flask("setup", "--country", "SG", "--kind", "fax", "--yes", public_url=address)
    assert "X-Hoiio-Signature" in result.stderr
    assert "Let the proxy pass this header." in result.stderr
