"""Several processes answer at once: what is heard of one call comes to any of them, and each step is decided
once."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from attended import PACE, office, steps
from conftest import API_TOKEN, KEY
from test_answering_hoiio import BUSY, MENU, MESSAGE, PAUSES, RULES, SORRY, sent, until
from test_serve import Service

from receiver.answering import driver
from receiver.providers.hoiio.phone import HoiioPhone
from receiver.simulator.hoiio.server import SimulatorServer
from receiver.simulator.hoiio.settings import Settings

WAYS = [
    ({"digits": ["1"], "dial": ["answered"], "dial_seconds": 1}, [*MENU, "transfer"]),
    ({"digits": ["1"], "dial": ["busy", "unanswered"]}, MENU + BUSY + MESSAGE),
    ({"digits": ["2"]}, MENU + MESSAGE),
    ({"digits": ["", "9"]}, MENU + MENU + SORRY),
    ({"digits": ["5", "2"], "hangs_up_in": 3}, [*MENU, *MENU, "record"]),
]


@pytest.fixture(scope="module")
def simulator():
    with SimulatorServer(Settings(rate_limit=0, resolve_hosts=False, pace=PACE)) as running:
        yield running


@pytest.fixture
def pair(simulator, database_url, tmp_path, monkeypatch):
    """Two of the same service, which get callbacks in turn."""
    monkeypatch.setattr(driver, "PAUSES", PAUSES)
    with office(RULES, tmp_path, ("+6561234567",), simulator, url=database_url, processes=2) as running:
        yield running


def test_each_step_is_decided_once_whoever_hears_of_it(pair):
    """Of some calls each notification comes twice: once to each."""
    doubled = {"notifications": ["doubled"] * 20}
    ways = [*WAYS, *((options | doubled, way) for options, way in WAYS)]
    with ThreadPoolExecutor(10) as pool:
        outcomes = list(pool.map(lambda one: pair.call(**one[0]), ways))
    assert [steps(outcome) for outcome in outcomes] == [way for _, way in ways]
    assert not any("refused" in step for outcome in outcomes for step in outcome["way"])
    for outcome in outcomes[::5]:
        why = pair.why(outcome["session"])
        assert why[:2] == ["rule 1 (always) holds", "pressed 1"]
        assert len(why) == 3


def test_a_call_that_went_on_elsewhere_is_not_taken_for_lost(pair, monkeypatch):
    """It lasts longer than either of them waits for a step."""
    monkeypatch.setattr(HoiioPhone, "patience", lambda *_: 1.5)
    outcome = pair.call(digits=["2"], block_seconds=0.6 / PACE)
    assert [step["step"] for step in outcome["way"]] == MENU + MESSAGE
    why = pair.why(outcome["session"])
    assert why == [*("rule 1 (always) holds", "pressed 2", "recorded", "done")]


def test_an_sms_that_comes_to_both_is_answered_once(pair):
    number = pair.numbers["+6561234567"]
    before = len(sent(pair))
    pair.simulator.control.sms("+6590003333", number, "Hello", duplicate=2)
    for parts in pair.processes:
        parts.answering.close(5)
    assert len(sent(pair)) == before + 1


@pytest.mark.slow
def test_the_real_server_decides_once_and_reads_its_rules_at_sighup(simulator, database_url, tmp_path):
    """With as many workers as the database allows. SIGHUP ends none of them."""
    service = Service(database_url, tmp_path)
    number = simulator.subscribe(forward_to=f"{service.url}/callbacks/{KEY}/hoiio/voice")
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES.replace("+6561234567", number))
    service.env |= {
        "HOIIO_ACCESS_TOKEN": "sim-token",
        "HOIIO_API_URL": simulator.open_url,
        "RULES": str(rules),
    }
    service.start(workers=1 if database_url.startswith("sqlite") else 2)

    def call(at: int) -> dict:
        return simulator.control.call(f"+659{at:07}", number, hold=60, **WAYS[at % 5][0])

    def decided(outcome: dict) -> list[dict]:
        about = f"{service.url}/api/v1/calls/{outcome['session']}"
        shown = requests.get(about, headers={"Authorization": f"Bearer {API_TOKEN}"}, timeout=10).json()
        return [one["does"] for one in shown["decisions"]]

    try:
        workers = children(service.process.pid)
        with ThreadPoolExecutor(10) as pool:
            outcomes = list(pool.map(call, range(20)))
            assert [steps(outcome) for outcome in outcomes] == [way for _, way in WAYS * 4]
            told = 'record up to 30 s: say "Please leave a message."'
            until(lambda: all(decided(one).count(told) == 1 for one in outcomes[2::5]))
            # Of the same length and date: nobody would look into it.
            date = rules.stat().st_mtime_ns
            rules.write_text(rules.read_text().replace("Sorry.", "Alas!!"))
            os.utime(rules, ns=(date, date))
            assert "Sorry." in call(3)["heard"]
            service.process.send_signal(signal.SIGHUP)
            until(lambda: all("Alas!!" in one["heard"] for one in pool.map(call, [3] * 10)))
        assert children(service.process.pid) >= workers
    finally:
        service.kill()


def children(pid: int) -> set[str]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return {child for task in tasks for child in (task / "children").read_text().split()}
