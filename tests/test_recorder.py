"""Recording: on stable storage before the answer, exactly once, whatever its neighbours do."""

import contextlib
import sqlite3
import threading
import time
from dataclasses import replace

import pytest
from arrivals import arrival
from plans import MANY, fill, plan_of, reads_all
from sqlalchemy import create_engine, event, func, insert, select, text
from sqlalchemy.exc import OperationalError
from waiting import until

from receiver.db.engine import connect, writing
from receiver.intake.admission import Admission
from receiver.intake.arrival import Arrival, event_row
from receiver.intake.in_spool import Drained
from receiver.intake.recorder import Recorder
from receiver.intake.spool import Spool, SpoolError
from receiver.intake.ticket import Outcome
from receiver.intake.writer import EventWriter
from receiver.models import Event, Repeat
from receiver.retention import quarantine
from receiver.retention.remove import remove_orphans
from receiver.vocabulary.verdict import Verdict


@pytest.fixture
def engine(config):
    engine = connect(config.database_url)
    yield engine
    engine.dispose()


def make_recorder(engine, tmp_path, queue_limit=1000) -> Recorder:
    spool = Spool(tmp_path / "spool", limit_mb=16)
    admission = Admission(engine, spool, limit_mb=16)
    return Recorder(EventWriter(engine), spool, admission, deadline=1.0, queue_limit=queue_limit)


@pytest.fixture
def recorder(engine, tmp_path):
    recorder = make_recorder(engine, tmp_path)
    yield recorder
    recorder.close(5)


def count(engine, table=Event) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table))


def test_it_stores_each_of_many_concurrent_arrivals_once(recorder, engine):
    outcomes = []

    def send(worker: int):
        outcomes.extend(recorder.record(arrival(f"AA-SI-{worker}-{n}")) for n in range(25))

    threads = [threading.Thread(target=send, args=(worker,)) for worker in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [True] * 400
    assert count(engine) == 400


def test_it_counts_repeats_of_one_event_inside_a_batch(engine):
    rows = [event_row(arrival("AA-SI-1")) for _ in range(3)] + [event_row(arrival("AA-SI-2"))]
    assert EventWriter(engine).write(rows) == [None] * 4
    assert count(engine) == 2
    assert count(engine, Repeat) == 2
    with engine.connect() as connection:
        assert connection.scalar(select(Event.repeats).where(Event.txn_ref == "AA-SI-1")) == 2


def test_it_does_not_count_the_same_arrival_stored_twice_as_a_repeat(engine):
    first, second = event_row(arrival("AA-SI-1")), event_row(arrival("AA-SI-1"))
    writer = EventWriter(engine)
    for row in (first, second, first, second):
        writer.write([row])
    with engine.connect() as connection:
        assert connection.scalar(select(Event.repeats)) == 1
    assert count(engine, Repeat) == 1


def test_it_does_not_lose_a_repeat_of_what_is_released_just_then(engine):
    """On PostgreSQL two may work on one event at once; SQLite has one writer."""
    writer = EventWriter(engine)
    quarantined = [arrival(f"AA-SI-{number}", distrust="signature invalid") for number in range(5)]
    writer.write([event_row(each) for each in quarantined])
    stop = time.monotonic() + 1.5
    written = [each.id for each in quarantined]

    def release():
        while time.monotonic() < stop:
            with engine.connect() as connection:
                held = connection.scalars(select(Event.id).where(Event.quarantine.is_not(None))).all()
            with contextlib.suppress(OperationalError):  # a deadlock ends one of the two
                quarantine.release(engine, held, "test")

    releasing = threading.Thread(target=release)
    releasing.start()
    while time.monotonic() < stop:
        again = [replace(each, id=Arrival.new_id()) for each in quarantined]
        with contextlib.suppress(OperationalError):
            # A row that is locked for long is given back, and the spool would have it.
            refused = writer.write([event_row(each) for each in again])
            written += [each.id for each, error in zip(again, refused, strict=True) if error is None]
    releasing.join()
    remove_orphans(engine)
    with engine.connect() as connection:
        kept = {*connection.scalars(select(Event.arrival)), *connection.scalars(select(Repeat.arrival))}
        counted = connection.scalar(select(func.sum(Event.repeats)))
    assert kept >= set(written)
    assert counted == count(engine, Repeat)


def test_repeats_without_an_event_are_found_without_reading_the_whole_log(engine):
    fill(engine)
    once = event_row(arrival("AA-SI-7"))
    raw = {name: value for name, value in once.items() if name in Repeat.__table__.columns}
    with writing(engine) as connection:
        rows = [raw | {"identity": name, "arrival": name} for name in ("AA-SI-7", f"AA-SI-{MANY}")]
        connection.execute(insert(Repeat), rows)
    plan = plan_of(engine, lambda: remove_orphans(engine), "DELETE FROM repeats")
    with engine.connect() as connection:
        assert connection.scalars(select(Repeat.identity)).all() == ["AA-SI-7"]
    assert not reads_all(plan), plan


def test_it_does_not_store_twice_what_is_released_while_its_neighbours_repeats_are_counted(engine):
    """An insert is committed before the repeats in it are settled: others may work on its events between."""
    writer, other = EventWriter(engine), create_engine(engine.url)
    writer.write([event_row(arrival("AA-SI-1"))])
    hidden = arrival("AA-SI-2", distrust="signature invalid")

    @event.listens_for(writer.engine, "after_cursor_execute")
    def release_at_once(connection, cursor, statement, *_):
        if statement.startswith("INSERT INTO events"):
            with other.connect() as looking:
                held = looking.scalars(select(Event.id).where(Event.quarantine.is_not(None))).all()
            if held:
                assert quarantine.release(other, held, "test").released == 1

    writer.write([event_row(arrival("AA-SI-1")), event_row(hidden)])
    event.remove(writer.engine, "after_cursor_execute", release_at_once)
    other.dispose()
    with engine.connect() as connection:
        refs = sorted(connection.execute(select(Event.txn_ref, Event.quarantine, Event.repeats)).all())
    assert refs == [("AA-SI-1", None, 1), ("AA-SI-2", None, 0)]


def test_it_commits_on_a_connection_on_which_somebody_changed_how_transactions_begin(engine):
    engine.dispose()  # what follows is then on one and the same connection
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SELECT 1"))
    EventWriter(engine).write([event_row(arrival("AA-SI-1"))])
    assert count(engine) == 1


BAD = [
    {"kind": None},
    {"text": "half a pair: \ud800"},
    {"received_at": "no time"},
    {"duration": 1 << 70},
    {"session": object()},
    {"problems": [1]},
]
"""What no version of ours makes: the database refuses it, or nobody can bind it."""


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: next(iter(bad)))
def test_it_does_not_let_one_bad_row_fail_its_neighbours(engine, bad):
    good = [event_row(arrival(f"AA-SI-{number}")) for number in (1, 2)]
    results = EventWriter(engine).write([good[0], event_row(arrival("AA-SI-3")) | bad, good[1]])
    assert [result is None for result in results] == [True, False, True]
    assert count(engine) == 2


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: next(iter(bad)))
def test_it_sets_a_bad_row_aside_and_goes_on(engine, tmp_path, monkeypatch, bad):
    def made(arrival, *given):
        return event_row(arrival, *given) | (bad if arrival.peer == "bad" else {})

    monkeypatch.setattr("receiver.intake.ticket.event_row", made)
    monkeypatch.setattr("receiver.intake.spool.event_row", made)
    spool = Spool(tmp_path / "spool", limit_mb=16)
    spool.put([arrival("AA-SI-1"), arrival("AA-SI-2", peer="bad"), arrival("AA-SI-3")])
    recorder = make_recorder(engine, tmp_path)
    assert recorder.record(arrival("AA-SI-4", peer="bad"))
    until(lambda: (spool.state().waiting, spool.state().set_aside) == (0, 2))
    assert recorder.take(arrival("AA-SI-5")).outcome is Outcome.STORED
    assert not recorder.failing
    assert count(engine) == 3
    recorder.close(5)


def test_it_never_takes_a_quarantined_copy_for_the_real_one(recorder, engine):
    recorder.record(arrival("AA-SI-1", signature=Verdict.INVALID, distrust="signature invalid"))
    recorder.record(arrival("AA-SI-1"))
    assert count(engine) == 2


def hide_events(engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE events RENAME TO hidden"))


def show_events(engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE hidden RENAME TO events"))


@contextlib.contextmanager
def blocked(engine):
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("LOCK TABLE events IN ACCESS EXCLUSIVE MODE"))
        yield


def test_it_holds_callbacks_in_the_spool_while_the_database_fails_and_moves_them_after(engine, tmp_path):
    spool = Spool(tmp_path / "spool", limit_mb=16)
    recorder = make_recorder(engine, tmp_path)
    hide_events(engine)
    assert all(recorder.record(arrival(f"AA-SI-{n}")) for n in range(250))
    assert spool.state().waiting == 250
    show_events(engine)
    until(lambda: spool.state().waiting == 0)
    assert count(engine) == 250
    recorder.close(5)


def test_it_answers_within_its_deadline_while_the_database_does_not(recorder, engine):
    assert recorder.record(arrival("AA-SI-1"))
    with blocked(engine):
        started = time.monotonic()
        assert recorder.record(arrival("AA-SI-2"))
        assert time.monotonic() - started < 3
    until(lambda: count(engine) == 2)
    assert recorder.record(arrival("AA-SI-3"))
    until(lambda: count(engine) == 3)
    assert count(engine, Repeat) == 0


def test_it_says_so_when_neither_database_nor_spool_can_hold_a_callback(engine, tmp_path):
    recorder = make_recorder(engine, tmp_path)
    hide_events(engine)
    assert recorder.record(arrival("AA-SI-1"))
    with sqlite3.connect(tmp_path / "spool" / "spool.db") as spool:
        spool.execute("DROP TABLE arrivals")
    assert not recorder.record(arrival("AA-SI-2"))
    assert not recorder.probe_database()
    recorder.close(5)


def test_it_sets_aside_what_the_database_refuses_and_drains_the_rest(engine, tmp_path):
    spool = Spool(tmp_path / "spool", limit_mb=16)
    spool.put([arrival("AA-SI-1"), arrival("AA-SI-2", peer="bad"), arrival("AA-SI-3")])
    with writing(engine) as connection:  # a constraint no version of ours has stands for any refusal
        if engine.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE events ADD CONSTRAINT ck CHECK (peer <> 'bad')"))
        else:
            connection.execute(
                text(
                    "CREATE TRIGGER ck BEFORE INSERT ON events WHEN NEW.peer = 'bad' "
                    "BEGIN SELECT RAISE(ABORT, 'refused'); END"
                )
            )
    assert spool.drain(EventWriter(engine)) == Drained(moved=2, set_aside=1)
    assert (spool.state().waiting, spool.state().set_aside) == (0, 1)
    assert count(engine) == 2


def test_it_needs_no_spool_while_the_database_works(engine, tmp_path):
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "spool.db").write_bytes(b"what a broken disk gives back" * 1000)
    recorder = make_recorder(engine, tmp_path)
    for number in range(3):
        assert recorder.record(arrival(f"AA-SI-{number}"))
        time.sleep(0.1)  # between two callbacks it looks into the spool
    assert not recorder.failing
    assert count(engine) == 3
    recorder.close(5)


def test_it_goes_on_holding_callbacks_after_one_that_the_spool_trips_over(engine, tmp_path):
    recorder = make_recorder(engine, tmp_path)
    hide_events(engine)
    assert recorder.record(arrival("AA-SI-1"))
    # Half a surrogate pair, which no driver takes; nothing that comes in has one.
    peers = ["203.0.113.7"] * 20 + ["\ud800"] + ["203.0.113.7"] * 20
    tickets = [recorder.submit(arrival("AA-SI-2", peer=peer), lambda _: None) for peer in peers]
    until(lambda: all(ticket.outcome for ticket in tickets))
    assert [ticket.held for ticket in tickets] == [peer != "\ud800" for peer in peers]
    recorder.close(5)


def test_it_keeps_a_spool_for_the_next_process(engine, tmp_path):
    Spool(tmp_path / "spool", limit_mb=16).put([arrival("AA-SI-1")])
    recorder = make_recorder(engine, tmp_path)
    recorder.record(arrival("AA-SI-2"))
    until(lambda: count(engine) == 2)
    recorder.close(5)


def test_it_refuses_a_spool_it_cannot_write(tmp_path):
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(SpoolError, match="SPOOL_DIR"):
        Spool(tmp_path / "file", limit_mb=16).prove()


def test_it_keeps_the_spool_within_its_limit(tmp_path):
    spool = Spool(tmp_path / "spool", limit_mb=1)
    large = [arrival(f"AA-SI-{n}", body=b"x" * 60_000) for n in range(10)]
    spool.put(large)
    with pytest.raises(SpoolError, match="SPOOL_LIMIT_MB"):
        spool.put(large)
    assert spool.state().waiting == 10


def test_it_writes_what_it_accepted_before_it_stops(engine, tmp_path):
    recorder = make_recorder(engine, tmp_path)
    settled = []
    for n in range(100):
        recorder.submit(arrival(f"AA-SI-{n}"), settled.extend)
    recorder.close(10)
    assert len(settled) == 100
    assert count(engine) == 100


def test_it_bounds_what_waits_and_loses_nothing_it_held(engine, tmp_path):
    recorder = make_recorder(engine, tmp_path, queue_limit=2)
    settled = []
    with blocked(engine):
        tickets = [recorder.submit(arrival(f"AA-SI-{n}"), settled.extend) for n in range(40)]
    until(lambda: all(ticket.outcome for ticket in tickets))
    held = sum(ticket.held for ticket in tickets)
    assert 0 < held < 40
    until(lambda: count(engine) == held)
    recorder.close(5)


def test_it_keeps_a_callback_that_our_own_reading_trips_over(engine, tmp_path, monkeypatch):
    def broken(*_):
        raise RuntimeError("a defect of ours")

    monkeypatch.setattr("receiver.intake.ticket.event_row", broken)
    monkeypatch.setattr("receiver.intake.spool.event_row", broken)
    recorder = make_recorder(engine, tmp_path)
    assert recorder.record(arrival("AA-SI-1"))
    spool = Spool(tmp_path / "spool", limit_mb=16)
    until(lambda: spool.state().set_aside == 1)
    recorder.close(5)
