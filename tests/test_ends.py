"""Events of a call whose callbacks name nobody: they get the ends of their call, in whatever order."""

import itertools

import pytest
import twilio_callbacks as twilio
from conftest import KEY, make_config, started
from receiving import Receiving
from sqlalchemy import select

from receiver import current
from receiver.models import LateEvent
from receiver.relay import planner
from receiver.relay.planner import Planner, deliveries_for
from receiver.relay.target import TargetSort
from receiver.search import ends
from receiver.search.calls import LONGEST_CALL
from receiver.search.counts import Counts
from receiver.search.ends import complete
from receiver.search.index import LogIndex
from receiver.search.query import Search

CALLER, OURS = "+6591234567", "+6565111001"
STEPS = ("voice/ringing", "voice/record", "recording/voicemail", "status/completed")
NAMELESS = "recording/voicemail"


@pytest.fixture
def config(database_url, tmp_path):
    return make_config(database_url, tmp_path, outbound_allow=("127.0.0.0/8",), **twilio.SETTINGS)


@pytest.fixture
def here(config):
    for app in started(config):
        with app.app_context():
            yield app


def arrive(app, step: str, call: str = "a", **headers) -> None:
    body = twilio.payload(step).replace(b"CAaaaaaaaa", b"CAaaaaaaa" + call.encode())
    assert twilio.post(app.test_client(), step, body, **headers).status_code == 200


def found(search: str) -> list[int]:
    return sorted(event.id for event in current.event_log().find(Search.parse(search)).events)


def index() -> LogIndex:
    return LogIndex(current.engine())


@pytest.mark.parametrize("at_once", [False, True], ids=["each by itself", "together"])
def test_all_of_a_call_is_found_by_its_ends_in_whatever_order_it_came(here, at_once):
    current.contacts().put(CALLER, "Anna Tan")
    for place, order in enumerate(itertools.permutations(STEPS), start=1):
        call = chr(ord("a") + place)
        for step in order:
            arrive(here, step, call)
            if not at_once:
                index().catch_up()
    index().catch_up()
    everything = list(range(1, 24 * 4 + 1))
    asked = (f"from:{CALLER}", f"to:{OURS}", f"number:{OURS}", "contact:anna")
    both = f"from:{CALLER} to:{OURS}"
    for search in (*asked, both, f"to:{OURS} -has:problems", f"to:{OURS} {twilio.SID}"):
        found_ids = [event.id for event in current.event_log().every(Search.parse(search))]
        assert sorted(found_ids) == everything, search
    assert [(one.number, one.events) for one in Counts(current.engine()).by_number()] == [(OURS, 24 * 4)]
    # What came stays as it came.
    from_them = current.event_log().every(Search.parse(f"from:{CALLER}"))
    event = next(one for one in from_them if one.ivr_block == "recording")
    assert b"RecordingSid" in event.body
    assert b"From" not in event.body


def test_a_target_for_a_number_gets_all_of_its_calls_once_in_whatever_order_they_came(here):
    with Receiving() as there:
        url = {"url": there.url}
        target = current.targets().add("desk", TargetSort.WEBHOOK, url, search=f"to:{OURS}", by="tests")
        planner = Planner(current.engine())
        for place, order in enumerate(itertools.permutations(STEPS), start=1):
            for step in order:
                arrive(here, step, chr(ord("a") + place))
                planner.plan()
        planner.plan()
        planned = current.deliveries().find(target_id=target.id, limit=200).deliveries
    assert sorted(one.event_id for one in planned) == list(range(1, 24 * 4 + 1))


def test_a_live_tail_by_number_shows_what_names_nobody_at_once(here):
    arrive(here, "voice/ringing")
    tail = current.event_log().after(Search.parse(f"to:{OURS}"), 0)
    arrive(here, NAMELESS)
    (event,) = current.event_log().after(Search.parse(f"to:{OURS}"), tail.next).events
    assert (event.sender, event.recipient, event.record_url is not None) == (CALLER, OURS, True)


def test_what_is_not_trusted_names_nobody_until_it_is_released(here, run):
    arrive(here, "voice/ringing", **{"X-Twilio-Signature": "forged"})
    arrive(here, NAMELESS)
    with Receiving() as there:
        current.targets().add("desk", TargetSort.WEBHOOK, {"url": there.url}, search=f"to:{OURS}", by="tests")
        index().catch_up()
        Planner(current.engine()).plan()
        assert found(f"to:{OURS} -is:quarantined") == []
        run("events", "release", "1", "--yes")
        complete(current.engine(), 0, 0)
        assert found(f"to:{OURS} -is:quarantined") == [1, 2]
        index().catch_up()
        assert found(f"from:{CALLER} to:{OURS}") == [1, 2]
        assert [(one.number, one.events) for one in Counts(current.engine()).by_number()] == [(OURS, 2)]


def test_who_is_named_while_an_event_is_planned_as_late_gets_it_nevertheless(here, run, monkeypatch):
    with Receiving() as there:
        url = {"url": there.url}
        current.targets().add("desk", TargetSort.WEBHOOK, url, search=f"from:{CALLER}", by="tests")
    arrive(here, NAMELESS, **{"X-Twilio-Signature": "forged"})
    index().catch_up()
    Planner(current.engine()).plan()
    run("events", "release", "1", "--yes")
    at_once = iter([True])

    def meanwhile(*given):
        found = list(deliveries_for(*given))
        if next(at_once, False):
            arrive(here, "voice/ringing")
            complete(current.engine(), 1, 2)  # as another process does
        return found

    monkeypatch.setattr(planner, "deliveries_for", meanwhile)
    for _ in range(2):
        Planner(current.engine()).plan()
    assert planned() == [1, 2]
    with current.engine().connect() as connection:
        assert connection.scalars(select(LateEvent.event_id)).all() == []


def test_what_names_a_call_may_be_released_while_the_call_is_completed(here, run, monkeypatch):
    with Receiving() as there:
        url = {"url": there.url}
        current.targets().add("desk", TargetSort.WEBHOOK, url, search=f"to:{OURS}", by="tests")
    arrive(here, "voice/ringing", **{"X-Twilio-Signature": "forged"})
    arrive(here, NAMELESS)
    index().catch_up()
    Planner(current.engine()).plan()
    body = twilio.payload(NAMELESS).replace(b"REaaaaaaaa", b"REbbbbbbbb")
    assert twilio.post(here.test_client(), NAMELESS, body).status_code == 200
    calls, at_once = ends._calls, iter([True])

    def meanwhile(*given):
        if next(at_once, False):
            run("events", "release", "1", "--yes")
        return calls(*given)

    monkeypatch.setattr(ends, "_calls", meanwhile)
    index().catch_up()
    Planner(current.engine()).plan()
    assert planned() == [1, 2, 3]
    assert [(one.number, one.events) for one in Counts(current.engine()).by_number()] == [(OURS, 3)]


def planned() -> list[int]:
    return sorted(one.event_id for one in current.deliveries().find(limit=200).deliveries)


def test_a_call_of_another_provider_with_the_same_session_names_nobody(here):
    session = twilio.told(twilio.payload("voice/ringing"))["CallSid"]
    said = {"session": session, "txn_ref": "T1", "from": "+6599999999", "to": "+6588888888"}
    given = {"call_state": "ringing", **said}
    assert here.test_client().post(f"/callbacks/{KEY}/hoiio/voice", data=given).status_code == 200
    arrive(here, NAMELESS)
    index().catch_up()
    assert found("to:+6588888888") == [1]
    arrive(here, "voice/ringing")
    index().catch_up()
    assert found(f"to:{OURS}") == [2, 3]


def test_a_step_of_a_call_that_names_nobody_is_found_too(here):
    call = {"session": "S1", "txn_ref": "T1"}
    rang, step = {"call_state": "ringing", "from": CALLER, "to": OURS}, {"call_state": "ongoing"}
    for given in (step | {"ivr_block": "gather", "digits": "1"}, rang, step | {"ivr_block": "play"}):
        assert here.test_client().post(f"/callbacks/{KEY}/hoiio/voice", data=call | given).status_code == 200
    index().catch_up()
    assert found(f"from:{CALLER} to:{OURS}") == [1, 2, 3]


def test_one_end_that_is_not_known_is_left_open(here):
    for step in ("voice/ringing", "status/completed", NAMELESS):
        body = twilio.payload(step).replace(b"From=%2B6591234567", b"From=")
        assert twilio.post(here.test_client(), step, body).status_code == 200
    index().catch_up()
    assert found(f"to:{OURS}") == [1, 2, 3]
    assert current.event_log().get(3).sender is None


def test_who_is_erased_takes_along_what_did_not_name_them(here, run):
    for step in STEPS:
        arrive(here, step)
    arrive(here, "voice/ringing", "9")
    index().catch_up()
    run("events", "erase", "--sender", CALLER, "--yes")
    assert found("kind:voice") == []
    assert Counts(current.engine()).by_number() == []


def test_a_call_with_very_many_events_is_completed_nevertheless(here):
    arrive(here, "voice/ringing")
    body = twilio.payload(NAMELESS)
    for number in range(LONGEST_CALL + 20):
        one = body.replace(b"REaaaaaaaa", b"RE%08d" % number)
        assert twilio.post(here.test_client(), NAMELESS, one).status_code == 200
    index().catch_up()
    assert len(list(current.event_log().every(Search.parse(f"to:{OURS}")))) == LONGEST_CALL + 21
