"""How long does it take to find something among ten million events?

On SQLite and on PostgreSQL, in a log that the bench makes: any page of every kind of search, the newest and
the deepest; words, rare and common; calls, conversations and the overview; an export; and how soon a callback
shows in the live stream. Pages are asked of the database, and over HTTP of the service as it is served.
"""

from __future__ import annotations

import http.client
import itertools
import os
import random
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

from sqlalchemy import Engine

from bench import load, long_log
from bench.callbacks import calls
from bench.long_log import COMMON_NUMBER, COMMON_SENDER, FAX_NUMBER
from bench.report import Report, say
from bench.service import (
    HOST,
    NO_POSTGRESQL,
    BenchError,
    Database,
    Server,
    postgres_server,
    postgres_settings,
    postgresql,
    sqlite,
)
from receiver.db import connect
from receiver.log.calls import CallLog
from receiver.log.conversations import ConversationLog
from receiver.log.counts import Counts
from receiver.log.export import Form, export
from receiver.log.find import EventLog
from receiver.log.search import Search

FULL, QUICK = 10_000_000, 200_000
ROUNDS = 2
PAGE, PAGE_HTTP, RARE, COMMON, OVERVIEW, LIVE = 20.0, 60.0, 50.0, 200.0, 100.0, 300.0
"""Milliseconds."""
OVER_HTTP = 300
"""Of all searches, so many are asked over HTTP too."""
EXPORTED, EXPORT = 1_000_000, 50_000
GROWTH = 20.0
"""Megabytes that the process may grow after the first tenth of an export."""
LIVE_CALLBACKS = 50
API_TOKEN = secrets.token_urlsafe(24)

Make = Callable[[], AbstractContextManager[Database]]
Asked = tuple[str, Search, int | None]
"""The search in its language, read, and the id below which the page begins."""


def run(quick: bool) -> Report:
    report = Report()
    count = QUICK if quick else FULL
    report.figure("events", count)
    makes: dict[str, Make] = {"sqlite": sqlite}
    server = postgres_server()
    if server is None:
        report.skip("postgresql", NO_POSTGRESQL)
    else:
        report.figure("postgresql server", postgres_settings(server))
        makes["postgresql"] = lambda: postgresql(server)
    for name, make in makes.items():
        with make() as database:
            long_log.build(database.engine(), count)
            measure(report, name, database, count)
    return report


def measure(report: Report, name: str, database: Database, count: int) -> None:
    """All figures of one database that holds a made log."""
    engine = connect(database.url)
    log, call_log, talks, counts = EventLog(engine), CallLog(engine), ConversationLog(engine), Counts(engine)
    pages = list(searches(count))

    def held(
        what: str, asked: Iterable[Asked], answer: Callable[[Search, int | None], object], bar: float
    ) -> None:
        _hold(report, f"{name} {what}", _timed(asked, answer), bar)

    held("page", pages, lambda wanted, before: log.find(wanted, before=before), PAGE)
    held("calls", _calls(count), lambda wanted, before: call_log.find(wanted, before=before), PAGE)
    held("conversations", _talks(count), lambda wanted, before: talks.find(wanted, before=before), PAGE)
    held("rare words", _rare(count), lambda wanted, before: log.find(wanted, before=before), RARE)
    held("common words", _common(count), lambda wanted, before: log.find(wanted, before=before), COMMON)
    held("overview", [("overview", Search(), None)] * 10, lambda *_: _overview(counts), OVERVIEW)
    _export(report, name, engine, min(count, EXPORTED))
    engine.dispose()
    database.environ |= {"API_TOKENS": API_TOKEN, "API_RATE": "1000000"}
    with Server.receiver(database) as server:
        api = _Api(server.port)
        some = random.Random(1).sample(pages, OVER_HTTP)
        held("page over HTTP", some, api.find, PAGE_HTTP)
        api.close()
        _live(report, name, server.port)


def searches(count: int) -> Iterator[Asked]:
    """Every filter with every other, common and rare, at the newest and at the deepest page."""
    now = datetime.now(UTC)
    whole = timedelta(seconds=count * long_log.SECONDS_APART)
    ends = [
        *("", f"from:{COMMON_SENDER}", "from:+6580411111", f"to:{COMMON_NUMBER}", f"to:{FAX_NUMBER}"),
        *(f"number:{COMMON_NUMBER}", f"from:{COMMON_SENDER} to:{COMMON_NUMBER}"),
        *(f"from:{COMMON_SENDER} to:{FAX_NUMBER}", f"from:{COMMON_SENDER} to:+6531580190"),
    ]
    kinds = [
        *("", "kind:sms", "kind:fax", "type:fax.failed", "type:call.ended", "type:unknown"),
        *("state:missed", "kind:voice state:answered"),
    ]
    marks = ["", "has:problems", "is:quarantined", "-is:quarantined"]
    long_ago, a_day_later = now - whole * 0.9, now - whole * 0.9 + timedelta(days=1)
    times = [
        *("", f"since:{long_ago.isoformat()} until:{a_day_later.isoformat()}"),
        f"until:{long_ago.isoformat()}",
    ]
    texts = [" ".join(filter(None, parts)) for parts in itertools.product(ends, kinds, marks, times)]
    yield from _first_and_deepest([*texts, f"session:S{count // 40}", f"ref:AA-C-{count // 40}"], count)


def _rare(count: int) -> Iterator[Asked]:
    reference = f"ref{count // 2 + 14}"
    yield from _first_and_deepest(
        [
            *(reference, f"S{count // 3}", "6580411111", f"https example rec {count // 20 * 10 + 2}"),
            *(f'"{reference}" kind:sms', "ref99999*"),
        ],
        count,
    )


def _common(count: int) -> Iterator[Asked]:
    known = long_log.vocabulary()
    yield from _first_and_deepest(
        [
            *(known.common, known.middling, "ringing", "你好", "😀", f'"{known.common} {known.ordered[1]}"'),
            *(f"{known.common} from:{COMMON_SENDER}", f"{known.common} kind:fax", "busy kind:fax"),
            *(f"{known.middling} to:{COMMON_NUMBER}", f"{known.common} has:problems"),
        ],
        count,
    )


def _calls(count: int) -> Iterator[Asked]:
    texts = ["", f"from:{COMMON_SENDER}", f"to:{COMMON_NUMBER}", "state:missed", "state:answered"]
    yield from _first_and_deepest(texts, count)


def _talks(count: int) -> Iterator[Asked]:
    texts = ["", f"from:{COMMON_SENDER}", f"to:{COMMON_NUMBER}", f"number:{COMMON_NUMBER}"]
    yield from _first_and_deepest(texts, count)


def _first_and_deepest(texts: Iterable[str], count: int) -> Iterator[Asked]:
    for text in texts:
        wanted = Search.parse(text)
        yield text, wanted, None
        yield f"{text} (deepest)", wanted, max(200, count // 500)


def _overview(counts: Counts) -> None:
    now = datetime.now(UTC)
    counts.by_hour(now - timedelta(hours=48), now)
    counts.by_number()
    counts.by_kind()


def _timed(asked: Iterable[Asked], answer: Callable[[Search, int | None], object]) -> list[tuple[float, str]]:
    """Milliseconds of each question with its name, sorted; a first round warms up and does not count."""
    questions, taken = list(asked), []
    for number in range(ROUNDS + 1):
        for question, wanted, before in questions:
            started = time.perf_counter()
            answer(wanted, before)
            if number:
                taken.append(((time.perf_counter() - started) * 1000, question))
    return sorted(taken)


def _hold(report: Report, name: str, taken: list[tuple[float, str]], bar: float) -> None:
    times = [milliseconds for milliseconds, _ in taken]
    p50, p95 = load.percentile(times, 0.5), load.percentile(times, 0.95)
    slowest, question = taken[-1]
    report.figure(f"{name} p50 ms", p50)
    report.figure(f"{name} slowest ms", slowest)
    report.figure(f"{name} slowest", question)
    report.at_most(f"{name} p95 ms", p95, bar)
    say(f"{name}: p50 {p50:.1f} p95 {p95:.1f} slowest {slowest:.1f} ms ({question})")


def _export(report: Report, name: str, engine: Engine, count: int) -> None:
    for form in Form:
        started, done, first = time.perf_counter(), 0, 0.0
        for piece in export(engine, Search(), form, limit=count):
            done += piece.count("\n")
            if not first and done >= count / 10:
                first = _memory_mb()
        if done < count:
            raise BenchError(f"an export of {count} events gave {done} lines")
        report.figure(f"{name} {form} export grew MB", _memory_mb() - first)
        rate = count / (time.perf_counter() - started)
        say(f"{name} {form} export: {rate:,.0f} events/s")
        report.at_least(f"{name} {form} export events/s", rate, EXPORT)
        report.at_most(f"{name} {form} export MB grown", _memory_mb() - first, GROWTH)


def _memory_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024


class _Api:
    """One keep-alive connection to the query API."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=30)

    def get(self, path: str) -> http.client.HTTPResponse:
        self._connection.request("GET", f"/api/v1{path}", headers={"Authorization": f"Bearer {API_TOKEN}"})
        answer = self._connection.getresponse()
        if answer.status != http.HTTPStatus.OK:
            raise BenchError(f"{path} was answered {answer.status}: {answer.read(300)!r}")
        return answer

    def find(self, wanted: Search, before: int | None) -> None:
        given = {"q": str(wanted)} | ({} if before is None else {"before": str(before)})
        self.get(f"/events?{urlencode(given)}").read()

    def close(self) -> None:
        self._connection.close()


def _live(report: Report, name: str, port: int) -> None:
    """From sending a callback until the stream has shown it."""
    api = _Api(port)
    stream = api.get("/events/stream")
    taken = []
    for number in range(LIVE_CALLBACKS):
        time.sleep(random.Random(number).uniform(0.0, 0.2))  # whatever rhythm the service has is not ours
        started = time.perf_counter()
        load.run(port, calls(1, first=number), connections=1)
        while not stream.readline().startswith(b"id:"):
            pass
        taken.append(((time.perf_counter() - started) * 1000, f"callback {number + 1}"))
    api.close()
    _hold(report, f"{name} live", sorted(taken), LIVE)
