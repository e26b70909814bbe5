"""The real service under faults: the short forms of the fault benches, with callbacks of all providers.

All bars have to hold but those about time, which a busy machine cannot promise; `python -m bench <name>`
holds the service to those too.
"""

from collections.abc import Callable, Iterator

import forks
import pytest

from bench import crash, failover, full_disk, outage, slow_clients
from bench.callbacks import SPEAKERS
from bench.report import Report
from bench.service import Database, Server, postgresql, sqlite

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _start_sooner_and_wait_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """These start a service ten times and more, and ask nothing about that; nor is a busy machine a fault."""
    monkeypatch.setattr(Server, "started", lambda server, *about: forks.Served(server.port, *about))
    monkeypatch.setattr(slow_clients, "PATIENCE", 60.0)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    kept = sqlite() if request.param == "sqlite" else postgresql(request.getfixturevalue("postgres"))
    with kept as database:
        yield database


def missed(report: Report) -> str:
    bars = [bar for bar in report.bars if not bar.timed]
    assert bars
    return "\n".join(f"{bar.figure}: {bar.value}, has to be {bar.bar}" for bar in bars if not bar.holds)


def short(bench: Callable[..., Report], *providers: str) -> Report:
    report = bench(True, *providers)
    if report.skipped:
        pytest.skip("; ".join(report.skipped.values()))
    return report


def test_it_loses_and_doubles_nothing_when_killed_often(database: Database):
    report = Report()
    crash.kill_often(report, database, providers=tuple(SPEAKERS))
    assert missed(report) == ""


def test_it_takes_callbacks_while_postgresql_is_stopped_and_frozen():
    assert missed(short(outage.run, *SPEAKERS)) == ""


def test_it_loses_nothing_when_a_standby_takes_over():
    assert missed(short(failover.run)) == ""


def test_it_says_200_only_to_what_it_holds_while_the_disk_is_full():
    assert missed(short(full_disk.run)) == ""


def test_it_serves_honest_callbacks_beside_a_thousand_slow_clients():
    assert missed(short(slow_clients.run, *SPEAKERS)) == ""
