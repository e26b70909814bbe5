"""Somebody's server that gets deliveries, in a process of its own: it costs little beside what is measured,
and remembers when each one came."""

from __future__ import annotations

import asyncio
import http.client
import subprocess
import sys
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self, cast

import uvloop

from bench.service import HOST, ROOT, BenchError, free_port

TAKE, HANG = "/take", "/hang"
_FAX, _REDIRECT = "/fax/", "/redirect/"
_RECEIPTS, _COUNT = "/receipts", "/count"
READY_WITHIN = 10.0


@dataclass(frozen=True, slots=True)
class Receipt:
    """One delivery that came."""

    event_id: int
    at: float
    """By the monotonic clock, which all processes of a machine share."""


class Taker:
    """`/take` answers 204, `/hang` never, `/fax/…` with a document that only it has; `redirecting` redirects.
    Killed when the block ends."""

    def __init__(self) -> None:
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "bench.taker", str(self.port)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL)
        until = time.monotonic() + READY_WITHIN
        while time.monotonic() < until:
            try:
                self.receipts()
            except OSError:
                time.sleep(0.02)
            else:
                return self
        self._end()
        raise BenchError("the server that takes deliveries did not start")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def url(self, path: str = TAKE) -> str:
        return f"http://{HOST}:{self.port}{path}"

    def redirecting(self, elsewhere: str) -> str:
        """An address that redirects there."""
        return self.url(_REDIRECT + elsewhere.encode().hex())

    def count(self) -> int:
        """How many deliveries came, each counted as often as it came."""
        return int(self._ask(_COUNT))

    def receipts(self) -> list[Receipt]:
        """All that came, in order."""
        lines = self._ask(_RECEIPTS).decode().splitlines()
        return [Receipt(int(one), float(at)) for one, at in (line.split() for line in lines)]

    def wait_for(self, number: int, seconds: float) -> bool:
        """Whether so many came in time."""
        until = time.monotonic() + seconds
        while self.count() < number:
            if time.monotonic() > until:
                return False
            time.sleep(0.05)
        return True

    def _ask(self, path: str) -> bytes:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().read()
        finally:
            connection.close()

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


class _Protocol(asyncio.Protocol):
    """Requests of one connection, one after the other."""

    receipts: list[tuple[int, float]]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._data = b""

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[:end].lower()
            whole = end + 4 + int(_value(head, b"content-length") or 0)
            if len(self._data) < whole:
                return
            self._data = self._data[whole:]
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        path = head.split(b" ", 2)[1].decode()
        if path == _COUNT:
            self._say("200 OK", str(len(self.receipts)))
        elif path == _RECEIPTS:
            self._say("200 OK", "\n".join(f"{one} {at!r}" for one, at in self.receipts))
        else:
            if event := _value(head, b"webhook-id"):
                # "evt_7", and "evt_7_1" for a replay.
                self.receipts.append((int(event.split(b"_")[1]), time.monotonic()))
            if path == TAKE:
                self._transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            elif path.startswith(_FAX):
                self._say("200 OK\r\nContent-Type: application/pdf", _pdf(path))
            elif path.startswith(_REDIRECT):
                try:
                    location = bytes.fromhex(path.removeprefix(_REDIRECT)).decode()
                except ValueError:  # a redirect without a host leads here
                    self._say("404 Not Here")
                else:
                    self._say(f"307 Over There\r\nLocation: {location}")

    def _say(self, head: str, body: str = "") -> None:
        self._transport.write(f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())


def _pdf(mark: str) -> str:
    objects = (
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Count 1/Kids[3 0 R]>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
    )
    written, places = f"%PDF-1.4\n% {mark}\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(written))
        written += f"{number} 0 obj\n{each}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"trailer<</Size 4/Root 1 0 R>>\nstartxref\n{len(written)}\n%%EOF"
    return f"{written}xref\n0 4\n0000000000 65535 f \n{table}{end}"


def _value(head: bytes, name: bytes) -> bytes:
    _, _, rest = head.partition(b"\r\n" + name + b":")
    return rest.partition(b"\r\n")[0].strip()


async def _serve(port: int) -> None:
    _Protocol.receipts = []
    server = await asyncio.get_running_loop().create_server(_Protocol, HOST, port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
