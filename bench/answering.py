"""How long after a callback does the provider get the request that answers the call?

One service on SQLite, otherwise idle. A provider of the bench's own calls, one call at a time, and takes the
time from when its callback is sent to when the request is at its API: the commit, the decision by the rules
and the way there. Then eight calls at once, as many as an account has, while one request of a ninth takes two
seconds.
"""

from __future__ import annotations

import hmac
import http.client
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from bench.load import percentile
from bench.report import Report, say
from bench.service import ACCESS_TOKEN, CALLBACK_KEY, HOST, Server, sqlite

CALLS, QUICK_CALLS = 500, 20
AT_ONCE = 8
SLOW = 2.0
LONGEST_P95 = 300
NUMBER = "+6561234567"
RULES = f"""
time_zone = "Asia/Singapore"
[numbers."{NUMBER}"]
calls = [{{ open = "Mo-Fr 09:00-18:00; Sa 10:00-14:00", flow = "menu" }}, {{ flow = "menu" }}]
[flows]
menu = [
  {{ say = "Press 1.", gather = {{ 1 = "hang up" }}, no_input = "hang up", wrong_input = "hang up" }},
]
"""


class Provider(ThreadingHTTPServer):
    """Accepts every request, at once but for that of a slow session, and remembers when it came."""

    daemon_threads = True

    def __init__(self) -> None:
        self.came: dict[str, float] = {}
        self.changed = threading.Condition()
        super().__init__((HOST, 0), _Handler)

    def answered(self, session: str) -> float:
        """When the request for a call came."""
        with self.changed:
            self.changed.wait_for(lambda: session in self.came, 10)
            return self.came.get(session, float("inf"))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Provider

    def do_POST(self) -> None:
        now = time.monotonic()
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        session = form.get("session", [""])[0]  # the service asks for its numbers, too
        with self.server.changed:
            self.server.came.setdefault(session, now)
            self.server.changed.notify_all()
        if session.startswith("slow"):
            time.sleep(SLOW)
        said = b'{"status":"success_ok"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        pass


def run(quick: bool) -> Report:
    """Measure, and hold the waits against the bar."""
    report = Report()
    provider = Provider()
    threading.Thread(target=provider.serve_forever, args=(0.05,), daemon=True).start()
    with sqlite() as database:
        rules = database.folder / "rules.toml"
        rules.write_text(RULES)
        url = f"http://{HOST}:{provider.server_port}/open/"
        database.environ |= {"RULES": str(rules), "HOIIO_API_URL": url, "NO_PROXY": "*"}
        with Server.receiver(database) as server:
            idle = sorted(_wait(server, provider, f"S{at}") for at in range(QUICK_CALLS if quick else CALLS))
            say("idle is measured")
            with ThreadPoolExecutor(AT_ONCE + 1) as pool:
                slow = pool.submit(_wait, server, provider, "slow")
                slow.result()
                busy = sorted(pool.map(lambda at: _wait(server, provider, f"B{at}"), range(AT_ONCE)))
    provider.shutdown()
    report.figure("calls", len(idle))
    report.figure("p50 ms", percentile(idle, 0.5) * 1000)
    report.at_most("p95 ms", percentile(idle, 0.95) * 1000, LONGEST_P95, timed=True)
    report.figure("slowest ms", idle[-1] * 1000)
    report.at_most(
        f"slowest of {AT_ONCE} beside a slow request, ms", busy[-1] * 1000, 1000 * SLOW / 2, timed=True
    )
    return report


def _wait(server: Server, provider: Provider, session: str) -> float:
    """Seconds from a callback to the request that answers the call."""
    body = (
        f"ivr_block=answer&call_state=ringing&session={session}&txn_ref=AA-C-{session}"
        f"&from=%2B6590000000&to={NUMBER.replace('+', '%2B')}"
    ).encode()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Hoiio-Signature": hmac.digest(ACCESS_TOKEN.encode(), body, "sha256").hex(),
    }
    connection = http.client.HTTPConnection(HOST, server.port, timeout=10)
    connection.connect()
    began = time.monotonic()
    connection.request("POST", f"/callbacks/{CALLBACK_KEY}/hoiio/voice", body, headers)
    came = provider.answered(session)
    connection.getresponse().read()
    connection.close()
    return came - began
