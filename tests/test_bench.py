"""The benches' own judgement: what they would say if callbacks were lost, and what they leave behind."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import insert

from bench import __main__ as command
from bench import callbacks, full_disk, hoiio, paced
from bench.baselines import Callbacks
from bench.faults import NO_ANSWER, Sent, compare
from bench.full_disk import Asked
from bench.ingest import mismatches
from bench.load import Result
from bench.relay_faults import try_hostile
from bench.relay_parts import Delivered, Work, add_target, fill, judged, lines, waits
from bench.report import Report, as_json
from bench.service import HOST, ROOT, Database, Server, sqlite
from bench.taker import Receipt, Taker
from config import Config
from receiver.models import Event, Repeat


@pytest.fixture
def database():
    with sqlite() as database:
        yield database


def store(database: Database, *numbers: int) -> list[str]:
    """Events of these notifications, as a plain writer would keep them; their references."""
    reader = Callbacks(Config.from_env(database.environ, dotenv=None))
    told = [hoiio.notification(number) for number in numbers]
    rows = [reader.row(one.kind, b"", {}.get, one.body, HOST) for one in told]
    with database.engine().begin() as connection:
        connection.execute(insert(Event), rows)
    return [one.ref for one in told]


def store_repeat(database: Database, number: int) -> None:
    reader = Callbacks(Config.from_env(database.environ, dotenv=None))
    told = hoiio.notification(number)
    row = reader.row(told.kind, b"", {}.get, told.body, HOST)
    columns = [column.name for column in Repeat.__table__.columns if column.name != "id"]
    with database.engine().begin() as connection:
        connection.execute(insert(Repeat).values({name: row[name] for name in columns}))


def answered(reference: str, status: int = 200, at: float = 0.0, took: float = 0.01) -> Sent:
    return Sent(reference, at, took, status)


def test_it_finds_nothing_wrong_where_each_answer_is_stored(database: Database):
    first, second = store(database, 1, 2)
    tally = compare([answered(first), answered(second), answered("unknown", NO_ANSWER)], database)
    assert (tally.accepted, tally.unanswered) == (2, 1)
    assert (tally.lost, tally.doubled, tally.repeats_wrong) == (0, 0, 0)


def test_it_finds_a_callback_that_was_answered_and_not_stored(database: Database):
    (first,) = store(database, 1)
    assert compare([answered(first), answered("AA-SI-2")], database).lost == 1


def test_it_finds_a_repeat_that_was_answered_and_not_kept(database: Database):
    (first,) = store(database, 1)
    assert compare([answered(first), answered(first)], database).lost == 1


def test_it_finds_a_callback_stored_more_often_than_sent(database: Database):
    (first,) = store(database, 1)
    store_repeat(database, 1)
    tally = compare([answered(first)], database)
    assert (tally.doubled, tally.repeats_wrong) == (1, 1)


def test_it_finds_what_an_event_does_not_count(database: Database):
    (first,) = store(database, 1)
    store_repeat(database, 1)
    tally = compare([answered(first), answered(first)], database)
    assert (tally.lost, tally.doubled, tally.repeats_wrong) == (0, 0, 1)


@pytest.mark.parametrize(
    ("stored", "found"),
    [
        (["a", "b"], 0),
        (["a", "b", "c"], 0),
        (["a"], 1),
        (["a", "b", "b"], 1),
        (["a", "b", "d"], 1),
    ],
    ids=["all", "one without an answer too", "one lost", "one twice", "one that was refused"],
)
def test_a_throughput_is_held_against_what_is_stored(stored: list[str], found: int):
    assert mismatches([Result(accepted=["a"]), Result(accepted=["b"], unanswered=["c"])], stored) == found


@pytest.mark.parametrize(
    ("before", "after", "ready", "false"),
    [(503, 503, True, 1), (503, 503, False, 0), (503, 200, True, 0), (200, 503, True, 0)],
)
def test_readiness_is_false_only_between_refusals(before: int, after: int, ready: bool, false: int):
    sent = [answered("a", before, at=1.0), answered("b", after, at=2.0)]
    assert full_disk.false_promises([Asked(1.5, 1.6, ready)], sent) == false


@pytest.mark.parametrize(
    ("came", "found"),
    [
        ([1, 2, 3, 4], Delivered(missing=0, doubled=0, disordered=0)),
        ([1, 2, 4], Delivered(missing=1, doubled=0, disordered=0)),
        ([1, 1, 2, 3, 4, 2], Delivered(missing=0, doubled=2, disordered=0)),
        ([1, 3, 2, 4], Delivered(missing=0, doubled=0, disordered=1)),
        ([1, 2, 4, 3], Delivered(missing=0, doubled=0, disordered=0)),
    ],
    ids=["all", "one lost", "two again", "two turned round", "others are not compared"],
)
def test_deliveries_are_held_against_the_log(came: list[int], found: Delivered):
    calls = {1: "call:a", 2: "call:a", 3: "call:a", 4: "call:b"}
    assert judged([Receipt(one, 0.0) for one in came], calls) == found


@pytest.mark.slow
def test_what_is_filled_in_is_delivered_and_counted(database: Database):
    with Taker() as taker:
        add_target(database, taker.url(), ordered=True)
        fill(database, callbacks.notifications(50))
        with Work(database):
            assert taker.wait_for(50, 20)
        told = judged(taker.receipts(), lines(database))
    assert (told.missing, told.disordered) == (0, 0)


@pytest.mark.slow
def test_a_callback_is_timed_until_it_is_delivered(database: Database):
    with Taker() as taker:
        add_target(database, taker.url())
        with Server.receiver(database) as server:
            result = paced.send(server.port, callbacks.calls(8), 40)
            assert taker.wait_for(8, 20)
        took = waits(result.accepted, taker.receipts(), database)
    assert len(result.accepted) == len(result.waits) == len(took) == 8
    assert 0 < took[0] <= took[-1] < 20_000


@pytest.mark.slow
def test_hostile_addresses_are_tried_and_reach_nothing():
    report = Report()
    try_hostile(report)
    assert report.holds, report.bars
    assert len(report.bars) == 4


def test_a_report_is_one_object_with_a_row_for_each_bar():
    report = Report()
    report.figure("rounds", 3)
    report.at_least("ratio", 0.499, 0.5, timed=True)
    report.at_most("wait (s)", float("inf"), 1)
    assert not report.holds
    given = json.loads(as_json("ingest", report))
    assert set(given) == {"bench", "machine", "figures", "bars"}
    assert given["bars"] == [
        {"figure": "ratio", "value": 0.5, "bar": ">= 0.5", "holds": False},
        {"figure": "wait (s)", "value": "inf", "bar": "<= 1", "holds": False},
    ]


def test_each_bench_says_its_question(capsys: pytest.CaptureFixture[str]):
    assert command.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(command.NAMES)
    assert all(line.endswith("?") for line in lines)


def test_a_bench_that_does_not_exist_is_named_with_those_that_do(capsys: pytest.CaptureFixture[str]):
    assert command.main(["speed"]) == 2
    assert "no bench is called 'speed'; there are: ingest" in capsys.readouterr().err


@pytest.mark.slow
def test_a_bench_that_is_stopped_leaves_nothing_behind():
    bench = subprocess.Popen(
        [sys.executable, "-m", "bench", "slow-clients", "--quick"],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    assert bench.stderr is not None
    assert bench.stderr.readline()  # it is about to start its server
    until = time.monotonic() + 20
    while not (children := children_of(bench.pid)) and time.monotonic() < until:
        time.sleep(0.05)
    (server,) = children
    settings = (server / "environ").read_bytes().split(b"\0")
    (spool,) = [value for name, _, value in (one.partition(b"=") for one in settings) if name == b"SPOOL_DIR"]
    folder = Path(spool.decode()).parent
    assert folder.exists()
    bench.send_signal(signal.SIGTERM)
    assert bench.wait(20) == 128 + signal.SIGTERM
    assert not server.exists()
    assert not folder.exists()


def children_of(parent: int) -> list[Path]:
    found = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [Path(f"/proc/{child}") for child in found]
