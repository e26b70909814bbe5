"""The process that answers Hoiio's calls is killed in the middle of fifty of them; the next one goes on."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import groupby
from pathlib import Path

import forks
import pytest
import requests
from attended import Quiet, steps
from conftest import KEY, make_config
from ports import free_port
from test_answering_hoiio import MENU, MESSAGE, PAUSES, RULES, SORRY
from werkzeug.serving import make_server

from receiver.answering import driver, service
from receiver.providers.hoiio.phone import HoiioPhone
from receiver.simulator.hoiio.server import SimulatorServer
from receiver.simulator.hoiio.settings import Settings

pytestmark = pytest.mark.slow
CALLS = 50


def serve(path: Path, port: int, settings: dict, deaf: bool = False) -> None:
    """The service, less patient than it is, until it is killed. A deaf one keeps callbacks, and no more."""
    from receiver.app import create_app  # noqa: PLC0415

    driver.PAUSES = PAUSES
    service.GRACE = timedelta(seconds=0.5)
    HoiioPhone.patience = lambda *_: 1.5
    if deaf:
        service.Answering.take = lambda *_: None
    app = create_app(make_config(settings.pop("database_url"), path, **settings))
    app.extensions["receiver"].rules.refresh()
    app.extensions["receiver"].schedule.start()
    make_server("127.0.0.1", port, app, threaded=True, request_handler=Quiet).serve_forever()


def start(*about):
    process = forks.process(serve, *about)
    process.daemon = True
    process.start()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            requests.get(f"http://127.0.0.1:{about[1]}/health/live", timeout=2)
        except requests.ConnectionError:
            time.sleep(0.05)
        else:
            return process
    raise AssertionError("it did not start")


@pytest.fixture
def simulator():
    with SimulatorServer(Settings(rate_limit=0, resolve_hosts=False)) as running:
        yield running


@pytest.fixture
def about(simulator, database_url, tmp_path):
    """What a service is started with that has a number and rules."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    number = simulator.subscribe(forward_to=f"{url}callbacks/{KEY}/hoiio/voice")
    (tmp_path / "rules.toml").write_text(RULES.replace("+6561234567", number))
    settings = {
        "database_url": database_url,
        "rules": tmp_path / "rules.toml",
        "hoiio_app_id": "sim-app",
        "hoiio_access_token": "sim-token",
        "hoiio_api_url": simulator.open_url,
        "public_url": url,
    }
    return tmp_path, port, settings


def kill(process) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.join()


def ring(pool, simulator, at: int = 0, **options):
    number = simulator.account["numbers"][0]["number"]
    return pool.submit(simulator.control.call, f"+659{at:07}", number, digits=["2"], hold=25, **options)


def test_killed_in_the_middle_of_fifty_calls_each_ends_by_rule(simulator, about):
    first = start(*about)
    with ThreadPoolExecutor(CALLS) as pool:
        # Who is told nothing hangs up.
        going = [ring(pool, simulator, at, block_seconds=at % 5 / 10, rings_for=12) for at in range(CALLS)]
        while simulator.account["requests"].get("ivr/middle/record", 0) < CALLS // 5:
            time.sleep(0.01)
        kill(first)
        over = sum(call.done() for call in going)
        second = start(*about)
        outcomes = [call.result(60) for call in going]
    kill(second)
    assert over < CALLS
    # Of a call whose first callback was not answered nobody here knows.
    ways = [steps(outcome) for outcome in outcomes if outcome["deliveries"][0]["status"] == 200]
    assert len(ways) > CALLS // 2
    # What was asked for and not noted is asked for again; of what nothing came goes to the failure step.
    once = [[step for step, _ in groupby(way)] for way in ways]
    whole = MENU + MESSAGE
    allowed = [whole, *(whole[:at] + SORRY for at in range(1, 3)), SORRY]
    assert [way for way in once if way not in allowed] == []


def test_killed_between_keeping_a_callback_and_deciding(simulator, about):
    first = start(*about, True)
    with ThreadPoolExecutor(1) as pool:
        going = ring(pool, simulator)
        while not any(delivery["status"] == 200 for delivery in simulator.account["deliveries"]):
            time.sleep(0.01)
        kill(first)
        second = start(*about)
        assert steps(going.result(30)) == MENU + MESSAGE
    kill(second)
