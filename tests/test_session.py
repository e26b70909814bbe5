"""Requests that the guard lets through: to real servers on this machine."""

import contextlib
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
from receiver.outbound.refusal import Refused, Unreachable


class Server(ThreadingHTTPServer):
    """Answers POST with what it got, and GET with a redirect to `away`; counts connections."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.connections, self.asked, self.away = [], [], ""
        self.left = threading.Event()
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook?a=b"

    def process_request(self, request, address):
        self.connections.append(request)
        super().process_request(request, address)

    def shutdown_request(self, request):
        super().shutdown_request(request)
        self.left.set()

    def handle_error(self, request, client_address):
        pass

    def drop_connections(self) -> None:
        """As a server does that grows tired of silent ones."""
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, self.headers, body))
        self.reply(200, body)

    def do_GET(self):
        self.server.asked.append((self.path, self.headers, b""))
        self.reply(302, b"", Location=self.server.away)

    def reply(self, status, body, **headers):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), "Set-Cookie": "a=b", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = Server()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def guard(server):
    return Guard(AllowList([f"127.0.0.1:{server.server_port}"]))


@pytest.fixture
def session(guard):
    with guard.session(longest=5, largest=100) as session:
        yield session


@contextlib.contextmanager
def talking(*pieces: bytes, every: float = 0):
    """The port of a server that reads a request and says this, the last piece again and again if `every`."""
    stop = threading.Event()

    def serve():
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(10_000)
            for piece in pieces:
                connection.sendall(piece)
            while every and not stop.wait(every):
                connection.sendall(pieces[-1])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        stop.set()
        thread.join(5)


def test_a_post_arrives_as_it_was_meant_and_the_answer_comes_back(server, session):
    reply = session.post(server.url, {"Webhook-Id": "msg_1", "Content-Type": "application/json"}, b'{"a":1}')
    assert (reply.status, reply.body, reply.cut) == (200, b'{"a":1}', False)
    assert reply.headers["content-length"] == "7"
    assert 0 < reply.seconds < 5
    [(path, headers, body)] = server.asked
    assert (path, body) == ("/hook?a=b", b'{"a":1}')
    assert headers["Host"] == f"127.0.0.1:{server.server_port}"
    assert headers["Webhook-Id"] == "msg_1"
    assert headers["Accept-Encoding"] == "identity"


def test_a_connection_is_kept_and_nothing_else_is(server, session, monkeypatch, tmp_path):
    """No cookie, no proxy and no password file."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login olga password sesame\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for _ in range(20):
        assert session.post(server.url, {}, b"x").status == 200
    assert len(server.connections) == 1
    for _, headers, _ in server.asked:
        assert {"Cookie", "Authorization", "Proxy-Authorization"}.isdisjoint(headers.keys())


def test_a_session_serves_several_threads_and_answers_are_not_mixed_up(server, session):
    mixed = []

    def post(number: int):
        for turn in range(30):
            said = f"{number}/{turn}".encode()
            if session.post(server.url, {}, said).body != said:
                mixed.append(said)

    threads = [threading.Thread(target=post, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not mixed
    assert len(server.asked) == 120
    assert len(server.connections) <= 4


def test_a_kept_connection_that_the_server_closed_is_replaced(server, session):
    for _ in range(3):
        assert session.post(server.url, {}, b"x").status == 200
        server.drop_connections()
    assert len(server.asked) == len(server.connections) == 3


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@contextlib.contextmanager
def scripted(*connections: list[bytes]):
    """The port of a server that says one thing for each request on a connection and then closes it; how many
    requests it has read."""
    asked = []

    def serve():
        for answers in connections:
            connection, _ = listener.accept()
            with connection:
                for answer in answers:
                    asked.append(connection.recv(10_000))
                    connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1], asked
        thread.join(5)


def test_a_request_that_meets_the_closing_of_a_kept_connection_is_sent_once_more():
    with (
        scripted([OK, b""], [OK]) as (port, asked),
        Guard(AllowList(["127.0.0.1"])).session(longest=5, largest=100) as session,
    ):
        for _ in range(2):
            assert session.post(f"http://127.0.0.1:{port}/", {}, b"x").status == 200
    assert len(asked) == 3


def test_but_not_once_an_answer_has_begun():
    with (
        scripted([OK, b"HTTP/1.1 200"]) as (port, asked),
        Guard(AllowList(["127.0.0.1"])).session(longest=5, largest=100) as session,
    ):
        session.post(f"http://127.0.0.1:{port}/", {}, b"x")
        with pytest.raises(Unreachable, match="broke off"):
            session.post(f"http://127.0.0.1:{port}/", {}, b"x")
    assert len(asked) == 2


def test_what_a_server_says_unasked_is_no_answer_to_the_next_request():
    forged = b"HTTP/1.1 204 No Content\r\n\r\n"
    said = threading.Event()

    def serve():
        first, _ = listener.accept()
        first.recv(10_000)
        first.sendall(OK)
        assert answered.wait(5)
        first.sendall(forged)
        said.set()
        second, _ = listener.accept()
        second.recv(10_000)
        second.sendall(OK)
        first.close()
        second.close()

    answered = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with Guard(AllowList(["127.0.0.1"])).session(longest=5, largest=100) as session:
            assert session.post(url, {}, b"x").status == 200
            answered.set()
            assert said.wait(5)
            assert session.post(url, {}, b"x").status == 200
        thread.join(5)


@pytest.mark.parametrize(
    "tail", [" HTTP/1.1\r\nX-A: b", "\r\n", "a b", "\u65e5", "\x00", "%zz", "\\", '"', "<"]
)
def test_a_path_cannot_hold_what_ends_it(tail, server, session):
    with pytest.raises(Refused, match="not a valid URL"):
        session.post(server.url + tail, {}, b"x")
    assert server.connections == []


def test_a_closed_session_keeps_no_connection(server, guard):
    session = guard.session(longest=5, largest=100)
    session.post(server.url, {}, b"x")
    session.close()
    assert server.left.wait(5)
    server.left.clear()
    session.post(server.url, {}, b"x")
    assert server.left.wait(5)
    assert len(server.connections) == 2


def test_a_long_answer_is_cut_and_spoils_nothing(server, session):
    long = session.post(server.url, {}, b"x" * 101)
    assert (long.status, long.body, long.cut) == (200, b"x" * 100, True)
    exact = session.post(server.url, {}, b"y" * 100)
    assert (exact.body, exact.cut) == (b"y" * 100, False)


def test_an_endless_answer_is_cut_as_well(guard):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with talking(head, b"5\r\nhello\r\n", every=0.001) as port:
        reply = Guard(AllowList(["127.0.0.1"])).request(
            "POST", f"http://127.0.0.1:{port}/", data=b"", longest=5, largest=12
        )
    assert (reply.body, reply.cut) == (b"hellohellohe", True)


@pytest.mark.parametrize(
    "away",
    [
        "http://127.0.0.1:{port}/",
        "//127.0.0.1:{port}/",
        "https://127.0.0.1:{port}/",
        "https://127.0.0.1/",
        "http://2130706433:{port}/",
        "http://127.1:{port}/",
        "https://[::ffff:127.0.0.1]:{port}/",
        "http://localhost:{port}/",
        "http://127.0.0.1:{own}@127.0.0.1:{port}/",
        "http://127.0.0.1:{port}\\@127.0.0.1:{own}/",
        "http://169.254.169.254/latest/meta-data",
        *("file:///etc/passwd", "ftp://127.0.0.1:{port}/x", "gopher://127.0.0.1:{port}/_x"),
        *(
            "data:application/pdf,%25PDF-",
            "javascript:alert(1)",
            "http://[::1",
            "http://127.0.0.1:{port}:80/",
        ),
    ],
)
def test_a_redirect_from_an_allowed_server_leads_nowhere_else(away, server, guard):
    """A post does not follow it at all; a document is fetched from where a link might lead."""
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as silent:
        server.away = away.replace("{port}", str(silent.getsockname()[1])).replace(
            "{own}", str(server.server_port)
        )
        assert guard.request("GET", server.url, longest=5, largest=100).status == 302
        with pytest.raises(FetchError) as refusal:
            Fetcher(guard).fetch(server.url, io.BytesIO(), FAXES)
        assert "answers" not in str(refusal.value)
        silent.setblocking(False)
        with pytest.raises(BlockingIOError):
            silent.accept()
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("pieces", "why"),
    [
        ((b"HTTP/1.1 200 OK\r\nX-A: ", b"x"), "took longer than 0.4 seconds"),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n", b"x"), "took longer than 0.4 seconds"),
        ((b"HTTP/1.1 100 Continue\r\n\r\n",), "took longer than 0.4 seconds"),
    ],
)
def test_a_server_that_drips_does_not_hold_it(pieces, why):
    begun = time.monotonic()
    with talking(*pieces, every=0.03) as port, pytest.raises(Unreachable, match=why):
        Guard(AllowList(["127.0.0.1"])).request("GET", f"http://127.0.0.1:{port}/", longest=0.4, largest=100)
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"", "broke off"),
        (b"HTTP/1.1 200", "broke off"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "broke off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", "broke off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\nx", "broke off"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe", "broke off"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "not valid HTTP"),
        (b"HTTP/1.1 abc OK\r\n\r\n", "not valid HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 200 + b"\r\n", "not valid HTTP"),
    ],
)
def test_what_is_no_whole_answer_is_none(said, why):
    with talking(said) as port, pytest.raises(Unreachable, match=why):
        Guard(AllowList(["127.0.0.1"])).request("GET", f"http://127.0.0.1:{port}/", longest=5, largest=100)


def test_a_name_server_that_hangs_does_not_hold_it(monkeypatch):
    free = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: free.wait(20) and [])
    with pytest.raises(Unreachable, match=r"took longer than 0\.2 seconds"):
        Guard(AllowList()).request("GET", "https://slow.example.com/", longest=0.2, largest=100)
    free.set()


def test_a_certificate_must_be_valid_for_the_name(tmp_path, monkeypatch):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    guard = Guard(AllowList(["127.0.0.1", "localhost"]))

    def get(guard: Guard, host: str):
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def serve():
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    secure = context.wrap_socket(connection, server_side=True)
                    secure.recv(10_000)
                    secure.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                    secure.close()

            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            try:
                url = f"https://{host}:{listener.getsockname()[1]}/secret"
                return guard.request("GET", url, longest=5, largest=100).status
            finally:
                thread.join(5)

    with pytest.raises(Unreachable, match="The certificate of localhost is not valid: unable to get local"):
        get(guard, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    guard = Guard(AllowList(["127.0.0.1", "localhost"]))
    assert get(guard, "localhost") == 204
    with pytest.raises(Unreachable, match=r"The certificate of 127\.0\.0\.1 is not valid"):
        get(guard, "127.0.0.1")


def test_a_secure_connection_is_kept_as_well(tmp_path, monkeypatch, server):
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with Guard(AllowList(["127.0.0.1"])).session(longest=5, largest=100) as session:
        for _ in range(5):
            assert session.post(server.url.replace("http:", "https:"), {}, b"x").body == b"x"
    assert len(server.connections) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"X-A": "b\r\nX-C: d"},
        {"X-A": "b\n folded"},
        {"X-A": "\x00"},
        {"X-A": "\u65e5"},
        {"X-A\r\nX-C": "d"},
        {"X A": "b"},
        {"": "b"},
        {"Host": "other.example.com"},
        {"content-length": "0"},
        {"Transfer-Encoding": "chunked"},
    ],
)
def test_headers_can_neither_begin_another_request_nor_change_where_this_one_goes(headers, server, session):
    with pytest.raises(Refused, match="header"):
        session.post(server.url, headers, b"x")
    assert server.connections == []
