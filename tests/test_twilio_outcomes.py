"""What calls at the simulated Twilio read as: by a document of one's own, and by rules."""

from __future__ import annotations

import html
import itertools
import random
import re
from dataclasses import replace

import pytest
from answered import CALLER, Service, found_as, service
from conftest import DATABASES, migrated_database

from receiver.relay.planner import is_wanted
from receiver.search.call import call_json
from receiver.search.calls import CallLog
from receiver.search.events import EventLog
from receiver.search.index import LogIndex
from receiver.search.query import Search
from receiver.simulator.twilio.server import SimulatorServer
from receiver.vocabulary.kinds import OF_WHOLE_CALLS, EventState

SAID = "<Say>The shop is closed.</Say>"
DOCUMENTS = {
    "sentence": SAID,
    "pause": f"<Pause length='5'/>{SAID}",
    "busy": "<Reject reason='busy'/>",
    "rejected": "<Reject/>",
    "elsewhere": f"{SAID}<Redirect>voice</Redirect>",
    "menu": "<Gather action='voice' numDigits='1'><Say>Press 1.</Say></Gather>",
    "menu or nothing": "<Gather action='voice' actionOnEmptyResult='true'><Say>Press 1.</Say></Gather>",
    "speech": "<Gather action='voice' input='speech'><Say>What is it about?</Say></Gather>",
    "dial": "<Dial action='voice'><Number>+6598765432</Number></Dial>",
    "dial, recorded": (
        "<Dial action='voice' record='record-from-answer' recordingStatusCallback='recording'"
        " recordingStatusCallbackEvent='in-progress completed absent'>"
        "<Number statusCallback='status' statusCallbackEvent='initiated ringing answered completed'>"
        "+6598765432</Number></Dial>"
    ),
    "dial, by its leg": "<Dial><Number statusCallback='status'>+6598765432</Number></Dial>",
    "record": (
        f"{SAID}<Record action='voice' maxLength='60' recordingStatusCallback='recording'"
        " recordingStatusCallbackEvent='in-progress completed absent'/>"
    ),
    "record, by its action": "<Record action='voice' maxLength='60'/>",
    "record, by its callback": "<Record action='else' recordingStatusCallback='recording'/>",
}
RULES = """
country = "SG"
time_zone = "Asia/Singapore"

[numbers."{sentence}"]
calls = [{{ flow = "away" }}]
[numbers."{voicemail}"]
calls = [{{ flow = "closed" }}]
[numbers."{desk}"]
calls = [{{ flow = "desk" }}]
[numbers."{menu}"]
calls = [{{ flow = "menu" }}]
[numbers."{rejected}"]
calls = [{{ flow = "reject" }}]

[flows]
away = [{{ say = "We are on holiday. Please send us an SMS." }}, "hang up"]
closed = [{{ say = "We are closed now, and open again tomorrow." }}, {{ go = "voicemail" }}]
desk = [{{ say = "One moment please." }}, {{ dial = ["+6591110001", "+6591110002"] }}, {{ go = "voicemail" }}]
menu = [{{ say = "For results press 1.", gather = {{ 1 = "results" }}, repeats = 0,
  no_input = "hang up", wrong_input = "hang up" }}]
results = [{{ say = "Results are given after two." }}, "hang up"]
reject = ["reject"]
voicemail = [
  {{ record = 60, say = "Please leave a message." }},
  {{ say = "Thank you." }},
  "hang up",
]
"""
RULED = ("sentence", "voicemail", "desk", "menu", "rejected")


@pytest.fixture(scope="module")
def twilio():
    with SimulatorServer() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def numbers(twilio) -> dict[str, str]:
    """By name of a document, or of what the rules do."""
    return {name: twilio.buy() for name in (*DOCUMENTS, *(f"rules: {name}" for name in RULED))}


@pytest.fixture(scope="module", params=DATABASES)
def office(request, tmp_path_factory, twilio, numbers):
    path = tmp_path_factory.mktemp("office")
    files = []
    for at, (name, verbs) in enumerate(DOCUMENTS.items()):
        (path / f"{at}.xml").write_text(f"<Response>{verbs}</Response>", encoding="utf-8")
        files.append(f"{numbers[name]}={path}/{at}.xml")
    rules = RULES.format(**{name: numbers[f"rules: {name}"] for name in RULED})
    documents = ", ".join(files)
    with (
        migrated_database(request, path) as url,
        service(twilio, path, url, rules, twilio_voice_answer=documents) as running,
    ):
        for number in numbers.values():
            running.take(number)
        yield running


BY_DOCUMENT = [
    ("sentence", {}, "missed"),
    ("sentence", {"hangs_up_after": 1}, "missed"),
    ("pause", {"hangs_up_after": 2}, "no answer"),
    ("busy", {}, "busy"),
    ("rejected", {}, "no answer"),
    ("elsewhere", {}, "missed"),
    ("menu", {"digits": ["1"]}, "answered"),
    ("menu", {}, "missed"),  # nobody tells of it
    ("menu or nothing", {}, "answered"),
    ("speech", {"speech": ["opening hours"]}, "answered"),
    ("dial", {}, "answered"),
    ("dial", {"dial": ["busy"]}, "busy"),
    ("dial", {"dial": ["no-answer"]}, "no answer"),
    ("dial", {"dial": ["failed"]}, "missed"),
    ("dial", {"hangs_up_after": 1}, "canceled"),
    ("dial", {"hangs_up_after": 5}, "answered"),
    ("dial, recorded", {}, "answered"),
    ("dial, recorded", {"dial": ["no-answer"]}, "no answer"),
    ("dial, recorded", {"hangs_up_after": 1}, "canceled"),
    ("dial, by its leg", {}, "answered"),
    ("dial, by its leg", {"dial": ["busy"]}, "busy"),
    ("record", {}, "voicemail"),
    ("record", {"hangs_up_after": 4}, "voicemail"),
    ("record", {"record_seconds": 0}, "missed"),
    ("record", {"record_seconds": 0, "hangs_up_after": 3}, "missed"),
    ("record", {"record_key": "#"}, "voicemail"),
    ("record", {"hangs_up_after": 1}, "missed"),
    ("record, by its action", {}, "voicemail"),
    ("record, by its action", {"record_seconds": 0}, "missed"),
    ("record, by its callback", {}, "voicemail"),
    ("record, by its callback", {"record_seconds": 0}, "missed"),
]


def state_of(outcome: str) -> str:
    return outcome if outcome in OF_WHOLE_CALLS else "missed"


@pytest.mark.parametrize(("name", "caller", "outcome"), BY_DOCUMENT)
def test_a_call_by_a_document_in_any_order(office: Service, numbers, name, caller, outcome):
    call = office.twilio.control.call(CALLER, numbers[name], **caller)
    assert found_as(office, call["sid"]) == (state_of(outcome), outcome)
    for at, order in enumerate(some_orders(call["deliveries"])):
        for sent in order:
            told = {key: of_another(value, at) for key, value in sent["parameters"].items()}
            office.send(sent["url"], told)
        shown = call_json(CallLog(office.parts.engine).get(of_another(call["sid"], at)))
        assert (shown["state"], shown["outcome"]) == (state_of(outcome), outcome), order


def of_another(value: str, at: int) -> str:
    """If it is the SID of a call, that of another one."""
    return f"CA{at:04}{value[6:]}" if re.fullmatch("CA[0-9a-f]{32}", value) else value


def some_orders(came: list[dict]) -> list[list[dict]]:
    """The reverse, and a few more."""
    found = [came[::-1], *itertools.islice(itertools.permutations(came), 1, 6)]
    return [*found, random.Random(5).sample(came, len(came))]


@pytest.mark.parametrize(
    ("name", "caller", "outcome"),
    [
        ("sentence", {}, "missed"),
        ("sentence", {"hangs_up_after": 1}, "missed"),
        ("voicemail", {"hangs_up_after": 1}, "missed"),  # in the sentence
        ("voicemail", {"hangs_up_after": 4}, "missed"),  # before the beep
        ("voicemail", {}, "voicemail"),
        ("voicemail", {"hangs_up_after": 8}, "voicemail"),
        ("voicemail", {"record_seconds": 0}, "missed"),
        ("voicemail", {"record_seconds": 0, "hangs_up_after": 6}, "missed"),
        ("desk", {"hangs_up_after": 1}, "missed"),
        ("desk", {"hangs_up_after": 2}, "canceled"),
        ("desk", {}, "answered"),
        ("desk", {"dial": ["busy", "answered"]}, "answered"),
        ("desk", {"dial": ["busy", "no-answer"]}, "voicemail"),
        ("desk", {"dial": ["no-answer", "busy"], "record_seconds": 0}, "busy"),
        ("menu", {"digits": ["1"]}, "answered"),
        ("menu", {"digits": ["1"], "hangs_up_after": 2}, "answered"),
        ("menu", {}, "answered"),
        ("menu", {"hangs_up_after": 1}, "abandoned"),
        ("rejected", {}, "no answer"),
    ],
)
def test_a_call_by_rules(office: Service, numbers, name, caller, outcome):
    call = office.twilio.control.call(CALLER, numbers[f"rules: {name}"], **caller)
    assert office.parts.answering.flush(10)
    state = "answered" if outcome == "abandoned" else state_of(outcome)
    assert found_as(office, call["sid"]) == (state, outcome)


def test_a_caller_who_hung_up_before_the_menu_was_heard_missed_it(office: Service, numbers):
    """Twilio was told of the menu, and never answered the call."""
    menu = numbers["rules: menu"]
    told = {"CallSid": "CA" + "7" * 32, "From": CALLER, "To": menu}
    assert "Gather" in office.send(office.callback("voice"), told | {"CallStatus": "ringing"})
    office.send(office.callback("status"), told | {"CallStatus": "canceled"})
    assert office.parts.answering.flush(10)
    assert found_as(office, told["CallSid"]) == ("missed", "canceled")


# --- The end was never reported ---


def is_open(office: Service, session: str) -> bool:
    log = CallLog(office.parts.engine)
    return [call.session for call in log.find(Search(open=True, session=session)).calls] == [session]


@pytest.mark.parametrize(
    ("name", "caller", "outcome"),
    [
        ("rules: sentence", {}, "missed"),
        ("rules: rejected", {}, "missed"),
        ("rules: voicemail", {}, "voicemail"),
        ("rules: voicemail", {"hangs_up_after": 8}, "voicemail"),
        ("rules: voicemail", {"record_seconds": 0}, "missed"),
        ("rules: desk", {}, "answered"),
        ("rules: menu", {"digits": ["1"]}, "answered"),
        ("elsewhere", {}, "missed"),
        ("menu", {"digits": ["1"]}, "answered"),
        ("dial", {"dial": ["busy"]}, "busy"),
        ("dial", {"hangs_up_after": 1}, "canceled"),
        ("record", {}, "voicemail"),
        ("record", {"record_seconds": 0}, "missed"),
        ("record, by its action", {}, "voicemail"),
        ("record, by its callback", {}, "voicemail"),
    ],
)
def test_a_call_whose_end_got_lost(office: Service, numbers, name, caller, outcome):
    office.take(numbers[name], ends=False)
    session = office.twilio.control.call(CALLER, numbers[name], **caller)["sid"]
    office.take(numbers[name])
    assert office.parts.answering.flush(10)
    state = state_of(outcome)
    assert found_as(office, session) == (state, outcome)
    assert is_open(office, session) is (state != "answered")


def test_a_call_that_goes_on_is_not_over(office: Service, numbers):
    """Nor does anybody who waits for missed calls get one before its end is reported."""
    told = {"CallSid": "CA" + "8" * 32, "From": CALLER, "To": numbers["rules: desk"]}
    log, missed = CallLog(office.parts.engine), Search(state=EventState.MISSED, session=told["CallSid"])

    def state(**said: str) -> str:
        nonlocal url
        answer = office.send(url, told | {"CallStatus": "in-progress"} | said)
        url = html.unescape(next(iter(re.findall(r"voice\?answering=[^<\"#]+", answer)), ""))
        assert office.parts.answering.flush(10)
        call = log.get(told["CallSid"])
        assert (call.outcome is None) is (call.ended_at is None) is (call.state in ("ringing", "ongoing"))
        return call.state

    url = office.callback("voice")
    assert state(CallStatus="ringing") == "ringing"
    assert state() == "ongoing"  # dials
    assert state(DialCallStatus="busy") == "ongoing"  # dials the other one
    assert state(DialCallStatus="no-answer") == "ongoing"  # records
    assert state(RecordingUrl="https://api.twilio.com/1", RecordingDuration="4") == "ongoing"  # thanks
    assert not is_open(office, told["CallSid"])
    assert state() == "voicemail"
    assert is_open(office, told["CallSid"])
    url = office.callback("status")
    assert state(CallStatus="completed") == "voicemail"
    (found,) = EventLog(office.parts.engine).find(replace(missed, state=EventState.VOICEMAIL)).events
    assert found.type == "call.ended"


def test_a_message_counts_while_the_call_goes_on(office: Service, numbers):
    told = {"CallSid": "CA" + "9" * 32, "From": CALLER, "To": numbers["rules: voicemail"]}
    office.send(office.callback("voice"), told | {"CallStatus": "ringing"})
    ready = {"RecordingStatus": "completed", "RecordingSource": "RecordVerb", "RecordingDuration": "4"}
    link = {"RecordingSid": "RE1", "RecordingUrl": "https://api.twilio.com/1"}
    office.send(office.callback("recording"), {"CallSid": told["CallSid"]} | ready | link)
    assert office.parts.answering.flush(10)
    assert found_as(office, told["CallSid"]) == ("voicemail", "voicemail")
    assert is_open(office, told["CallSid"])


def test_who_waits_for_missed_calls_gets_each_once(office: Service, numbers):
    """When its end is reported, and not when it is known that it will be."""
    wanted, log = Search(state=EventState.MISSED), EventLog(office.parts.engine)
    before = log.newest_id()
    for ends in (False, True):
        office.take(numbers["rules: sentence"], ends=ends)
        office.twilio.control.call(CALLER, numbers["rules: sentence"])
    assert office.parts.answering.flush(10)
    LogIndex(office.parts.engine).catch_up()
    assert len(log.find(replace(wanted, since=log.get(before).received_at)).events) >= 2
    assert [event.type for event in log.after(wanted, before).events] == ["call.ended"]
    lost = log.find(wanted, limit=2).events[1]
    with office.parts.engine.connect() as connection:
        assert not is_wanted(connection, wanted, lost)
