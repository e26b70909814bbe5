"""Are honest callbacks served beside 200 connections that stay silent, drip headers or drip a body?

Each sort in turn against a fresh service on SQLite, while an honest callback comes every 0.1 s on a
connection of its own, as the provider's do. Its wait is counted from when it was due, so that a stuck one
cannot hide those behind it. A slow connection that the server ends is opened again: the 200 stay 200.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench import load
from bench.report import Report, say
from bench.service import CALLBACK_KEY, HOST, Server, sqlite

SLOW = 200
EVERY = 0.1
SECONDS, QUICK_SECONDS = 10.0, 3.0
PATIENCE = 5.0
"""Seconds an honest caller waits."""
LONGEST_P99 = 1.0

_PATH = f"/callbacks/{CALLBACK_KEY}/voice"
_HEAD = f"POST {_PATH} HTTP/1.1\r\nHost: {HOST}\r\n".encode()


@dataclass(frozen=True, slots=True)
class Sort:
    """What a slow client sends when it connects, and the byte it adds each second."""

    name: str
    opening: bytes
    drip: bytes


SORTS = (
    Sort("silent", b"", b""),
    Sort("headers", _HEAD + b"X-Slow: ", b"a"),
    Sort("body", _HEAD + b"Content-Length: 10000\r\n\r\nmsg=", b"a"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one honest caller saw."""

    ref: str
    status: str
    seconds: float


def run(quick: bool) -> Report:
    report = Report()
    seconds = QUICK_SECONDS if quick else SECONDS
    report.figure("slow connections", SLOW)
    report.figure("seconds each", seconds)
    for sort in SORTS:
        say(f"{SLOW} connections: {sort.name}, {seconds:.0f} s")
        with sqlite() as database, Server.receiver(database) as server:
            with _attack(server.port, sort) as attack:
                answers = _honest(server.port, seconds)
                held = attack.held()
            stored = database.stored()
        served = [answer for answer in answers if answer.status == "200"]
        # Those that were not served count with all they waited.
        waits = sorted(answer.seconds for answer in answers)
        report.figure(f"{sort.name}: honest callbacks", len(answers))
        report.figure(f"{sort.name}: p50 ms", load.percentile(waits, 0.5) * 1000)
        report.figure(f"{sort.name}: p99 ms", load.percentile(waits, 0.99) * 1000)
        report.figure(f"{sort.name}: slow ones held at the end", held)
        report.figure(f"{sort.name}: slow ones opened again", attack.reopened)
        report.equal(f"{sort.name}: honest callbacks served", len(served), len(answers))
        report.at_most(f"{sort.name}: p99 s", load.percentile(waits, 0.99), LONGEST_P99)
        lost = {answer.ref for answer in served} - set(stored)
        report.equal(f"{sort.name}: served and not stored", len(lost), 0)
    return report


def _honest(port: int, seconds: float) -> list[Answer]:
    count = int(seconds / EVERY)
    calls = load.calls(_PATH, count)
    start = time.perf_counter()
    with ThreadPoolExecutor(max_workers=count) as threads:  # a thread each: none waits for another
        waiting = []
        for number, call in enumerate(calls):
            due = start + number * EVERY
            time.sleep(max(0.0, due - time.perf_counter()))
            waiting.append(threads.submit(_ask, port, call, due))
        return [answer.result() for answer in waiting]


def _ask(port: int, call: load.Call, due: float) -> Answer:
    status = "none"
    try:
        with socket.create_connection((HOST, port), timeout=PATIENCE) as connection:
            connection.sendall(call.request)
            status = connection.recv(4096)[9:12].decode("latin-1") or "closed"
    except OSError as error:
        status = type(error).__name__
    return Answer(call.ref, status, time.perf_counter() - due)


@contextlib.contextmanager
def _attack(port: int, sort: Sort) -> Iterator[_Attack]:
    attack = _Attack(port, sort)
    attack.open_all()
    thread = threading.Thread(target=attack.drip_until_stopped, name="slow-clients")
    thread.start()
    try:
        yield attack
    finally:
        attack.stopping.set()
        thread.join()
        attack.close_all()


class _Attack:
    """The slow side: one thread, a fixed number of connections, only to this machine."""

    def __init__(self, port: int, sort: Sort) -> None:
        self.stopping = threading.Event()
        self.reopened = 0
        self._port = port
        self._sort = sort
        self._slow: list[socket.socket | None] = [None] * SLOW

    def open_all(self) -> None:
        self._slow = [self._connect() for _ in range(SLOW)]

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
