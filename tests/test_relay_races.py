"""What happens in between: two at once, something removed or changed meanwhile, clocks that differ."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from conftest import make_config, started
from receiving import Receiving
from sqlalchemy import delete, func, insert, select, text, update
from test_relay import due_now, hook, sms, states, until, working

from receiver import current
from receiver.db.engine import writing
from receiver.models import EVENTS, AttemptRow, DeliveryRow, LateEvent
from receiver.relay import deliveries, planner, replay
from receiver.relay.deliveries import Deliveries
from receiver.relay.delivery import Claimed, Result, Settled
from receiver.relay.next_due import NextDue
from receiver.relay.planner import Planner
from receiver.relay.posting import retry_after
from receiver.relay.queue import Queue
from receiver.relay.replay import Replays
from receiver.relay.sender import TargetError
from receiver.relay.target import FAILING_AFTER, TargetState
from receiver.relay.webhook import Webhook
from receiver.relay.worker import Worker
from receiver.search.query import Search

pytestmark = pytest.mark.slow
DELIVERED = Result(delivered=True, request="POST")
FAILED = Result(delivered=False, request="POST", reason="answered 500", status=500)


@pytest.fixture
def here(database_url, tmp_path):
    """The application, in its context."""
    for app in started(make_config(database_url, tmp_path, outbound_allow=("127.0.0.0/8",))):
        with app.app_context():
            yield app


@pytest.fixture
def target(here):
    with Receiving() as there:
        return hook(there)


def queue(target, worker: str = "one") -> Queue:
    return Queue(current.engine(), target.id, worker)


def planned(here, number: int) -> None:
    for one in range(number):
        sms(here, one)
    Planner(current.engine()).plan()


def claimed(waiting: Queue, most: int = 100) -> list[Claimed]:
    return [one for chain in waiting.claim(most) for one in chain]


def settled(claimed: Claimed, result: Result | None) -> Settled:
    return Settled(claimed, result, datetime.now(UTC), 0.1)


def count(what) -> int:
    with current.engine().connect() as connection:
        return connection.scalar(select(func.count()).select_from(what)) or 0


def erase(*event_ids: int) -> None:
    with writing(current.engine()) as connection:
        connection.execute(delete(EVENTS).where(EVENTS.c.id.in_(event_ids)))


def leases_end() -> None:
    with writing(current.engine()) as connection:
        connection.execute(update(DeliveryRow).values(due_at=DeliveryRow.created_at))


def test_an_event_that_is_erased_while_it_is_sent_holds_up_no_other(here, target):
    planned(here, 3)
    one = queue(target)
    sent = claimed(one)
    erase(2)
    one.settle([settled(claim, DELIVERED) for claim in sent])
    assert states() == ["delivered"] * 2
    assert count(AttemptRow) == 2


def test_a_target_that_is_removed_while_it_is_sent_to_is_gone(here, target):
    planned(here, 1)
    one = queue(target)
    sent = claimed(one)
    current.targets().remove("shop", by="tests")
    one.settle([settled(claim, DELIVERED) for claim in sent])
    assert count(AttemptRow) == count(DeliveryRow) == 0


def test_an_event_that_is_erased_while_it_is_planned_leaves_nothing(here, target, monkeypatch):
    sms(here, 1)
    sms(here, 2)
    found = planner.deliveries_for

    def then_erased(*given, **also):
        rows = list(found(*given, **also))
        erase(1)
        return rows

    monkeypatch.setattr(planner, "deliveries_for", then_erased)
    Planner(current.engine()).plan()
    assert [one.event_id for one in current.deliveries().find().deliveries] == [2]


def test_a_delivery_of_what_is_gone_is_dropped(here):
    """PostgreSQL: the event was erased by a transaction that the planner could not see yet."""
    with Receiving() as there:
        target = hook(there)
        planned(here, 1)
        with writing(current.engine()) as connection:
            row = {"target_id": target.id, "event_id": 99, "state": "waiting", "line": "sms:+6591234567:"}
            now = datetime.now(UTC)
            connection.execute(insert(DeliveryRow).values(due_at=now, created_at=now, **row))
        with working():
            until(lambda: states() == ["delivered"])


def test_a_target_that_is_made_while_events_are_planned_misses_none(here, monkeypatch):
    """What arrives after it was made is for it, also if that is planned already."""
    look = planner.settled_id

    def meanwhile(*given):
        hook(there)
        sms(here, 2)
        return look(*given)

    with Receiving() as there:
        sms(here, 1)
        monkeypatch.setattr(planner, "settled_id", meanwhile)
        Planner(current.engine()).plan()
        monkeypatch.setattr(planner, "settled_id", look)
        Planner(current.engine()).plan()
    assert [one.event_id for one in current.deliveries().find().deliveries] == [2]


def test_a_worker_plans_on_at_once_only_after_a_full_step(here, target, monkeypatch):
    """Else it plans what came meanwhile a few at a time, and all that follows is done a few at a time."""
    monkeypatch.setattr(planner, "AT_ONCE", 2)
    monkeypatch.setattr(replay, "AT_ONCE", 2)
    for number in range(3):
        sms(here, number)
    worker = Worker(current.surroundings())
    assert [worker._plan() for _ in range(3)] == [True, False, False]
    current.replays().ask(target, Search(), by="tests")
    assert [worker._plan() for _ in range(3)] == [True, False, False]
    with writing(current.engine()) as connection:
        connection.execute(insert(LateEvent), [{"event_id": number} for number in (1, 2, 3)])
    assert [worker._plan() for _ in range(3)] == [True, False, False]


def test_a_change_of_settings_does_not_undo_one_of_the_same_moment(here, target, monkeypatch):
    read = Webhook.read

    def meanwhile(*given):
        monkeypatch.setattr(Webhook, "read", read)
        current.targets().rotate("shop", by="mei")
        return settings

    settings = read(Webhook(), {"headers": {"X-Shop": "1"}}, target.settings, current.surroundings())
    monkeypatch.setattr(Webhook, "read", meanwhile)
    with pytest.raises(TargetError, match="'shop' was changed at the same moment"):
        current.targets().change("shop", given={"headers": {"X-Shop": "1"}}, by="tests")
    rotated = current.targets().get("shop").settings
    assert rotated["old_secret"] == target.settings["secret"]
    monkeypatch.setattr(Webhook, "read", meanwhile)
    with pytest.raises(TargetError, match="at the same moment"):
        current.targets().rotate("shop", by="tests")
    assert current.targets().get("shop").settings["old_secret"] == rotated["secret"]


def test_events_chosen_for_a_replay_are_all_that_a_worker_finds_of_it(here, target):
    class Eager(Replays):
        """A worker looks for what is to be planned at the worst moment."""

        def get(self, replay_id):
            self.step()
            return super().get(replay_id)

    planned(here, 5)
    with writing(current.engine()) as connection:
        connection.execute(delete(DeliveryRow))
    asked = Eager(current.engine()).ask_for(target, [2, 3], by="tests")
    assert sorted(one.event_id for one in current.deliveries().find().deliveries) == [2, 3]
    assert (asked.planned, asked.waiting, asked.state) == (2, 2, "sending")


def test_what_was_stopped_while_it_was_sent_can_be_tried_again(here, target):
    sms(here, 1)
    asked = current.replays().ask_for(target, [1], by="tests")
    one = queue(target)
    (sent,) = claimed(one)
    current.replays().stop(asked.id, by="tests")
    one.settle([settled(sent, None)])
    assert current.deliveries().retry([sent.id]) == 1


def test_what_stands_behind_a_delivery_that_another_worker_had_meanwhile_waits(here, monkeypatch):
    look = NextDue.followers

    def meanwhile(*given):
        found = list(look(*given))
        with writing(current.engine()) as connection:  # the first failed
            later = datetime.now(UTC) + timedelta(minutes=1)
            connection.execute(update(DeliveryRow).where(DeliveryRow.id == 1).values(due_at=later))
        return found

    with Receiving() as there:
        one = queue(hook(there, ordered=True))
    planned(here, 3)
    with monkeypatch.context() as patched:
        patched.setattr(NextDue, "followers", meanwhile)
        assert claimed(one) == []
    assert count(select(DeliveryRow).where(DeliveryRow.leased_by.is_not(None)).subquery()) == 0
    due_now()
    assert [claim.id for claim in claimed(one)] == [1, 2, 3]


def test_what_dies_again_while_all_that_is_dead_is_retried_is_retried_once(here, target, monkeypatch):
    seen = set()

    def give_up() -> None:
        hopeless = Result(delivered=False, request="POST", final=True)
        queue(target).settle([settled(claim, hopeless) for claim in claimed(queue(target))])

    class Hopeless(Deliveries):
        def retry(self, ids):
            assert seen.isdisjoint(ids)
            seen.update(ids)
            retried = super().retry(ids)
            give_up()
            return retried

    monkeypatch.setattr(deliveries, "_PORTION", 2)
    planned(here, 5)
    give_up()
    assert Hopeless(current.engine()).retry_dead(target.id) == 5
    assert states() == ["dead"] * 5
    assert count(AttemptRow) == 10


def test_a_worker_learns_which_leases_it_has_lost(here, target):
    planned(here, 3)
    one, other = queue(target), queue(target, "other")
    mine = [claim.id for claim in claimed(one)]
    assert one.renew(mine) == set(mine)
    current.deliveries().cancel(mine[:1], "tests")
    leases_end()
    assert [claim.id for claim in claimed(other, 1)] == mine[1:2]
    assert one.renew(mine) == set(mine[2:])


def test_what_is_cancelled_while_it_waits_for_a_lane_is_not_sent(here):
    let_go = threading.Event()

    def hang(_):
        let_go.wait(20)
        return 200, {}, b""

    with Receiving(hang) as there:
        hook(there, ordered=True)  # one conversation, so one lane
        planned(here, 3)
        with working() as (worker,):
            until(lambda: len(worker._runners) == 1)
            (runner,) = [one.runner for one in worker._runners.values()]
            until(lambda: len(runner._under_way) == 3)
            current.deliveries().cancel([2, 3], "tests")
            runner._renewed = float("-inf")  # the leases are to be renewed
            runner.wake()
            until(lambda: runner._renewed > 0)
            let_go.set()
            until(lambda: states() == ["cancelled", "cancelled", "delivered"])
        assert [got.json["data"]["id"] for got in there.got] == [1]


def test_what_failed_at_once_counts_as_one_failure_once_the_breaker_is_open(here, target):
    """A target that restarts fails all that is under way; that is no reason to leave it alone for long."""
    planned(here, 30)
    one = queue(target)
    sent = claimed(one)
    assert len(sent) == 30
    for portion in (sent[:20], sent[20:]):
        one.settle([settled(claim, FAILED) for claim in portion])
    blocked = current.targets().get("shop")
    assert (blocked.state, blocked.failures) == (TargetState.FAILING, FAILING_AFTER)
    assert blocked.blocked_until - datetime.now(UTC) < timedelta(seconds=11)
    for failures in (FAILING_AFTER + 1, FAILING_AFTER + 2):
        due_now()
        (probe,) = claimed(one)
        one.settle([settled(probe, FAILED)])
        assert current.targets().get("shop").failures == failures


def test_a_failing_target_is_not_blocked_for_what_cannot_be_had_any_more(here, target, monkeypatch):
    planned(here, 30)
    one = queue(target)
    one.settle([settled(claim, FAILED) for claim in claimed(one)])
    due_now()
    look = NextDue.heads

    def meanwhile(*given):
        found = list(look(*given))
        with writing(current.engine()) as connection:
            ended = update(DeliveryRow).where(DeliveryRow.id == found[0].id)
            connection.execute(ended.values(state="cancelled"))
        return found

    with monkeypatch.context() as patched:
        patched.setattr(NextDue, "heads", meanwhile)
        assert claimed(one) == []
    assert [claim.probe for claim in claimed(one)] == [True]


def test_once_the_breaker_is_open_what_was_claimed_is_not_tried(here):
    with Receiving(lambda _: (503, {}, b"")) as there:
        hook(there)
        planned(here, 100)
        with working():
            until(lambda: current.targets().get("shop").state is TargetState.FAILING)
            until(
                lambda: count(select(DeliveryRow).where(DeliveryRow.leased_by.is_not(None)).subquery()) == 0
            )
        assert len(there.got) < 20  # eight lanes were under way


def test_a_paused_target_gets_nothing_of_what_was_claimed(here):
    let_go = threading.Event()

    def hang(_):
        let_go.wait(20)
        return 200, {}, b""

    with Receiving(hang) as there:
        hook(there)
        planned(here, 50)
        with working() as (worker,):
            until(lambda: len(worker._runners) == 1)
            (running,) = worker._runners.values()
            until(lambda: len(running.runner._under_way) == 50)
            current.targets().pause("shop", by="tests")
            until(lambda: not worker._runners)
            let_go.set()
            until(lambda: states(limit=100).count("delivered") >= 1)
            assert running.runner.join(5)
            assert len(there.got) <= 8
            current.targets().resume("shop", by="tests")
            until(lambda: states(limit=100) == ["delivered"] * 50)
        assert len(there.got) == 50


def test_what_a_database_cannot_hold_does_not_hold_up_the_rest(here, target):
    """A reason may come from a person's own code."""
    planned(here, 2)
    one = queue(target)
    first, second = claimed(one)
    odd = Result(delivered=False, request="x\x00\ud800", reason="no\x00\ud800", answer="\ud800\x00")
    one.settle([settled(first, odd), settled(second, DELIVERED)])
    assert states() == ["delivered", "waiting"]


@pytest.mark.postgres
def test_a_worker_whose_clock_is_fast_delays_nothing(here, target, monkeypatch):
    if current.engine().dialect.name == "sqlite":
        pytest.skip("one machine, one clock")

    class Fast(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(minutes=5)

    for module in ("planner", "deliveries"):
        monkeypatch.setattr(f"receiver.relay.{module}.datetime", Fast, raising=False)
    planned(here, 1)
    (sent,) = claimed(queue(target))
    queue(target).settle([settled(sent, Result(delivered=False, request="POST", final=True))])
    assert current.deliveries().retry([sent.id]) == 1
    assert claimed(queue(target)) != []


def test_a_worker_that_is_cut_off_holds_no_lock_for_long(here):
    if current.engine().dialect.name == "sqlite":
        pytest.skip("its locks end with the process")
    with planner.writing_lazily(current.engine()) as connection:
        assert connection.scalar(text("SHOW idle_in_transaction_session_timeout")) != "0"


def test_what_is_released_from_quarantine_keeps_its_order(here, target):
    for number in range(3):
        sms(here, number)
    with writing(current.engine()) as connection:
        connection.execute(text("UPDATE relay_state SET event_id = 3"))
        for event_id in (3, 1, 2):
            connection.execute(insert(LateEvent).values(event_id=event_id))
    Planner(current.engine()).plan()
    assert [one.event_id for one in current.deliveries().find().deliveries] == [3, 2, 1]


@pytest.mark.parametrize(
    "said", ["Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "Mon, 01 Jan 2026 00:00:00 +99999999999999999"]
)
def test_a_retry_after_that_is_no_time_is_none(said):
    assert retry_after({"retry-after": said}) is None
