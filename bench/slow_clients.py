"""Are honest callbacks served beside 10,000 connections that stay silent, drip headers or drip a body?

Each sort in turn against one service on SQLite, while an honest callback comes every 0.1 s on a
connection of its own, as the provider's do. Its wait is counted from when it was due, so that a stuck one
cannot hide those behind it. A slow connection that the server ends is opened again: the 10,000 stay 10,000.
The short form takes 1,000.
"""

from __future__ import annotations

import contextlib
import resource
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench import callbacks
from bench.load import percentile
from bench.report import Report, say
from bench.service import HOST, Server, sqlite

SLOW, QUICK_SLOW = 10_000, 1_000
EVERY = 0.1
SECONDS, QUICK_SECONDS = 30.0, 2.0
PATIENCE = 5.0
"""Seconds an honest caller waits."""
LONGEST_P99 = 1.0
MOST_MEMORY = 1024
"""Megabytes: the server may hold 64 KiB for each connection beside what the budget for bodies allows."""

OWN_FILES = 256
"""Descriptors of the bench beside its slow connections."""


def _head(method: str = "POST", path: str = f"{callbacks.PATH}/voice") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\n".encode()


_BODY = b"Content-Length: 10000\r\n\r\nmsg="
_FULL = b"Content-Length: 65000\r\n\r\nmsg=" + b"x" * 32_000


@dataclass(frozen=True, slots=True)
class Sort:
    """What a slow client sends when it connects, and the byte it adds each second."""

    name: str
    opening: bytes
    drip: bytes


SORTS = (
    # The first three ask for nothing special of a server.
    Sort("silent", b"", b""),
    Sort("headers", _head() + b"X-Slow: ", b"a"),
    Sort("body", _head() + _BODY, b"a"),
    Sort("half a body", _head() + _FULL, b"a"),
    Sort("half a body, PUT", _head("PUT") + _FULL, b"a"),
    Sort("half a body, no key", _head("PUT", "/callbacks/nobody/voice") + _FULL, b"a"),
    Sort("half a body, console", _head("POST", "/login") + _FULL, b"a"),
    Sort("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\4" + bytes(5), b""),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one honest caller saw."""

    ref: str
    status: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Attack:
    """What honest callers saw meanwhile, and what became of the slow ones."""

    answers: list[Answer]
    held: int
    """Slow connections open at the end."""
    reopened: int

    @property
    def served(self) -> Counter[str]:
        """By reference, which callbacks of one call may share."""
        return Counter(answer.ref for answer in self.answers if answer.status == "200")

    @property
    def waits(self) -> list[float]:
        """Seconds, sorted. Those that were not served count with all they waited."""
        return sorted(answer.seconds for answer in self.answers)


def run(quick: bool, *providers: str) -> Report:
    report = Report()
    seconds = QUICK_SECONDS if quick else SECONDS
    count = _possible(QUICK_SLOW if quick else SLOW)
    report.figure("slow connections", count)
    report.figure("seconds each", seconds)
    with sqlite() as database, Server.receiver(database) as server:
        attacks = under_attacks(server.port, seconds, count, providers=providers)
        memory = max(process.memory_mb for process in server.processes())
        stored = Counter(database.stored())
    report.at_most("memory of the largest process afterwards (MB)", memory, MOST_MEMORY)
    for name, attack in attacks.items():
        p99 = percentile(attack.waits, 0.99)
        report.figure(f"{name}: honest callbacks", len(attack.answers))
        report.figure(f"{name}: p50 ms", percentile(attack.waits, 0.5) * 1000)
        report.figure(f"{name}: p99 ms", p99 * 1000)
        report.figure(f"{name}: slow ones held at the end", attack.held)
        report.figure(f"{name}: slow ones opened again", attack.reopened)
        report.equal(f"{name}: honest callbacks served", attack.served.total(), len(attack.answers))
        report.at_most(f"{name}: p99 s", p99, LONGEST_P99, timed=True)
        report.equal(f"{name}: served and not stored", (attack.served - stored).total(), 0)
    return report


def _possible(wanted: int) -> int:
    """So many connections, or as many as this process may open."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard - OWN_FILES)


def under_attacks(
    port: int, seconds: float, slow: int, sorts: Sequence[Sort] = SORTS, *, providers: Sequence[str] = ()
) -> dict[str, Attack]:
    """Send honest callbacks beside the slow connections of each sort in turn."""
    attacks: dict[str, Attack] = {}
    count, clients = int(seconds / EVERY), slow
    for number, sort in enumerate(sorts):
        say(f"{clients} connections: {sort.name}, {seconds:g} s")
        with _slow_clients(port, sort, clients) as held:
            answers = _honest(port, _calls(count, number * count, providers or (callbacks.USUAL,)))
            attacks[sort.name] = Attack(answers, held.held(), held.reopened)
    return attacks


def _calls(count: int, first: int, providers: Sequence[str]) -> list[callbacks.Call]:
    """Of the providers in turns."""
    return [
        call
        for number in range(first, first + count)
        for call in callbacks.calls(1, number, provider=providers[number % len(providers)])
    ]


def _honest(port: int, calls: list[callbacks.Call]) -> list[Answer]:
    start = time.perf_counter()
    with ThreadPoolExecutor(max_workers=len(calls)) as threads:  # a thread each: none waits for another
        waiting = []
        for number, call in enumerate(calls):
            due = start + number * EVERY
            time.sleep(max(0.0, due - time.perf_counter()))
            waiting.append(threads.submit(_ask, port, call, due))
        return [answer.result() for answer in waiting]


def _ask(port: int, call: callbacks.Call, due: float) -> Answer:
    status = "none"
    try:
        with socket.create_connection((HOST, port), timeout=PATIENCE) as connection:
            connection.sendall(call.request)
            status = connection.recv(4096)[9:12].decode("latin-1") or "closed"
    except OSError as error:
        status = type(error).__name__
    return Answer(call.ref, status, time.perf_counter() - due)


@contextlib.contextmanager
def _slow_clients(port: int, sort: Sort, count: int) -> Iterator[_SlowClients]:
    slow = _SlowClients(port, sort, count)
    slow.open_all()
    thread = threading.Thread(target=slow.drip_until_stopped, name="slow-clients", daemon=True)
    thread.start()
    try:
        yield slow
    finally:
        slow.stopping.set()
        thread.join()
        slow.close_all()


class _SlowClients:
    """The slow side: one thread, a fixed number of connections, only to this machine."""

    def __init__(self, port: int, sort: Sort, count: int) -> None:
        self.stopping = threading.Event()
        self.reopened = 0
        self._port = port
        self._sort = sort
        self._slow: list[socket.socket | None] = [None] * count

    def open_all(self) -> None:
        self._slow = [self._connect() for _ in self._slow]

    def close_all(self) -> None:
        for slow in self._slow:
            if slow is not None:
                slow.close()

    def held(self) -> int:
        """How many of the slow connections the server has open."""
        return sum(not _ended(slow) for slow in self._slow)

    def drip_until_stopped(self) -> None:
        while not self.stopping.wait(1.0):
            for number, slow in enumerate(self._slow):
                if _ended(slow) or not self._drip(slow):
                    if slow is not None:
                        slow.close()
                    self._slow[number] = self._connect()
                    self.reopened += 1

    def _connect(self) -> socket.socket | None:
        try:
            slow = socket.create_connection((HOST, self._port), timeout=1)
        except OSError:
            return None
        try:
            slow.sendall(self._sort.opening)
        except OSError:
            slow.close()
            return None
        return slow

    def _drip(self, slow: socket.socket | None) -> bool:
        try:
            if slow is not None and self._sort.drip:
                slow.sendall(self._sort.drip)
        except OSError:
            return False
        return True


def _ended(slow: socket.socket | None) -> bool:
    """Whether the server answered or closed; a slow connection has nothing to read otherwise."""
    if slow is None or slow.fileno() < 0:
        return True
    # poll, not select: descriptors may be above 1,023.
    poll = select.poll()
    poll.register(slow.fileno(), select.POLLIN)
    return bool(poll.poll(0))
