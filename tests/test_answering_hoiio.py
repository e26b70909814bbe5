"""Calls at the simulated Hoiio go the way of the rules, whatever becomes of requests and notifications."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import product
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from attended import CALLER, PACE, heard, office, requested, steps
from conftest import API_TOKEN, DATABASES, migrated_database

from receiver.answering import decisions, driver
from receiver.answering.driver import Pauses
from receiver.answering.failures import MANY, WITHIN, Reason, look
from receiver.answering.findings import REPLIES, STEPS
from receiver.answering.later import Later
from receiver.numbers import findings
from receiver.providers.hoiio.phone import HoiioPhone
from receiver.search.calls import CallLog
from receiver.search.query import Search
from receiver.simulator.hoiio.server import SimulatorServer
from receiver.simulator.hoiio.settings import Settings
from receiver.vocabulary.answering import DialOutcome
from receiver.vocabulary.kinds import EventState

EXAMPLES = Path(__file__).parent.parent / "docs/answering"
NUMBERS = {
    "shop": ("+6561234567",),
    "clinic": ("+6562345678",),
    "support": ("+498912345678", "+498912345679"),
}
ZONES = {"shop": "Asia/Singapore", "clinic": "Asia/Singapore", "support": "Europe/Berlin"}
DIALLED = {
    "answered": DialOutcome.ANSWERED,
    "busy": DialOutcome.BUSY,
    "unanswered": DialOutcome.NO_ANSWER,
    "failed": DialOutcome.FAILED,
}
TIMES = ("2026-12-01 10:00", "2026-12-25 10:00", "2026-05-09 11:00", "2026-07-05 15:00", "2027-01-04 03:00")
PAUSES = Pauses(failure=(0.01, 0.02), occupied=(0.02, 0.04), conversation=0.1, ending=0.05)


@pytest.fixture(autouse=True, scope="module")
def shortened():
    """What is tried again is tried again soon."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver, "PAUSES", PAUSES)
        yield


@pytest.fixture
def impatient(monkeypatch):
    """Nothing is waited for longer than this."""
    monkeypatch.setattr(HoiioPhone, "patience", lambda *_: 0.4)


@pytest.fixture(scope="module")
def simulator():
    with SimulatorServer(Settings(rate_limit=0, resolve_hosts=False, pace=PACE)) as running:
        yield running


@pytest.fixture(scope="module", params=NUMBERS)
def example(request, simulator, tmp_path_factory):
    """One of the files that the documents show."""
    text = (EXAMPLES / f"{request.param}.toml").read_text()
    with office(text, tmp_path_factory.mktemp(request.param), NUMBERS[request.param], simulator) as running:
        running.zone = ZoneInfo(ZONES[request.param])
        yield running


@pytest.mark.parametrize("at", TIMES)
def test_each_key_and_each_outcome_leads_where_the_rules_say(example, at):
    """Every key alone and twice, a wrong one and none; whoever is dialled answers, or does not."""
    example.at = datetime.fromisoformat(at).replace(tzinfo=example.zone)
    keys = [(), *((key,) for key in "139"), ("7", "7", "7"), *product("2", "120"), ("2", "0") * 4]
    ways = [(number, pressed, "busy") for number in example.numbers for pressed in keys]
    ways += [(number, ("1",), said) for number in example.numbers for said in DIALLED]

    def go(way):
        number, pressed, said = way
        return example.call(number, digits=list(pressed), dial=[said] * 9, dial_seconds=1)

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(go, ways))
    for (number, pressed, said), outcome in zip(ways, outcomes, strict=True):
        moves = example.walk(number, pressed, DIALLED[said])
        expected = requested(moves)
        if expected[-2:] == ["transfer", "hangup"] and said == "answered":
            expected.pop()  # whoever talked has hung up already
        assert steps(outcome) == expected, (number, pressed, said)
        assert outcome["heard"] == heard(moves)


RULES = """
time_zone = "Asia/Singapore"
[numbers."+6561234567"]
calls = [{ flow = "menu", failure = "sorry" }]
sms = [{ reply = "Thank you & good bye", every = "1h" }]
[flows]
menu = [{
  say = "Press 1 or 2.",
  gather = { 1 = "sales", 2 = "message" },
  no_input = "sorry",
  wrong_input = "sorry",
}]
sales = [
  { dial = ["+6591110001", "+6591110002"], say = "One moment." },
  { go = "message" },
]
message = [
  { record = 30, say = "Please leave a message.", language = "zh-HK" },
  { say = "Thank you." },
  "hang up",
]
sorry = [{ say = "Sorry." }, "hang up"]
"""
MENU, BUSY, MESSAGE = ["gather"], ["transfer", "transfer"], ["record", "play", "hangup"]
SORRY = ["play", "hangup"]
TRANSFER = "ivr/end/transfer"


@pytest.fixture(scope="module")
def desk(simulator, tmp_path_factory):
    with office(RULES, tmp_path_factory.mktemp("desk"), ("+6561234567",), simulator) as running:
        yield running


@pytest.fixture(scope="module", params=DATABASES)
def lasting_desk(request, simulator, tmp_path_factory):
    """The same on both databases, for what is read of the log again, or written to it at once."""
    path = tmp_path_factory.mktemp("desk")
    with (
        migrated_database(request, path) as url,
        office(RULES, path, ("+6561234567",), simulator, url=url) as running,
    ):
        yield running


def delivered(desk, session: str) -> list[dict]:
    """The notifications of a call that the simulator has sent by now."""
    sent = desk.simulator.control.account()["deliveries"]
    return [one for one in sent if one["parameters"].get("session") == session]


def refusals(outcome: dict) -> list[str]:
    return [step["refused"] for step in outcome["way"] if "refused" in step]


@pytest.mark.parametrize("nth", [1, 2, 3, 4, 5, 6, 7])
def test_a_notification_that_comes_twice_counts_once(desk, nth):
    outcome = desk.call(digits=["1"], dial=["busy"] * 2, notifications=["sent"] * (nth - 1) + ["doubled"])
    assert [step["step"] for step in outcome["way"]] == MENU + BUSY + MESSAGE
    # The copy may still be under way when the call is over.
    assert until(lambda: len(delivered(desk, outcome["session"])) == 8)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("sort", ["lost", "late"])
@pytest.mark.parametrize(
    ("digits", "nth", "way"),
    [
        (["1"], 2, MENU + SORRY),
        (["1"], 3, [*MENU, "transfer", "play", "transfer", *MESSAGE]),
        (["2"], 3, [*MENU, "record", *SORRY]),
        (["2"], 4, [*MENU, "record", "play", *SORRY]),
        (["2"], 5, MENU + MESSAGE),
    ],
)
def test_a_call_goes_to_its_failure_step_when_nothing_is_heard_of_it(desk, digits, nth, way, sort):
    """Also when the news comes after all. A number that was dialled is asked first whether somebody talks."""
    course = ["sent"] * (nth - 1) + [sort]
    outcome = desk.call(digits=digits, dial=["busy"] * 2, notifications=course, late_seconds=0.9)
    assert steps(outcome) == way
    assert set(refusals(outcome)) <= {"error_session_ended"}


@pytest.mark.usefixtures("impatient")
def test_nobody_who_talks_is_disturbed(desk):
    """A conversation lasts longer than a number may ring; then another in which only the end gets lost."""
    talk = {"digits": ["1"], "dial": ["answered"], "dial_seconds": 0.9 / PACE}
    outcome = desk.call(**talk)
    assert steps(outcome) == [*MENU, "transfer"]
    # The last look may come just after the end.
    refused = set(refusals(outcome))
    assert {"error_session_not_ready"} <= refused <= {"error_session_not_ready", "error_session_ended"}
    assert desk.why(outcome["session"])[1:] == ["pressed 1", "answered +6591110001"]
    lost = desk.call(**talk, notifications=["sent", "sent", "lost"])
    assert steps(lost) == [*MENU, "transfer"]
    assert until(lambda: "caller hung up" in desk.why(lost["session"]))


@pytest.mark.parametrize("fault", ["status:error_internal_server_error", "error-500"])
@pytest.mark.parametrize("endpoint", ["ivr/middle/gather", "ivr/middle/record", TRANSFER, "ivr/end/hangup"])
def test_a_fault_that_passes_changes_nothing(desk, endpoint, fault):
    desk.simulator.control.fault(endpoint, fault, times=2)
    outcome = desk.call(digits=["1"], dial=["busy"] * 2)
    desk.simulator.control.clear_faults()
    assert steps(outcome) == MENU + BUSY + MESSAGE


@pytest.mark.parametrize("fault", ["garbage", "lost-answer"])
@pytest.mark.parametrize("endpoint", ["ivr/middle/gather", "ivr/middle/record"])
def test_a_request_whose_answer_is_lost_is_not_carried_out_twice(desk, endpoint, fault):
    """The second one is refused, since the call is at it."""
    desk.simulator.control.fault(endpoint, fault)
    outcome = desk.call(digits=["2"], block_seconds=0.3 / PACE)
    assert steps(outcome) == MENU + MESSAGE
    assert refusals(outcome) == ["error_session_not_ready"]


@pytest.mark.parametrize(
    ("endpoint", "digits", "way"),
    [
        ("ivr/middle/gather", ["1"], SORRY),
        (TRANSFER, ["1"], MENU + MESSAGE),
        ("ivr/middle/record", ["2"], MENU + SORRY),
        ("ivr/middle/play", ["2"], [*MENU, "record", "hangup"]),
    ],
)
@pytest.mark.parametrize(
    "refusal",
    [("error_internal_server_error", 3), ("error_rate_limit_exceeded", 3), ("error_msg_download_failed", 1)],
)
def test_a_fault_that_stays_leads_to_the_failure_step(desk, endpoint, digits, way, refusal):
    status, requests = refusal
    before = desk.simulator.account["requests"].get(endpoint, 0)
    desk.simulator.control.fault(
        endpoint, f"status:{status}", times=requests * (2 if "play" in endpoint else 1)
    )
    outcome = desk.call(digits=digits)
    desk.simulator.control.clear_faults()
    if endpoint == TRANSFER:  # the second number is dialled
        way = [*MENU, "transfer", *MESSAGE]
    assert steps(outcome) == way
    assert desk.simulator.account["requests"][endpoint] - before >= requests


def test_failed_steps_are_counted_by_reason_and_found_when_they_are_many(lasting_desk):
    engine, counted = lasting_desk.parts.engine, lasting_desk.parts.answering.calls.failures.counted
    before = counted.copy()
    lasting_desk.simulator.control.fault("ivr/middle/gather", "status:error_msg_download_failed", times=MANY)
    for _ in range(MANY):
        lasting_desk.call()
    assert counted - before == {Reason.REFUSED: MANY}
    assert lasting_desk.parts.answering.flush(5)
    headers = {"Authorization": f"Bearer {API_TOKEN}"}
    metrics = lasting_desk.app.test_client().get("/metrics", headers=headers).text
    assert (
        f'receiver_answering_failed_steps_total{{reason="refused"}} {float(counted[Reason.REFUSED])}'
        in metrics
    )
    for now, found in ((lasting_desk.at, True), (lasting_desk.at + 2 * WITHIN, False)):
        look(engine, now)
        assert (STEPS in {one.code for one in findings.read(engine)}) is found


def test_a_call_that_cannot_be_ended_is_tried_again_until_it_can(desk):
    desk.simulator.control.fault("ivr/end/hangup", "status:error_rate_limit_exceeded", times=9)
    outcome = desk.call(digits=["2"])
    assert steps(outcome) == MENU + MESSAGE


def test_who_hangs_up_in_a_menu_is_asked_for_nothing_more(lasting_desk):
    outcome = lasting_desk.call(hangs_up_in=1)
    assert steps(outcome) == MENU
    assert lasting_desk.why(outcome["session"])[1:] == ["caller hung up"]
    call = CallLog(lasting_desk.parts.engine).get(outcome["session"])
    assert (call.state, call.outcome) == (EventState.ANSWERED, "abandoned")


def test_nobody_looks_after_a_call_whose_end_was_told(lasting_desk):
    """Whoever talked has hung up, so the call is told nothing more, and no process takes it up."""
    session = lasting_desk.call(digits=["1"], dial=["answered"], dial_seconds=1)["session"]
    assert lasting_desk.why(session)[-1] == "answered +6591110001"
    engine, later = lasting_desk.parts.engine, lasting_desk.at + WITHIN / 2
    assert decisions.of_session(engine, "hoiio", session)[-1].told is None
    assert session not in [one.session for one in decisions.claim_overdue(engine, later, later)]


def test_a_message_that_is_cut_short_by_hanging_up_is_kept(desk):
    outcome = desk.call(digits=["2"], hangs_up_in=2)
    assert steps(outcome) == [*MENU, "record"]
    ended = outcome["deliveries"][-1]["parameters"]
    assert (ended["call_state"], "record_url" in ended) == ("ended", True)


def test_a_slow_request_delays_no_other_call(desk):
    desk.simulator.control.fault("ivr/middle/gather", "slow", seconds=2.0)
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(desk.call, digits=["2"])
        while desk.simulator.account["faults"]:
            pass
        began = time.monotonic()
        assert steps(desk.call(digits=["2"])) == MENU + MESSAGE
        assert time.monotonic() - began < 1
        assert steps(slow.result()) == MENU + MESSAGE


def test_what_is_due_at_once_is_not_done_in_turn():
    """Whether it was to be done at once or at one time, and however many threads wait for work."""
    later, rested, together = Later(8), threading.Event(), threading.Barrier(8, timeout=5)
    later.do(0.0, rested.set)
    assert rested.wait(5)
    for seconds in (0.0, 0.05):
        met = [threading.Event() for _ in range(8)]
        for each in met:
            later.do(seconds, lambda each=each: (together.wait(), each.set()))
        assert all(each.wait(10) for each in met)
    later.close(5)


def test_without_another_thread_one_does_it_all(monkeypatch):
    start, failed, done = threading.Thread.start, threading.Event(), []

    def start_one(thread):
        if thread.name != "calls-0":
            failed.set()
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_one)
    later, both = Later(8), threading.Event()
    later.do(0.05, lambda: (failed.wait(5), done.append("first")))
    later.do(0.1, lambda: (done.append("second"), both.set()))
    assert both.wait(5)
    assert done == ["first", "second"]
    later.close(5)


def test_a_hundred_calls_at_once_each_go_their_own_way(lasting_desk):
    ways = [
        ({"digits": ["1"], "dial": ["answered"], "dial_seconds": 1}, [*MENU, "transfer"]),
        ({"digits": ["1"], "dial": ["busy", "unanswered"]}, MENU + BUSY + MESSAGE),
        ({"digits": ["2"]}, MENU + MESSAGE),
        ({"digits": ["", "9"]}, MENU + MENU + SORRY),
        ({"digits": ["5", "2"], "hangs_up_in": 3}, [*MENU, *MENU, "record"]),
    ]
    with ThreadPoolExecutor(100) as pool:
        outcomes = list(
            pool.map(lambda at: lasting_desk.call(sender=f"+659{at:07}", **ways[at % 5][0]), range(100))
        )
    assert [steps(outcome) for outcome in outcomes] == [ways[at % 5][1] for at in range(100)]


CLOSED = """
time_zone = "Asia/Singapore"
[numbers."+6561234567"]
calls = [{ flow = "closed" }]
[flows]
closed = [
  { say = "We are closed now." },
  { record = 30, say = "Please leave a message." },
  "hang up",
]
"""


def test_a_caller_who_only_heard_sentences_was_missed(simulator, tmp_path, database_url):
    """As with a provider that says nothing of sentences: the same rules, the same word."""
    with office(CLOSED, tmp_path, ("+6561234567",), simulator, url=database_url) as closed:
        for course, state in (({"hangs_up_in": 1}, EventState.MISSED), ({}, EventState.VOICEMAIL)):
            session = closed.call(**course)["session"]
            assert closed.why(session)
            calls = CallLog(closed.parts.engine)
            assert calls.get(session).state is state
            assert [call.session for call in calls.find(Search(state=state)).calls] == [session]


ATTENDANT = """
time_zone = "Asia/Singapore"
[numbers."+6561234567"]
calls = [{ flow = "directory" }]
[flows]
directory = [{
  say = "To reach the office press 1. To leave a message press 4.",
  gather = { 1 = "office", 4 = "message" },
  no_input = "hang up",
  wrong_input = "hang up",
  repeats = 3,
}]
office = [{ dial = "+6591110009", say = "Please wait." }, { go = "again" }]
again = [{ go = "directory", times = 9, then = "hang up" }]
message = [{ record = 120, say = "Please leave your message." }, "hang up"]
"""


@pytest.fixture(scope="module")
def attendant(simulator, tmp_path_factory):
    with office(ATTENDANT, tmp_path_factory.mktemp("attendant"), ("+6561234567",), simulator) as running:
        yield running


@pytest.mark.parametrize(
    ("course", "way"),
    [
        ({"digits": ["1"], "dial": ["busy"], "hangs_up_in": 3}, ["gather", "transfer", "gather"]),
        ({"digits": ["1"], "dial": ["unanswered"], "hangs_up_in": 3}, ["gather", "transfer", "gather"]),
        ({"digits": ["1"], "dial": ["failed"], "hangs_up_in": 3}, ["gather", "transfer", "gather"]),
        ({"digits": ["1"], "dial": ["answered"], "dial_seconds": 1}, ["gather", "transfer"]),
        ({"digits": ["7", "1"], "dial": ["answered"], "dial_seconds": 1}, ["gather", "gather", "transfer"]),
        ({"hangs_up_in": 1}, ["gather"]),
        ({"digits": ["4"]}, ["gather", "record", "hangup"]),
        ({"digits": ["4"], "hangs_up_in": 2}, ["gather", "record"]),
    ],
)
def test_the_steps_are_those_of_a_published_attendant(attendant, course, way):
    """`samwize/hoiio-auto-attendant`, as described in docs/answering.md: what it requests, and with what."""
    outcome = attendant.call(**course)
    assert [step["step"] for step in outcome["way"]] == way
    for step in outcome["way"]:
        if step["step"] == "gather":
            assert (step["max_digits"], step["timeout"]) == ("1", "10")
        if step["step"] == "transfer":
            assert step["on_failure"] == "continue"


def test_an_sms_is_answered_once(lasting_desk):
    number = lasting_desk.numbers["+6561234567"]
    before = len(sent(lasting_desk))
    for text in ("Hello", "Hello again"):
        lasting_desk.simulator.control.sms("+6590002222", number, text)
    until(lambda: len(sent(lasting_desk)) > before)
    assert lasting_desk.parts.answering.flush(5)
    assert len(sent(lasting_desk)) == before + 1


def led_to(desk, sender: str) -> dict:
    """What the newest SMS of a sender led to."""
    assert desk.parts.answering.flush(5)
    about = f"/api/v1/conversations/{desk.numbers['+6561234567']}/{sender}"
    told = desk.app.test_client().get(about, headers={"Authorization": f"Bearer {API_TOKEN}"})
    return told.json["messages"][0]["decisions"][0]


@pytest.mark.parametrize(
    ("fault", "perhaps"), [("status:error_insufficient_credit", False), ("lost-answer", True)]
)
def test_a_reply_that_failed_is_said_so_and_the_next_sms_gets_one(lasting_desk, fault, perhaps):
    """Unless it was perhaps sent: it is paid for once. Also where that is only read in the log."""
    engine, number = lasting_desk.parts.engine, lasting_desk.numbers["+6561234567"]
    senders = [f"+659000{4 + perhaps}{at:03}" for at in range(MANY)]
    before = len(sent(lasting_desk))
    lasting_desk.simulator.control.fault("sms/send", fault, times=MANY)
    for sender in senders:
        lasting_desk.simulator.control.sms(sender, number, "Hello")
        why = until(lambda sender=sender: led_to(lasting_desk, sender)["why"][1:])
        assert why[0]["cause"] == ("perhaps sent" if perhaps else "not sent")
        assert perhaps or "not sent: the account has not enough credit." in why[0]["said"]
        assert bool(led_to(lasting_desk, sender)["does"]) is perhaps
    for now, found in ((lasting_desk.at, True), (lasting_desk.at + 2 * WITHIN, False)):
        look(engine, now)
        assert (REPLIES in {one.code for one in findings.read(engine)}) is found
    for job in lasting_desk.parts.answering.jobs():
        job.run()
    for sender in senders:
        lasting_desk.simulator.control.sms(sender, number, "Hello again")
        assert bool(led_to(lasting_desk, sender)["does"]) is not perhaps
    until(lambda: len(sent(lasting_desk)) == before + MANY)


def sent(desk) -> list[dict]:
    """What was charged for SMS that we sent."""
    return [entry for entry in desk.simulator.account["ledger"] if entry["kind"] == "sms-sent"]


def until(look):
    """What is found, once there is something."""
    deadline = time.monotonic() + 30
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


@pytest.mark.parametrize("about_sms", [True, False])
def test_what_a_long_sms_led_to_is_said_once(tmp_path, about_sms):
    """Not once for each part, and not at all where no rule is about SMS."""
    before, _, after = (EXAMPLES / "shop.toml").read_text(encoding="utf-8").partition("sms = [")
    rule = 'sms = [{ switch = "on holiday", reply = "Later." }]' if about_sms else ""
    with (
        SimulatorServer(Settings(rate_limit=0, resolve_hosts=False, pace=0.002)) as hoiio,
        office(before + rule + after.partition("]\n")[2], tmp_path, ("+6561234567",), hoiio) as desk,
    ):
        number = desk.numbers["+6561234567"]
        assert len(hoiio.control.sms(CALLER, number, "hello " * 60)["deliveries"]) == 3
        assert desk.parts.answering.flush(10)
        conversation = f"/api/v1/conversations/{number}/{CALLER}"
        told = desk.app.test_client().get(conversation, headers={"Authorization": f"Bearer {API_TOKEN}"})
    [message] = told.json["messages"]
    causes = [why["cause"] for one in message["decisions"] for why in one["why"]]
    assert causes == ["no rule"] * about_sms
