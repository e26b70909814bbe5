"""Which deliveries are next in a queue that has become long."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, insert

from receiver.db.engine import connect, writing
from receiver.models import DELIVERIES, TargetRow
from receiver.relay.queue import Queue

BEGUN = datetime.now(UTC) - timedelta(minutes=5)
LATER = datetime.now(UTC) + timedelta(hours=1)


@pytest.fixture
def engine(database_url):
    engine = connect(database_url)
    target = {"name": "Shop", "sort": "webhook", "search": "", "settings": "{}", "ordered": True}
    with writing(engine) as connection:
        made = {"id": 1, "after_id": 0, "created_at": BEGUN, "created_by": "test"}
        connection.execute(insert(TargetRow).values(**target, **made))
    yield engine
    engine.dispose()


def wait(engine, lines: Iterable[str], *, due: datetime = BEGUN) -> None:
    """One more delivery for each of these lines, in this order."""
    with writing(engine) as connection:
        rows = [
            {"target_id": 1, "event_id": 0, "replay_id": 0, "state": "waiting", "line": line}
            | {"due_at": due, "created_at": BEGUN}
            for line in lines
        ]
        first = connection.exec_driver_sql("SELECT count(*) FROM deliveries").scalar()
        for number, row in enumerate(rows, first + 1):
            row["event_id"] = number
        connection.execute(insert(DELIVERIES), rows)


def claimed(queue: Queue, most: int = 64) -> list[list[tuple[str, int]]]:
    return [[(one.line, one.event_id) for one in chain] for chain in queue.claim(most)]


def deep(count: int, each: int) -> list[str]:
    return [f"sms:{number:02}" for _ in range(each) for number in range(count)]


def test_each_of_a_few_deep_lines_gets_on_in_its_order(engine):
    wait(engine, deep(10, 100))
    chains = claimed(Queue(engine, 1, "one"), 80)
    assert len({chain[0][0] for chain in chains}) == 10
    assert [len(chain) for chain in chains] == [8] * 10
    for chain in chains:
        assert [number for _, number in chain] == [chain[0][1] + 10 * place for place in range(8)]


def test_what_need_not_wait_is_found_behind_many_that_must(engine):
    """Their heads failed and are tried again later; what stands behind these is due, and old."""
    blocked = [f"call:{number:04}" for number in range(600)]
    wait(engine, blocked, due=LATER)
    wait(engine, blocked)
    wait(engine, ["sms:late", "sms:late", ""], due=BEGUN + timedelta(minutes=1))
    queue = Queue(engine, 1, "one")
    found = [chain for _ in range(3) for chain in claimed(queue, 16)]
    assert sorted(found) == [[("", 1203)], [("sms:late", 1201), ("sms:late", 1202)]]
    assert claimed(queue, 16) == []


def test_two_workers_share_the_lines(engine):
    wait(engine, deep(40, 3))
    one, other = Queue(engine, 1, "one"), Queue(engine, 1, "other")
    found = claimed(one, 20) + claimed(other, 200)
    numbers = [number for chain in found for _, number in chain]
    assert len(numbers) == len(set(numbers))
    lines = [chain[0][0] for chain in found]
    assert len(lines) == len(set(lines))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("lines", [1, 25, 5000], ids="{} lines".format)
def test_a_look_costs_as_much_in_a_long_queue_as_in_a_short_one(engine, lines):
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    @event.listens_for(engine, "checkout")
    def watch(connection, *_) -> None:
        connection.set_progress_handler(count, 100)

    queue = Queue(engine, 1, "one")
    costs = []
    for total in (1000, 9000):
        wait(engine, [f"sms:{number % lines:04}" for number in range(total)])
        queue.claim(1)
        before = steps
        queue.claim(64)
        costs.append(steps - before)
    assert costs[1] < 2 * costs[0]
