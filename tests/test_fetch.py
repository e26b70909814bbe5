"""Fetching what a callback links to, from real servers on this machine."""

import contextlib
import hashlib
import io
import socket
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme

from receiver.outbound.allow import AllowList
from receiver.outbound.fetch import Fetcher
from receiver.outbound.fetch_error import FetchError
from receiver.outbound.guard import Guard
from receiver.outbound.media import FAXES
from receiver.outbound.media import PDF as PDF_FILE
from receiver.outbound.sign_in import SignIn

PDF = b"%PDF-1.4\n" + b"x" * 5000


class Server(ThreadingHTTPServer):
    """Answers each path as the test says; remembers what was asked."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = {}
        self.asked = []
        self.connections = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def process_request(self, request, address):
        self.connections += 1
        super().process_request(request, address)

    def handle_error(self, request, client_address):
        pass


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        self.server.answers[self.path](self)

    def log_message(self, *_):
        pass


def answer(body: bytes = PDF, status: int = 200, **headers: str):
    def write(handler: Handler):
        handler.send_response(status)
        given = {"Content-Type": "application/pdf", "Content-Length": str(len(body))} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        for name, value in given.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return write


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def trusting(url: str, **limits: float) -> Fetcher:
    return Fetcher(Guard(AllowList(), trusted=[url]), **limits)


def pdf(fetcher: Fetcher, url: str) -> bytes:
    into = io.BytesIO()
    document = fetcher.fetch(url, into, FAXES)
    assert document.media is PDF_FILE
    assert (document.size, document.sha256) == (
        len(into.getvalue()),
        hashlib.sha256(into.getvalue()).hexdigest(),
    )
    return into.getvalue()


def refused(fetcher: Fetcher, url: str) -> str:
    with pytest.raises(FetchError) as refusal:
        pdf(fetcher, url)
    assert ".pdf" not in str(refusal.value)
    assert "secret" not in str(refusal.value)
    return str(refusal.value)


def test_it_fetches_from_where_the_provider_is(server):
    server.answers["/files/a.pdf?Signature=secret"] = answer()
    assert pdf(trusting(f"{server.url}/open/"), f"{server.url}/files/a.pdf?Signature=secret") == PDF
    _, headers = server.asked[0]
    assert "Authorization" not in headers
    assert "Cookie" not in headers


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://files.example.com/secret.pdf", "not https"),
        ("ftp://files.example.com/secret.pdf", "not https"),
        ("file:///etc/passwd", "not https"),
        ("javascript:alert(1)", "not https"),
        ("//files.example.com/secret.pdf", "not https"),
        ("https://files.example.com:8443/secret.pdf", "Port 8443"),
        ("https://user:secret@files.example.com/x.pdf", "user name"),
        ("https://[::1/secret.pdf", "not a valid URL"),
        ("https://files.example.com:99999/secret.pdf", "not a valid URL"),
        ("https://", "not a valid URL"),
        ("", "not https"),
    ],
)
def test_it_refuses_what_is_no_plain_https_address(url, why):
    with pytest.raises(FetchError, match=why) as refusal:
        pdf(trusting("http://127.0.0.1:1/open/"), url)
    assert "secret" not in str(refusal.value)


def test_it_looks_at_the_address_it_is_connected_to_and_sends_nothing_to_a_private_one(server, monkeypatch):
    """A name that is looked up first may lead elsewhere by the time it is connected to."""
    here = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.server_port))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [here])
    assert "this machine" in refused(trusting("http://127.0.0.1:1/open/"), "https://files.example.com/a.pdf")
    assert server.asked == []


def test_it_looks_again_after_a_redirect(server, monkeypatch):
    fetcher = trusting(f"{server.url}/open/")
    server.answers["/away"] = answer(b"", 302, Location="http://files.example.com/x.pdf")
    assert "not https" in refused(fetcher, f"{server.url}/away")
    here = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.server_port))
    server.answers["/private"] = answer(b"", 302, Location="https://files.example.com/x.pdf")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [here])
    assert "this machine" in refused(fetcher, f"{server.url}/private")
    assert [path for path, _ in server.asked] == ["/away", "/private"]


def test_it_signs_in_to_one_server_alone_and_not_after_another_led_back(server):
    def signed_in() -> list[bool]:
        asked, server.asked = server.asked, []
        return ["Authorization" in headers for _, headers in asked]

    guard = Guard(AllowList(("127.0.0.1/32", "localhost")))
    fetcher = Fetcher(guard, sign_in=SignIn(f"{server.url}/2010/", "Basic eDp5"))
    elsewhere = server.url.replace("127.0.0.1", "localhost")
    server.answers["/there.pdf"] = answer()
    server.answers["/once"] = answer(b"", 302, Location="/there.pdf")
    server.answers["/away"] = answer(b"", 302, Location=f"{elsewhere}/back")
    server.answers["/back"] = answer(b"", 302, Location=f"{server.url}/there.pdf")
    for path, expected in (("/once", [True, True]), ("/away", [True, False, False])):
        assert pdf(fetcher, server.url + path) == PDF
        assert signed_in() == expected
    assert pdf(fetcher, f"{elsewhere}/there.pdf") == PDF
    assert signed_in() == [False]


def test_it_follows_a_few_redirects_and_no_endless_ones(server):
    fetcher = trusting(f"{server.url}/open/")
    server.answers["/once"] = answer(b"", 302, Location="/there.pdf")
    server.answers["/there.pdf"] = answer()
    server.answers["/ring"] = answer(b"", 302, Location="/ring")
    assert pdf(fetcher, f"{server.url}/once") == PDF
    assert "redirects too often" in refused(fetcher, f"{server.url}/ring")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (answer(b"<html>", Content_Type="text/html"), "not of type"),
        (answer(b"<script>alert(1)</script>"), "and is not"),
        (answer(status=403), "expired"),
        (answer(status=500), "answers 500"),
        (answer(PDF, Content_Length=str(len(PDF) + 10)), "broke off"),
        (answer(PDF * 300), "larger than 1 MB"),
    ],
    ids=["html", "script", "expired", "broken", "short", "large"],
)
def test_it_says_why_there_is_no_document(server, given, why):
    server.answers["/secret.pdf"] = given
    with pytest.raises(FetchError, match=why) as refusal:
        pdf(trusting(server.url, largest=1024 * 1024), f"{server.url}/secret.pdf")
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("drip", [b"X-A: ", b"Content-Type: application/pdf\r\n\r\n%PDF-"])
@pytest.mark.parametrize("secure", [False, True])
def test_a_server_that_drips_does_not_hold_it(drip, secure, tmp_path, monkeypatch):
    """In the head or in the body: each byte comes well within any time limit of a single read."""
    stop = threading.Event()
    authority, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

    def serve():
        connection, _ = listener.accept()
        if secure:
            connection = tls.wrap_socket(connection, server_side=True)
        with connection, contextlib.suppress(OSError):
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 200 OK\r\n" + drip)
            while not stop.wait(0.05):
                connection.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        url = f"http{'s' if secure else ''}://127.0.0.1:{listener.getsockname()[1]}"
        begun = time.monotonic()
        assert "longer than 0.5 seconds" in refused(trusting(url, longest=0.5), f"{url}/a.pdf")
        assert time.monotonic() - begun < 3
        stop.set()
        thread.join(5)
