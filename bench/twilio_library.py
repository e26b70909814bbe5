"""`python -m bench.twilio_library`: what Twilio's own library costs and does, beside our client.

Both ask one server on this machine. There are no bars: docs/dependencies.md quotes what it prints.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from receiver.providers.twilio.client import TwilioClient

ACCOUNT, TOKEN = "AC" + "0" * 32, "token"
LIMIT = 1.0
"""Seconds that both are told a request may take."""
DRIP = 0.1
"""Seconds between two bytes."""
ODD: tuple[Any, ...] = (None, [], {"incoming_phone_numbers": None}, {"incoming_phone_numbers": ["x"]})
COSTS = {
    "library": "from twilio.rest import Client; c = Client('A', 'x'); c.incoming_phone_numbers; c.pricing.v1",
    "ours": "from receiver.providers.twilio.client import TwilioClient; TwilioClient('A', ('A', 'x'))",
}
MEASURED = """
import resource, sys, time, requests
used = lambda: int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 2**20
before, modules, begun = used(), len(sys.modules), time.perf_counter()
{}
took = (time.perf_counter() - begun) * 1000
print(f"{{took:.0f}} ms, {{len(sys.modules) - modules}} modules, {{used() - before:.0f}} MB")
"""


class _Server(ThreadingHTTPServer):
    """Answers everything with `answer`, byte by byte if it `drips`, and remembers what it was shown."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer: Any = None
        self.drips = False
        self.shown: list[str] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.shown.append(self.headers["Authorization"] or "")
        body = json.dumps(self.server.answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            for byte in body:
                self.wfile.write(bytes([byte]))
                time.sleep(DRIP if self.server.drips else 0)
        except OSError:
            pass  # given up by the other side

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def _outcome(ask: Callable[[], object]) -> str:
    begun = time.perf_counter()
    try:
        ask()
        name = "no error"
    except Exception as error:
        name = type(error).__name__
    return f"{name} after {time.perf_counter() - begun:.1f} s"


def main() -> None:
    """Prints a line for each question, the library's answer first."""
    for who, code in COSTS.items():
        cost = subprocess.check_output([sys.executable, "-c", MEASURED.format(code)], text=True)
        print(f"import and make a client, on top of requests, {who}: {cost.strip()}")
    server, other = _Server(), _Server()
    library = Client(ACCOUNT, TOKEN, http_client=TwilioHttpClient(timeout=LIMIT))
    library.api.base_url = library.pricing.base_url = server.url
    ours = TwilioClient(
        ACCOUNT, (ACCOUNT, TOKEN), server.url, timeout=(LIMIT, LIMIT), longest=LIMIT, sleep=lambda _: None
    )
    asks: dict[str, Callable[[], object]] = {
        "library": library.incoming_phone_numbers.list,
        "ours": ours.subscribed_numbers,
    }
    server.drips, server.answer = True, {"incoming_phone_numbers": [], "uri": "x" * 60}
    for who, ask in asks.items():
        print(f"an answer that drips, with a limit of {LIMIT:g} s, {who}: {_outcome(ask)}")
    server.drips = False
    server.answer = {"countries": [], "meta": {"key": "countries", "next_page_url": f"{other.url}/"}}
    asks_paged = {
        "library": library.pricing.v1.phone_numbers.countries.list,
        "ours": ours.available_countries,
    }
    for who, ask in asks_paged.items():
        other.shown.clear()
        print(f"a next page on another host, {who}: {_outcome(ask)}, shown credentials: {any(other.shown)}")
    for server.answer in ODD:
        for who, ask in asks.items():
            print(f"the answer {json.dumps(server.answer)}, {who}: {_outcome(ask)}")


if __name__ == "__main__":
    main()
