"""A small target for the demo: a program that gets what is delivered, verifies it, and says what it was.

Run as `python -m receiver.quickstart.target --listen HOST:PORT`, with the signing secret in `SECRET`. It is
also what a program of your own would do.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LATEST = 5 * 60
"""Seconds. What was signed longer ago may have been recorded, and sent again by somebody else."""


def is_signed(secret: str, headers: dict[str, str], body: bytes, now: float) -> bool:
    """Whether this was sent by who knows the secret, just now."""
    identity, moment = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not moment.isdigit() or abs(now - int(moment)) > LATEST:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    right = base64.b64encode(hmac.digest(key, f"{identity}.{moment}.".encode() + body, "sha256")).decode()
    given = [part.partition(",")[2] for part in headers.get("webhook-signature", "").split()]
    return any(hmac.compare_digest(right.encode(), one.encode()) for one in given)


class Target(BaseHTTPRequestHandler):
    """Answers 204 to what is signed, and 401 to everything else."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        signed = is_signed(os.environ["SECRET"], headers, body, time.time())
        if signed:
            event = json.loads(body)
            print(f"Delivered: {event['type']} from {event['data']['sender']}", flush=True)  # noqa: T201
        self.send_response(204 if signed else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing but what was delivered."""


if __name__ == "__main__":
    host, _, port = sys.argv[2].rpartition(":")
    ThreadingHTTPServer((host, int(port)), Target).serve_forever()
