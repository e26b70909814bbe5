"""Somebody's server that gets what we deliver: remembers every request, and answers as it is told to."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Got:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    """Names in small letters."""
    body: bytes

    @property
    def json(self) -> dict:
        return json.loads(self.body)


Answer = Callable[[Got], tuple[int, dict[str, str], bytes]]


class Receiving:
    """`with Receiving() as there:` gives a server at `there.url`."""

    def __init__(self, answer: Answer = lambda _: (204, {}, b"")) -> None:
        self.answer = answer
        self.got: list[Got] = []
        self._more = threading.Condition()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                got = Got(self.path, headers, body)
                status, extra, said = outer.answer(got)
                with outer._more:
                    outer.got.append(got)
                    outer._more.notify_all()
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(said))} | extra).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(said)

            do_GET = do_POST

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> "Receiving":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait_for(self, number: int, seconds: float = 30) -> list[Got]:
        """The requests, once there are so many."""
        with self._more:
            self._more.wait_for(lambda: len(self.got) >= number, seconds)
            assert len(self.got) >= number, f"{len(self.got)} of {number} came"
            return list(self.got)
