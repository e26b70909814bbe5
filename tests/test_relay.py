"""From the log to a target: planned, sent in order, tried again, paused, given up, taken over."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pytest
from conftest import KEY, make_config, started
from receiving import Receiving
from sqlalchemy import update
from standardwebhooks import Webhook as Library
from waiting import until

from receiver import current
from receiver.db.engine import writing
from receiver.models import DeliveryRow, TargetRow
from receiver.relay import runner as runner_module
from receiver.relay import schedule
from receiver.relay import worker as worker_module
from receiver.relay.delivery import DeliveryState
from receiver.relay.planner import Planner
from receiver.relay.queue import Queue
from receiver.relay.sender import TargetError
from receiver.relay.target import TargetSort, TargetState
from receiver.relay.worker import Worker
from receiver.search.query import Search

pytestmark = pytest.mark.slow


@pytest.fixture
def config(database_url, tmp_path):
    return make_config(database_url, tmp_path, outbound_allow=("127.0.0.0/8",))


@pytest.fixture
def here(config):
    """The application, in its context."""
    for app in started(config):
        with app.app_context():
            yield app


def arrive(app, path: str = "sms", **said: str) -> None:
    assert app.test_client().post(f"/callbacks/{KEY}/{path}", data=said).status_code == 200


def sms(app, number: int, sender: str = "+6591234567") -> None:
    arrive(app, txn_ref=f"AA-SI-{number}", msg=f"message {number}", **{"from": sender, "to": "+6565110001"})


@contextmanager
def working(number: int = 1) -> Iterator[list[Worker]]:
    workers = [Worker(current.surroundings()) for _ in range(number)]
    threads = [threading.Thread(target=worker.run) for worker in workers]
    # What a worker does now and then, it does at once here.
    often = {"LOOK_AT_TARGETS": 0.1, "LOOK_FOR_FINDINGS": 0.1}
    with patch.multiple(worker_module, **often), patch.object(runner_module, "LONGEST_PAUSE", 0.1):
        for thread in threads:
            thread.start()
        try:
            yield workers
        finally:
            for worker in workers:
                worker.stop()
        for thread in threads:
            thread.join(15)
            assert not thread.is_alive()


def hook(there: Receiving, name: str = "shop", **given):
    return current.targets().add(name, TargetSort.WEBHOOK, {"url": there.url}, by="tests", **given)


def states(**given) -> list[str]:
    return [one.state for one in current.deliveries().find(**given).deliveries]


def due_now() -> None:
    """Time passes."""
    with writing(current.engine()) as connection:
        connection.execute(
            update(DeliveryRow).where(DeliveryRow.leased_by.is_(None)).values(due_at=DeliveryRow.created_at)
        )
    with writing(current.engine()) as connection:
        connection.execute(update(TargetRow).values(blocked_until=None))


def test_what_arrives_is_delivered_signed(here):
    sms(here, 1)
    with Receiving() as there:
        target = hook(there)
        secret = target.settings["secret"]
        with working():
            sms(here, 2)
            (got,) = there.wait_for(1)
            until(lambda: states() == ["delivered"])
    # Only what came after it was made; the signature is right by the specification's own library.
    said = Library(secret).verify(got.body, got.headers)
    assert said["type"] == "sms.received"
    assert said["data"]["text"] == "message 2"
    assert got.headers["webhook-id"] == f"evt_{said['data']['id']}"
    (delivery,) = current.deliveries().find().deliveries
    (attempt,) = current.deliveries().attempts(delivery.id)
    assert attempt.delivered
    assert attempt.status == 204
    assert "message" not in attempt.request


def test_a_target_gets_what_its_search_finds(here):
    with Receiving() as there:
        hook(there, "faxes", search="kind:fax")
        hook(there, "one number", search="kind:sms to:+6565110002")
        sms(here, 1)
        arrive(here, txn_ref="AA-SI-2", msg="x", **{"from": "+6591234567", "to": "6565110002"})
        with working():
            there.wait_for(1)
            until(lambda: Planner(current.engine()).behind() == 0)
        assert [got.json["data"]["txn_ref"] for got in there.got] == ["AA-SI-2"]


def test_a_missed_call_is_told_from_an_answered_one(here):
    with Receiving() as there:
        hook(there, search="state:missed")
        for call, status in (("a", "answered"), ("b", "unanswered")):
            ends = {"from": "+6591234567", "to": "+6565110001", "session": call, "txn_ref": call}
            arrive(here, "voice", call_state="ringing", **ends)
            arrive(here, "voice", call_state="ongoing", ivr_block="dial", dial_status=status, **ends)
            arrive(here, "voice", call_state="ended", **ends)
        with working():
            there.wait_for(1)
            until(lambda: Planner(current.engine()).behind() == 0)
        assert [got.json["data"]["session"] for got in there.got] == ["b"]


def test_what_is_quarantined_is_delivered_once_it_is_released(here):
    with Receiving() as there:
        hook(there)
        arrive(here, "nonsense", txn_ref="AA-SI-1", msg="x")
        with working():
            until(lambda: Planner(current.engine()).behind() == 0)
            assert there.got == []
            result = here.test_cli_runner().invoke(args=["events", "release", "1", "--yes"])
            assert result.exit_code == 0, result.output
            there.wait_for(1)


def test_a_failure_is_tried_again_on_schedule_and_given_up_in_the_end(here):
    with Receiving(lambda _: (500, {}, b"no")) as there:
        hook(there)
        sms(here, 1)
        with working():
            for attempt in range(1, schedule.MOST_ATTEMPTS + 1):
                there.wait_for(attempt)
                until(lambda attempt=attempt: current.deliveries().find().deliveries[0].attempts == attempt)
                due_now()
            until(lambda: states() == ["dead"])
            (dead,) = current.deliveries().find(state=DeliveryState.DEAD).deliveries
            assert dead.reason == "answered 500"
            assert len(current.deliveries().attempts(dead.id)) == schedule.MOST_ATTEMPTS == 10
            there.answer = lambda _: (200, {}, b"")
            assert current.deliveries().retry_dead(dead.target_id) == 1
            due_now()
            until(lambda: states() == ["delivered"])


def test_the_breaker_opens_says_so_and_closes(here):
    with Receiving(lambda _: (503, {}, b"")) as there:
        hook(there)
        for number in range(8):
            sms(here, number)
        with working():
            until(lambda: current.targets().get("shop").state is TargetState.FAILING)
            until(lambda: current.targets().get("shop").blocked_until is not None)
            tried = len(there.got)
            assert tried <= 8
            there.answer = lambda _: (200, {}, b"")
            # One at a time until one gets through, and then all.
            until(lambda: due_now() or states() == ["delivered"] * 8)
        target = current.targets().get("shop")
        assert target.state is TargetState.ACTIVE
        assert target.failures == 0


@pytest.mark.parametrize(
    ("status", "headers", "reason"),
    [
        (302, {"Location": "http://127.0.0.1:1/"}, "answered 302: redirects are not followed"),
        (404, {}, "answered 404"),
        (429, {"Retry-After": "3600"}, "answered 429"),
    ],
)
def test_what_is_no_success_fails(here, status, headers, reason):
    with Receiving(lambda _: (status, headers, b"")) as there:
        hook(there)
        sms(here, 1)
        with working():
            there.wait_for(1)
            until(lambda: current.deliveries().find().deliveries[0].attempts == 1)
        (delivery,) = current.deliveries().find().deliveries
        assert delivery.state is DeliveryState.WAITING
        assert delivery.reason.startswith(reason)
        wait = (delivery.due_at - delivery.created_at).total_seconds()
        assert wait > 3500 if "Retry-After" in headers else wait < 60


def test_410_pauses_the_target_until_somebody_resumes_it(here):
    with Receiving(lambda _: (410, {}, b"")) as there:
        hook(there)
        sms(here, 1)
        with working():
            until(lambda: current.targets().get("shop").state is TargetState.PAUSED)
            sms(here, 2)
            until(lambda: len(states()) == 2)
            there.answer = lambda _: (200, {}, b"")
            current.targets().resume("shop", by="tests")
            due_now()
            until(lambda: states() == ["delivered"] * 2)
        assert "410" not in (current.targets().get("shop").paused_why or "")


def test_a_conversation_keeps_its_order_where_that_is_wanted(here):
    failed = threading.Event()

    def answer(got):
        if got.json["data"]["txn_ref"] == "AA-SI-3" and not failed.is_set():
            failed.set()
            return 500, {}, b""
        return 200, {}, b""

    with Receiving(answer) as there:
        hook(there, ordered=True)
        for number in range(10):
            sms(here, number)
            sms(here, 100 + number, sender="+6599999999")
        with working(3):
            assert failed.wait(10)
            until(lambda: states().count("delivered") >= 13)
            due_now()
            until(lambda: states() == ["delivered"] * 20)
        order = [int(got.json["data"]["txn_ref"][6:]) for got in there.got]
        assert [one for one in order if one < 100] == [0, 1, 2, 3, *range(3, 10)]
        assert [one for one in order if one >= 100] == list(range(100, 110))


def test_several_workers_deliver_each_event_once(here):
    with Receiving() as there:
        hook(there)
        with working(3):
            for number in range(60):
                sms(here, number)
            there.wait_for(60)
            until(lambda: states(limit=100) == ["delivered"] * 60)
        assert len({got.headers["webhook-id"] for got in there.got}) == len(there.got) == 60


def test_what_a_dead_worker_had_is_taken_over_in_its_order(here):
    with Receiving() as there:
        target = hook(there, ordered=True)
        for number in range(3):
            sms(here, number)
        Planner(current.engine()).plan()
        dead = Queue(current.engine(), target.id, "dead")
        (chain,) = dead.claim(1)
        assert [one.event_id for one in chain] == [1]
        # While its lease lasts nobody else gets it, nor what comes after it.
        assert Queue(current.engine(), target.id, "other").claim(10) == []
        with writing(current.engine()) as connection:
            connection.execute(update(DeliveryRow).values(due_at=DeliveryRow.created_at))
        with working():
            until(lambda: states() == ["delivered"] * 3)
        assert [got.json["data"]["id"] for got in there.got] == [1, 2, 3]


def test_a_target_that_hangs_delays_no_other(here):
    let_go = threading.Event()

    def hang(_):
        let_go.wait(20)
        return 200, {}, b""

    with Receiving(hang) as hanging, Receiving() as there:
        hook(hanging, "hanging")
        hook(there, "good")
        with working():
            for number in range(40):
                sms(here, number)
            there.wait_for(40, seconds=15)
            let_go.set()
            hanging.wait_for(40)


def test_deleting_an_event_deletes_what_was_delivered_of_it(here):
    with Receiving() as there:
        hook(there)
        sms(here, 1)
        with working():
            until(lambda: states() == ["delivered"])
    result = here.test_cli_runner().invoke(args=["events", "erase", "--sender", "+6591234567", "--yes"])
    assert result.exit_code == 0, result.output
    assert states() == []


def test_an_erased_number_leaves_the_searches_of_replays_too(here):
    sms(here, 1)  # tells in which country numbers are at home
    with Receiving() as there:
        target, replays = hook(there), current.replays()
    mine, other = ("from:+6591234567", "number:91234567", '"+65 9123 4567" since:7d'), "from:+6582345678"
    for search in (*mine, other):
        replays.ask(target, Search.parse(search), by="tests")
    replays.step()
    replays.ask(target, Search.parse("to:+6591234567"), by="tests")  # goes on

    def erase(more: str) -> str:
        words = ["events", "erase", "--number", "+6591234567", more]
        result = here.test_cli_runner().invoke(args=words)
        assert result.exit_code == 0, result.output
        return result.output

    assert "its number in the search of 4 replays" in erase("--dry-run")
    assert "its number in 4 replays" in erase("--yes")
    done = [("an erased number", "done")] * 3
    left = [*done, (other, "done"), ("an erased number", "stopped")]
    assert [(one.search, one.state) for one in reversed(replays.find().replays)] == left
    assert "nothing is known" in erase("--dry-run")


def test_an_erased_number_leaves_searches_alone_in_which_its_digits_only_occur(here):
    for number in range(5):
        sms(here, number)
    with Receiving() as there:
        target, replays = hook(there), current.replays()
    others = ("from:+6591234567", "since:2026-01-01T12:34:56Z", "AA-12345", "kind:sms 123456 12")
    named = ("from:+12345", '"call 123 45"', "number:sip:12345@example.com", "7 12345 8")
    for search in (*others, *named):
        replays.ask(target, Search.parse(search), by="tests")
    replays.ask_for(target, [1, 2, 3, 4, 5], by="tests")
    words = ["events", "erase", "--number", "+12345", "--yes"]
    result = here.test_cli_runner().invoke(args=words)
    assert result.exit_code == 0, result.output
    left = [(search, "planning") for search in others]
    left += [("an erased number", "stopped")] * len(named)
    found = [(one.search, one.state) for one in reversed(replays.find().replays)]
    assert found == [*left, ("events 1, 2, 3, 4, 5", "sending")]


def test_a_replay_says_what_it_is_and_can_be_stopped(here):
    with Receiving() as there:
        for number in range(5):
            sms(here, number)
        target = hook(there)
        replays = current.replays()
        assert replays.count(Search.parse("kind:sms")) == 5
        replay = replays.ask(target, Search.parse("kind:sms"), by="tests")
        with working():
            there.wait_for(5)
            until(lambda: replays.get(replay.id).state == "done")
        assert sorted(got.json["data"]["id"] for got in there.got) == [1, 2, 3, 4, 5]
        assert all(got.json["replay"] for got in there.got)
        current.targets().pause("shop", by="tests")
        again = replays.ask_for(target, [2, 3], by="tests")
        assert again.waiting == 2
        stopped = replays.stop(again.id, by="tests")
        assert (stopped.state, stopped.waiting, stopped.cancelled) == ("stopped", 0, 2)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"url": "http://10.0.0.1/hook"}, "10.0.0.1"),
        ({"url": "file:///etc/passwd"}, "https"),
        ({"url": ""}, "address"),
        ({"url": "http://127.0.0.1:9/", "headers": {"Host": "x"}}, "header"),
        ({"url": "http://127.0.0.1:9/", "secret": "short"}, "whsec_"),
    ],
)
def test_what_delivery_would_refuse_is_refused_on_saving(here, given, reason):
    with pytest.raises(Exception, match=reason) as caught:
        current.targets().add("shop", TargetSort.WEBHOOK, given, by="tests")
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize("search", ["since:1h", "nonsense:x", "kind:letter"])
def test_a_search_that_means_nothing_for_what_is_to_come_is_refused(here, search):
    with Receiving() as there, pytest.raises(TargetError):
        hook(there, search=search)
