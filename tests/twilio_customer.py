"""A customer of the simulated Twilio: a web server for its callbacks, a number that leads there."""

import contextlib
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

import pytest

from receiver.simulator.twilio.server import SimulatorServer
from receiver.simulator.twilio.settings import Settings

SETTINGS = Settings()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256  # a hundred calls at once


class Customer:
    """A web server that answers each path as it was told, and keeps what it was asked.

    After the header, the answers of `slow` paths trickle in until the server ends.
    """

    def __init__(self):
        self.answers, self.requests, self.slow, self.over = {}, [], set(), threading.Event()
        customer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                path, _, query = self.path.partition("?")
                form = dict(parse_qsl(body or query, keep_blank_values=True))
                customer.requests.append((self.command, path, form, dict(self.headers), self.path))
                answers = customer.answers.get(path, [(204, "", "text/xml", {})])
                status, content, kind, headers = answers.pop(0) if len(answers) > 1 else answers[0]
                if status is None:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                self.send_response(status)
                for name, value in ({"Content-Type": kind} if kind else {}).items():
                    self.send_header(name, value)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content.encode())))
                self.end_headers()
                with contextlib.suppress(ConnectionError):
                    while path in customer.slow and not customer.over.wait(0.01):
                        self.wfile.write(b" ")
                    self.wfile.write(content.encode())

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, path, *contents, status=200, kind="text/xml", **headers):
        """Answer a path with these contents in turn, and for ever with the last."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers[path] = [(status, str(content), kind, named) for content in contents]

    def forms(self, path):
        return [form for _, asked, form, _, _ in self.requests if asked == path]

    def paths(self):
        return [path for _, path, *_ in self.requests]


@pytest.fixture(scope="module")
def server():
    with SimulatorServer(SETTINGS) as running:
        yield running


@contextmanager
def serving():
    customer = Customer()
    threading.Thread(target=customer.server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield customer
    finally:
        customer.over.set()
        customer.server.shutdown()
        customer.server.server_close()


@pytest.fixture
def there():
    with serving() as customer:
        yield customer


@pytest.fixture
def number(server, there):
    """A number with all its URLs; the simulator is shared, the number is not."""
    server.control.set_balance("100.00")
    return server.buy(
        VoiceUrl=there.url + "/voice",
        SmsUrl=there.url + "/sms",
        StatusCallback=there.url + "/status",
    )


def configure(server, number, **parameters):
    (held,) = server.request("GET", "IncomingPhoneNumbers.json", PhoneNumber=number).json()[
        "incoming_phone_numbers"
    ]
    assert server.request("POST", f"IncomingPhoneNumbers/{held['sid']}.json", **parameters).ok


def alerts(server, sid):
    listed = server.request("GET", "/v1/Alerts", PageSize="1000").json()["alerts"]
    return [(one["error_code"], one["log_level"]) for one in listed if one["resource_sid"] == sid]
