"""`receiver serve` and the `receiver work` beside it: started when needed, looked after, ended together."""

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest
from conftest import make_config, on_sqlite, started
from receiving import Receiving
from test_relay import until
from test_serve import Service, post

from bench.processes import processes
from receiver import current
from receiver.relay.target import TargetSort

database_url = on_sqlite

pytestmark = pytest.mark.slow


@pytest.fixture
def service(database_url: str, tmp_path: Path):
    service = Service(database_url, tmp_path, OUTBOUND_ALLOW="127.0.0.0/8")
    service.start()
    yield service
    if service.process.poll() is None:
        service.kill()


def workers_of(service: Service) -> list[int]:
    """The processes that deliver."""
    found = []
    for process in processes():
        with contextlib.suppress(OSError):
            command = Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0")
            if process.session == service.process.pid and b"work" in command:
                found.append(process.pid)
    return found


def add_target(service: Service, database_url: str, tmp_path: Path, url: str) -> None:
    config = make_config(database_url, tmp_path, outbound_allow=("127.0.0.0/8",))
    for app in started(config):
        with app.app_context():
            current.targets().add("shop", TargetSort.WEBHOOK, {"url": url}, by="tests")


def test_it_delivers_once_there_is_a_target(service, database_url, tmp_path):
    time.sleep(1.5)
    assert workers_of(service) == []  # nothing to do, no memory for it
    with Receiving() as there:
        add_target(service, database_url, tmp_path, there.url)
        until(lambda: len(workers_of(service)) == 1)
        assert post(service, "txn_ref=AA-SI-1&msg=one") == 200
        there.wait_for(1)
        # It dies, and another one goes on.
        (worker,) = workers_of(service)
        os.kill(worker, signal.SIGKILL)
        assert post(service, "txn_ref=AA-SI-2&msg=two") == 200
        there.wait_for(2, seconds=30)
        assert service.stop() == 0
        assert workers_of(service) == []


def test_it_does_not_outlive_a_server_that_is_killed(service, database_url, tmp_path):
    with Receiving() as there:
        add_target(service, database_url, tmp_path, there.url)
        until(lambda: len(workers_of(service)) == 1)
        os.kill(service.process.pid, signal.SIGKILL)
        until(lambda: workers_of(service) == [])
