"""How long does it take to find something among ten million events?

On SQLite and on PostgreSQL, in a log that the bench makes: any page of every kind of search, the newest and
the deepest; words, rare and common; calls, conversations and the overview; an export; how soon a callback
shows in the live stream; and how long callbacks wait while `receiver events prune` deletes a million events,
or as many as it can in some minutes.
Pages are asked of the database, and over HTTP of the service as it is served; exports come over HTTP. On
SQLite the same questions go to Datasette too, which serves the same file.
"""

from __future__ import annotations

import http.client
import itertools
import random
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from statistics import median
from urllib.parse import urlencode

from sqlalchemy import Engine, func, select

from bench import load, long_log, made
from bench.baselines import datasette
from bench.callbacks import calls
from bench.long_log import COMMON_NUMBER, COMMON_SENDER, FAX_NUMBER
from bench.report import Report, say
from bench.service import (
    HOST,
    NO_POSTGRESQL,
    ROOT,
    BenchError,
    Database,
    Server,
    postgres_server,
    postgres_settings,
    postgresql,
    sqlite,
)
from receiver.db.engine import connect
from receiver.export.export import Form
from receiver.intake import quarantined
from receiver.models import Intervention
from receiver.search.calls import CallLog
from receiver.search.conversations import ConversationLog
from receiver.search.counts import Counts
from receiver.search.cursor import Cursor
from receiver.search.events import EventLog
from receiver.search.query import Search

FULL, QUICK = 10_000_000, 200_000
ROUNDS = 2
PAGE, PAGE_HTTP, RARE, COMMON, OVERVIEW, LIVE = 20.0, 60.0, 50.0, 200.0, 100.0, 300.0
"""Milliseconds."""
OVER_HTTP = 300
"""Of all searches, so many are asked over HTTP too."""
EXPORTED, EXPORT = 1_000_000, 50_000
GROWTH = 20.0
"""Megabytes that the serving process may grow after the first tenth of an export."""
COMPARED = 20
"""Times that each question is put to the service and to Datasette, in turns."""
PRUNED, PRUNED_QUICK, SLOWER = 1_000_000, 25_000, 2.0
UNDISTURBED, TURN, LONGEST = 10.0, 2.0, 240.0
"""Seconds of load before the pruning, of each turn of it meanwhile, and of pruning at most: a million would
take half an hour, and callbacks wait as long in its first minutes as in its last."""
LIVE_CALLBACKS = 50
CALLS_A_TURN = 10_000
"""More than are taken in that time."""
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
            made.fill(database, count)
            measure(report, name, database, count, PRUNED_QUICK if quick else PRUNED)
    return report


def measure(report: Report, name: str, database: Database, count: int, pruned: int) -> None:
    """All figures of one database that holds a made log; the oldest `pruned` are gone afterwards."""
    engine = connect(database.url)
    log, call_log, talks = EventLog(engine), CallLog(engine), ConversationLog(engine)
    pages = list(searches(count))

    def held(
        what: str, asked: Iterable[Asked], answer: Callable[[Search, int | None], object], bar: float
    ) -> None:
        _hold(report, f"{name} {what}", _timed(asked, answer), bar)

    held("page", pages, lambda wanted, before: log.find(wanted, before=before), PAGE)
    held("calls", _calls(count), lambda wanted, before: call_log.find(wanted, before=before), PAGE)
    held(
        "conversations",
        _talks(count),
        lambda wanted, before: talks.find(wanted, before=Cursor(before) if before else None),
        PAGE,
    )
    held("rare words", _rare(count), lambda wanted, before: log.find(wanted, before=before), RARE)
    held("common words", _common(count), lambda wanted, before: log.find(wanted, before=before), COMMON)
    held("overview", [("overview", Search(), None)] * 10, lambda *_: _overview(engine), OVERVIEW)
    engine.dispose()
    database.environ |= {"API_TOKENS": API_TOKEN, "API_RATE": "1000000"}
    with Server.receiver(database) as server:
        api = _Api(server.port)
        some = random.Random(1).sample(pages, OVER_HTTP)
        held("page over HTTP", some, api.find, PAGE_HTTP)
        api.close()
        _export(report, name, server, min(count, EXPORTED))
        _live(report, name, server.port)
        if name == "sqlite":
            _compare(report, database, server)
        _prune(report, database, server, round((count - pruned) * long_log.SECONDS_APART / 86_400))


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


def _overview(engine: Engine) -> None:
    """What the page asks the log."""
    now, counts, log = datetime.now(UTC), Counts(engine), EventLog(engine)
    counts.by_hour(now - timedelta(hours=48), now)
    counts.by_number()
    log.newest_id()
    log.find(Search(), limit=8)
    quarantined.count(engine, 1000)


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


def _export(report: Report, name: str, server: Server, count: int) -> None:
    """As a program downloads it."""
    for form in Form:
        api = _Api(server.port)
        started, done, first = time.perf_counter(), 0, 0.0
        answer = api.get(f"/events?format={form}&limit={count}")
        while piece := answer.read1(1 << 20):
            done += piece.count(b"\n")
            if not first and done >= count / 10:
                first = _memory_mb(server)
        seconds = time.perf_counter() - started
        api.close()
        if done < count:
            raise BenchError(f"an export of {count} events gave {done} lines")
        grown = _memory_mb(server) - first
        say(f"{name} {form} export: {count / seconds:,.0f} events/s")
        report.at_least(f"{name} {form} export over HTTP events/s", count / seconds, EXPORT, timed=True)
        report.at_most(f"{name} {form} export MB grown", grown, GROWTH)


def _memory_mb(server: Server) -> float:
    return max(process.memory_mb for process in server.processes())


class _Api:
    """One keep-alive connection to the query API."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=30)

    def get(self, path: str) -> http.client.HTTPResponse:
        return self.get_any(f"/api/v1{path}")

    def get_any(self, path: str) -> http.client.HTTPResponse:
        try:
            answer = self._ask(path)
        except http.client.RemoteDisconnected:  # it was idle for longer than the server waits
            self._connection.close()
            answer = self._ask(path)
        if answer.status != http.HTTPStatus.OK:
            raise BenchError(f"{path} was answered {answer.status}: {answer.read(300)!r}")
        return answer

    def _ask(self, path: str) -> http.client.HTTPResponse:
        self._connection.request("GET", path, headers={"Authorization": f"Bearer {API_TOKEN}"})
        return self._connection.getresponse()

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


def _compare(report: Report, database: Database, server: Server) -> None:
    """The same questions to the service and to Datasette, which reads the same file: the newest 50 events."""
    try:
        datasette.install()
    except datasette.CannotInstall as error:
        report.skip("sqlite datasette", str(error))
        return
    word = long_log.vocabulary().middling
    with datasette.Datasette(database) as other:
        questions = {
            "list": ("", other.page()),
            "filter": (
                f"from:{COMMON_SENDER} kind:sms",
                other.page(sender__exact=COMMON_SENDER, kind__exact="sms"),
            ),
            "search": (word, other.page(_search=word)),
        }
        ours, theirs = _Api(server.port), _Api(other.port)
        for what, (search, path) in questions.items():
            mine, its = [], []
            for number in range(COMPARED + 1):
                started = time.perf_counter()
                ours.find(Search.parse(search), None)
                between = time.perf_counter()
                theirs.get_any(path).read()
                if number:  # the first one warms up
                    mine.append((between - started) * 1000)
                    its.append((time.perf_counter() - between) * 1000)
            report.figure(f"{what} over HTTP p50 ms", median(mine))
            report.figure(f"datasette {what} over HTTP p50 ms", median(its))
            say(f"{what}: {median(mine):.1f} ms, Datasette {median(its):.1f} ms")
            report.at_least(f"{what}: Datasette's time over ours", median(its) / median(mine), 1, timed=True)
        ours.close()
        theirs.close()


def _prune(report: Report, database: Database, server: Server, days: int) -> None:
    """Callbacks as fast as they are taken, over 32 connections: first alone, then while
    `receiver events prune` works as somebody would run it."""
    calls_sent = itertools.count(LIVE_CALLBACKS, CALLS_A_TURN)

    def turn(seconds: float) -> load.Result:
        return load.run(server.port, calls(CALLS_A_TURN, first=next(calls_sent)), seconds=seconds)

    turn(TURN)
    before = [latency for _ in range(round(UNDISTURBED / TURN)) for latency in turn(TURN).latencies]
    command = ("events", "prune", "--older-than", f"{days}d", "--yes", "--json")
    started, during = time.perf_counter(), []
    with subprocess.Popen(
        [sys.executable, "-m", "receiver.cli", *command],
        cwd=ROOT,
        env=database.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as pruning:
        try:
            while pruning.poll() is None and time.perf_counter() - started < LONGEST:
                during += turn(TURN).latencies
            stopped = pruning.poll() is None
            pruning.terminate()
            _, failed = pruning.communicate()
        finally:
            pruning.kill()
    if pruning.returncode and not stopped:
        raise BenchError(f"`receiver {' '.join(command)}` failed: {failed.decode(errors='replace')[-500:]}")
    with database.engine().connect() as connection:
        done = connection.scalar(select(func.sum(Intervention.events))) or 0
    report.figure(f"{database.name} pruned events", int(done))
    report.figure(f"{database.name} pruned in s", time.perf_counter() - started)
    alone, beside = (load.percentile(sorted(taken), 0.99) * 1000 for taken in (before, during))
    say(f"{database.name} prune: ingest p99 {alone:.1f} ms before, {beside:.1f} ms meanwhile")
    report.figure(f"{database.name} ingest p99 ms before pruning", alone)
    report.figure(f"{database.name} ingest p99 ms while pruning", beside)
    report.at_most(
        f"{database.name} ingest p99, while pruning over before", beside / alone, SLOWER, timed=True
    )
