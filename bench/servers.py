"""Which server is fast and stays open to honest callbacks beside slow clients?

The service behind its own gateway, as `receiver serve` runs it, and the same Flask application behind other
servers, each on SQLite: the load of `ingest`, servers taking turns, then each attack of `slow-clients`.
"""

from __future__ import annotations

import sys

from bench import ingest
from bench.ingest import Run, Serve, Subject
from bench.load import percentile
from bench.report import Report, say
from bench.service import HOST, Server, sqlite
from bench.slow_clients import LONGEST_P99, SORTS, under_attacks

ROUNDS, QUICK_ROUNDS = 3, 1
ATTACK, QUICK_ATTACK = 10.0, 1.0
SLOW = 200
OURS = "granian asgi, own gateway"


def run(quick: bool) -> Report:
    report = Report()
    subjects = [Subject(name, sqlite, serve) for name, serve in _servers().items()]
    runs: dict[str, list[Run]] = {subject.name: [] for subject in subjects}
    for _ in range(QUICK_ROUNDS if quick else ROUNDS):
        for subject in subjects:
            taken = ingest.measure(subject, ingest.QUICK if quick else ingest.FULL)
            runs[subject.name].append(taken)
            say(f"{subject.name:<28}{taken.rate:>8,.0f}/s  p99 {taken.p99:.1f} ms")
    report.figure("slow connections", SLOW)
    for subject in subjects:
        ingest.describe(report, subject.name, runs[subject.name])
        say(subject.name)
        _attack(report, subject, QUICK_ATTACK if quick else ATTACK)
    for name, several in runs.items():
        report.equal(f"{name}: accepted and not stored once", sum(t.mismatched for t in several), 0)
    return report


def _servers() -> dict[str, Serve]:
    app, listen = "wsgi:callbacks", HOST + ":{port}"
    return {
        OURS: Server.receiver,
        "granian wsgi, 32 threads": _module(*_GRANIAN, "--blocking-threads", "32", app),
        "granian wsgi, 512 threads": _module(*_GRANIAN, "--blocking-threads", "512", app),
        "gunicorn gthread, 32 threads": _module(
            "gunicorn", "--bind", listen, "--worker-class", "gthread", "--threads", "32", app
        ),
        "waitress, 32 threads": _module(
            "waitress", "--listen", listen, "--threads", "32", "--connection-limit", "1000", app
        ),
        "uvicorn, a2wsgi, 32 threads": _module(
            *("uvicorn", "--factory", "--host", HOST, "--port", "{port}", "--loop", "uvloop"),
            *("--http", "httptools", "--no-access-log", "--log-level", "warning"),
            "bench.baselines.flask_apps:bridged",
        ),
    }


_GRANIAN = ("granian", "--interface", "wsgi", "--host", HOST, "--port", "{port}", "--backpressure", "1024")


def _module(*words: str) -> Serve:
    return lambda database: Server(database, sys.executable, "-m", *words)


def _attack(report: Report, subject: Subject, seconds: float) -> None:
    with subject.make() as database, subject.serve(database) as server:
        attacks = under_attacks(server.port, seconds, SLOW, SORTS[:3])
    for sort, attack in attacks.items():
        p99 = percentile(attack.waits, 0.99)
        share = f"{len(attack.served)} of {len(attack.answers)} served, p99 {p99 * 1000:.0f} ms"
        report.figure(f"{subject.name}: {sort}", share)
        if subject.name == OURS:
            report.equal(f"{subject.name}: {sort}, served", len(attack.served), len(attack.answers))
            report.at_most(f"{subject.name}: {sort}, p99 s", p99, LONGEST_P99, timed=True)
