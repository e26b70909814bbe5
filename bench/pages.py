"""How long do the pages of the console take, at the size of a demo and over a long log?

Over HTTP, signed in, of the service as it is served, on SQLite and on PostgreSQL, in logs that the bench
makes: one of the size of the demo, one of years.
"""

from __future__ import annotations

import http.client
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from urllib.parse import quote, urlencode

from bench import load, made
from bench.long_log import COMMON_SENDER
from bench.report import Report, say
from bench.service import (
    HOST,
    NO_POSTGRESQL,
    BenchError,
    Database,
    Server,
    postgres_server,
    postgresql,
    sqlite,
)
from receiver.access.scopes import Scope
from receiver.access.users import Users
from receiver.db.engine import connect

DEMO, FULL, QUICK = 1_850, 10_000_000, 100_000
CALLS, ANY = 40.0, 250.0
"""Milliseconds: the list of calls at the demo's size, and any page of a long log."""
ROUNDS, ROUNDS_QUICK = 40, 10
_USER, _PASSWORD = "bench", secrets.token_urlsafe(16)

Make = Callable[[], AbstractContextManager[Database]]


def run(quick: bool) -> Report:
    report = Report()
    makes: dict[str, Make] = {"sqlite": sqlite}
    server = postgres_server()
    if server is None:
        report.skip("postgresql", NO_POSTGRESQL)
    else:
        makes["postgresql"] = lambda: postgresql(server)
    for name, make in makes.items():
        for size, count in (("demo", DEMO), ("long", QUICK if quick else FULL)):
            report.figure(f"{size} events", count)
            with make() as database:
                made.fill(database, count)
                _measure(report, f"{name} {size}", database, count, ROUNDS_QUICK if quick else ROUNDS)
    return report


def pages(count: int) -> Iterator[tuple[str, str]]:
    """What is asked for, by name."""
    for word in ("1h", "24h", "7d", "30d"):
        yield f"overview {word}", f"/?range={word}"
    yield "events", "/events"
    yield "events of one", f"/events?{urlencode({'q': f'from:{COMMON_SENDER} kind:sms'})}"
    yield "calls", "/calls"
    yield "missed calls", f"/calls?{urlencode({'q': 'state:missed'})}"
    yield "a call", f"/calls/{quote(f'S{(count // 20 - 2) * 11}')}"
    yield "conversations", "/conversations"
    yield "faxes", "/faxes"
    yield "numbers", "/numbers"


def _measure(report: Report, name: str, database: Database, count: int, rounds: int) -> None:
    database.environ |= {"SECRET_KEY": secrets.token_urlsafe(24)}
    engine = connect(database.url)
    Users(engine).add(_USER, _PASSWORD, Scope.READ, by="bench")
    engine.dispose()
    with Server.receiver(database) as server:
        browser = _Browser(server.port)
        for page, path in pages(count):
            browser.timed(path)  # warms up
            taken = sorted(browser.timed(path) for _ in range(rounds))
            p50, p95 = load.percentile(taken, 0.5), load.percentile(taken, 0.95)
            say(f"{name} {page}: p50 {p50:.1f} p95 {p95:.1f} ms")
            report.figure(f"{name} {page} p50 ms", p50)
            report.at_most(
                f"{name} {page} p95 ms", p95, CALLS if (page, count) == ("calls", DEMO) else ANY, timed=True
            )
        browser.close()


class _Browser:
    """A keep-alive connection, signed in."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=60)
        self._cookies: dict[str, str] = {}
        form = self._ask("GET", "/login")
        token = re.search(r'name="form_token" value="([^"]+)"', form)
        if token is None:
            raise BenchError("the page that signs in has no form")
        given = {"form_token": token[1], "name": _USER, "password": _PASSWORD}
        self._ask("POST", "/login", urlencode(given))
        if "Overview" not in self._ask("GET", "/"):
            raise BenchError("the console let nobody in")

    def timed(self, path: str) -> float:
        """Milliseconds until the whole page is there."""
        started = time.perf_counter()
        self._ask("GET", path)
        return (time.perf_counter() - started) * 1000

    def close(self) -> None:
        self._connection.close()

    def _ask(self, method: str, path: str, body: str | None = None) -> str:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        text = answer.read().decode()
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            raise BenchError(f"{path} was answered {answer.status}")
        for cookie in answer.headers.get_all("Set-Cookie") or ():
            key, _, value = cookie.partition(";")[0].partition("=")
            self._cookies[key] = value
        return text
