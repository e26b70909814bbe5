"""Recording: on stable storage before the answer, exactly once, whatever its neighbours do."""

import threading
from dataclasses import replace

import pytest
from sqlalchemy import func, select, text

from receiver import db
from receiver.hoiio.notifications import Kind
from receiver.hoiio.signature import Verdict
from receiver.log.arrival import Arrival, event_row
from receiver.log.record import Recorder
from receiver.log.write import EventWriter
from receiver.models import Event, Repeat


def arrival(txn_ref: str, **changes) -> Arrival:
    made = Arrival(
        id=Arrival.new_id(),
        kind=Kind.SMS,
        received_at=Arrival.now(),
        method="POST",
        query=b"",
        headers=b"",
        body=f"txn_ref={txn_ref}&msg=hello&from=%2B6591234567&to=%2B16501234567".encode(),
        peer="127.0.0.1",
        content_type="",
        signature=Verdict.MISSING,
        distrust=None,
    )
    return replace(made, **changes)


@pytest.fixture
def engine(config):
    engine = db.connect(config.database_url)
    db.upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def recorder(engine):
    recorder = Recorder(engine, deadline=2, queue_limit=1000)
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


def test_it_does_not_let_one_bad_row_fail_its_neighbours(engine):
    bad = event_row(arrival("AA-SI-2")) | {"kind": None}
    results = EventWriter(engine).write([event_row(arrival("AA-SI-1")), bad, event_row(arrival("AA-SI-3"))])
    assert [result is None for result in results] == [True, False, True]
    assert count(engine) == 2


def test_it_never_takes_a_quarantined_copy_for_the_real_one(recorder, engine):
    recorder.record(arrival("AA-SI-1", distrust="signature invalid"))
    recorder.record(arrival("AA-SI-1", signature=Verdict.VALID))
    assert count(engine) == 2


def test_it_says_failed_while_the_table_is_gone_and_goes_on_when_it_is_back(recorder, engine):
    with db.writing(engine) as connection:
        connection.execute(text("ALTER TABLE events RENAME TO hidden"))
    assert not recorder.record(arrival("AA-SI-1"))
    with db.writing(engine) as connection:
        connection.execute(text("ALTER TABLE hidden RENAME TO events"))
    assert recorder.record(arrival("AA-SI-2"))


def test_it_answers_within_its_deadline_while_the_database_is_locked(recorder, engine):
    assert recorder.record(arrival("AA-SI-1"))
    with db.writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("LOCK TABLE events IN ACCESS EXCLUSIVE MODE"))
        assert not recorder.record(arrival("AA-SI-2"))
    assert recorder.record(arrival("AA-SI-3"))


def test_it_writes_what_it_accepted_before_it_stops(engine):
    recorder = Recorder(engine, deadline=5, queue_limit=1000)
    settled = []
    for n in range(100):
        recorder.submit(arrival(f"AA-SI-{n}"), settled.extend)
    recorder.close(10)
    assert len(settled) == 100
    assert count(engine) == 100


def test_it_refuses_when_the_queue_is_full(engine):
    recorder = Recorder(engine, deadline=1, queue_limit=1)
    with db.writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("LOCK TABLE events IN ACCESS EXCLUSIVE MODE"))
        settled = []
        tickets = [recorder.submit(arrival(f"AA-SI-{n}"), settled.extend) for n in range(20)]
        assert settled
    recorder.close(5)
    assert all(ticket.outcome is not None for ticket in tickets)
    stored = sum(ticket.outcome.value == "stored" for ticket in tickets)
    assert count(engine) >= stored
