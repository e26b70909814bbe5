"""Calls: one time line from the notifications of a session, whatever order they came in."""

import itertools
import json
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from conftest import API_TOKEN, KEY
from sqlalchemy import update

from receiver.db.engine import writing
from receiver.models import EVENTS
from receiver.search.call import LONGEST_SILENCE, call_json
from receiver.search.calls import LONGEST_CALL, CallLog
from receiver.search.index import LogIndex
from receiver.search.query import Search
from receiver.vocabulary.kinds import CallOutcome, EventState

CALL = {"session": "S1", "txn_ref": "AA-C-1", "from": "+6591110001", "to": "+6560000001"}
BILL = {"date": "2026-01-01 10:05:00", "duration": "3", "currency": "SGD", "rate": "0.020", "debit": "0.060"}
ANSWERED = [
    {"ivr_block": "answer", "call_state": "ringing"},
    {"ivr_block": "gather", "call_state": "ongoing", "digits": "12"},
    {"ivr_block": "record", "call_state": "ongoing", "record_url": "https://example.com/1.mp3"},
    {"ivr_block": "transfer", "call_state": "ended", "transfer_status": "answered", **BILL},
]


def post(client, *bodies, call=CALL, **headers):
    for body in bodies:
        assert client.post(f"/callbacks/{KEY}/voice", data=call | body, headers=headers).status_code == 200


@pytest.fixture
def calls(app):
    return CallLog(app.extensions["receiver"].engine)


def test_it_reads_a_call_as_one_time_line_in_any_order(client, calls):
    for place, order in enumerate(itertools.permutations(ANSWERED)):
        post(client, *order, call=CALL | {"session": f"S{place}", "txn_ref": f"AA-C-{place}"})
        call = calls.get(f"S{place}")
        assert [event.type for event in call.events][0::3] == ["call.ringing", "call.ended"]
        shown = call_json(call)
        events = shown.pop("events")
        assert {event["ivr_block"] for event in events[1:3]} == {"gather", "record"}
        started, first = shown.pop("started_at"), shown.pop("id")
        ended = next(event["received_at"] for event in events if event["type"] == "call.ended")
        assert shown.pop("ended_at") == ended >= started
        assert started == min(event["received_at"] for event in events)
        assert first == min(event["id"] for event in events)
        assert shown == {
            "session": f"S{place}",
            "state": "answered",
            "outcome": "answered",
            "sender": "+6591110001",
            **dict.fromkeys(("contact", "handled_by", "handled_at", "note")),
            "recipient": "+6560000001",
            "txn_ref": f"AA-C-{place}",
            "provider": "hoiio",
            "duration": 3,
            "seconds": None,
            "cost": "0.060",
            "currency": "SGD",
            "digits": ["12"],
            "recordings": ["https://example.com/1.mp3"],
        }


@pytest.mark.parametrize(
    ("bodies", "state"),
    [
        ([{"call_state": "ringing", "ivr_block": "answer"}], EventState.RINGING),
        ([{"call_state": "ongoing", "ivr_block": "gather", "digits": ""}], EventState.ONGOING),
        (
            [
                {"call_state": "ringing", "ivr_block": "answer"},
                {"call_state": "ended", "ivr_block": "answer"},
            ],
            EventState.MISSED,
        ),
        ([{"call_state": "ended", "ivr_block": "hangup"}], EventState.MISSED),
        ([{"call_state": "ended", "ivr_block": "play"}], EventState.ANSWERED),
        ([{"call_state": "ended", "ivr_block": "transfer", "transfer_status": "busy"}], EventState.MISSED),
        (
            [
                {"call_state": "ongoing", "ivr_block": "transfer", "transfer_status": "busy"},
                {"call_state": "ended", "ivr_block": "hangup"},
            ],
            EventState.MISSED,
        ),
        (
            [
                {
                    "call_state": "ongoing",
                    "ivr_block": "dial",
                    "dial_status": "answered",
                    "dest": "+6522222222",
                },
                {"call_state": "ended", "ivr_block": "hangup"},
            ],
            EventState.ANSWERED,
        ),
    ],
)
def test_it_tells_missed_from_answered(client, calls, bodies, state):
    post(client, *reversed(bodies))
    assert calls.get("S1").state is state
    assert [call.session for call in calls.find(Search(state=state)).calls] == ["S1"]
    other = EventState.MISSED if state is EventState.ANSWERED else EventState.ANSWERED
    assert calls.find(Search(state=other)).calls == []


def test_it_does_not_count_the_bill_twice_nor_put_a_late_recording_before_the_end(client, calls):
    monitored = {"ivr_block": "monitor", "call_state": "ended", "monitor_url": "https://example.com/m.mp3"}
    post(client, monitored | BILL, {"ivr_block": "hangup", "call_state": "ended", **BILL}, ANSWERED[0])
    call = calls.get("S1")
    assert [event.ivr_block for event in call.events] == ["answer", "hangup", "monitor"]
    assert (str(call.cost), call.recordings) == ("0.060", ("https://example.com/m.mp3",))


def test_it_lists_calls_newest_first_each_once_and_holds_still_while_they_go_on(client, calls, app):
    for number in range(5):
        post(client, ANSWERED[0], call=CALL | {"session": f"S{number}"})
    LogIndex(app.extensions["receiver"].engine).catch_up()
    for number in range(5):
        post(client, *ANSWERED[1:], call=CALL | {"session": f"S{number}"})
    first = calls.find(Search(), limit=2)
    post(client, {"ivr_block": "hold", "call_state": "ongoing"}, call=CALL | {"session": "S2"})
    second = calls.find(Search(), before=first.next, limit=2)
    last = calls.find(Search(), before=second.next, limit=2)
    pages = [[call.session for call in page.calls] for page in (first, second, last)]
    assert pages == [["S4", "S3"], ["S2", "S1"], ["S0"]]
    assert last.next is None


def test_a_long_call_that_goes_on_between_two_pages_is_on_one_of_them(client, calls):
    # What matches lies between the first and the last of its events that are read.
    hold = {"ivr_block": "hold", "call_state": "ongoing"}
    post(client, *(hold | {"txn_ref": f"B{place}"} for place in range(LONGEST_CALL + 5)))
    post(client, MENU | {"digits": "4417"})
    post(client, MENU | {"digits": "4417"}, call=CALL | {"session": "S2", "txn_ref": "D"})
    first = calls.find(Search(text="4417"), limit=1)
    recorded = (
        {"ivr_block": "record", "call_state": "ongoing", "txn_ref": f"C{at}", "record_url": "x"}
        for at in range(LONGEST_CALL)
    )
    post(client, *recorded)
    second = calls.find(Search(text="4417"), before=first.next, limit=1)
    assert [[call.session for call in page.calls] for page in (first, second)] == [["S2"], ["S1"]]


def test_it_finds_calls_by_what_any_of_their_events_says(client, calls):
    post(client, *ANSWERED)
    post(client, ANSWERED[0], call=CALL | {"session": "S2", "from": "+6591110002"})
    assert [call.session for call in calls.find(Search.parse("from:+6591110002")).calls] == ["S2"]
    found = calls.find(Search.parse("mp3")).calls
    assert [len(call.events) for call in found] == [4]
    assert calls.find(Search.parse("kind:sms")).calls == []


def test_it_does_not_let_a_forged_event_change_a_call(client, calls):
    post(client, ANSWERED[0])
    post(client, ANSWERED[3], **{"X-Hoiio-Signature": "0" * 64})
    assert calls.get("S1").state is EventState.RINGING
    assert calls.get("S2") is None


MENU = {"ivr_block": "gather", "call_state": "ongoing", "digits": "1"}
_NEVER_HERE = {CallOutcome.UNKNOWN, CallOutcome.CANCELED}
BUSY = {"ivr_block": "transfer", "call_state": "ongoing", "transfer_status": "busy"}
LEFT = {"ivr_block": "record", "call_state": "ended", "record_url": "https://example.com/1.mp3"}


@pytest.mark.parametrize(
    ("bodies", "outcome"),
    [
        ([ANSWERED[0], MENU], None),
        (ANSWERED, "answered"),
        ([ANSWERED[0], {"ivr_block": "answer", "call_state": "ended"}], "missed"),
        ([ANSWERED[0], {"ivr_block": "Answer", "call_state": "Ended"}], "missed"),
        ([ANSWERED[0], {"ivr_block": "TRANSFER", "call_state": "ENDED", "transfer_status": "Busy"}], "busy"),
        ([ANSWERED[0], BUSY, {"ivr_block": "hangup", "call_state": "ended"}], "busy"),
        ([{"ivr_block": "dial", "call_state": "ended", "dial_status": "unanswered"}], "no answer"),
        ([{"ivr_block": "dial", "call_state": "ended", "dial_status": "failed"}], "missed"),
        ([BUSY, {"ivr_block": "dial", "call_state": "ended", "dial_status": "answered"}], "answered"),
        ([ANSWERED[0], MENU, BUSY, LEFT], "voicemail"),
        ([ANSWERED[0], LEFT], "voicemail"),
        ([ANSWERED[0], MENU, {"ivr_block": "gather", "call_state": "ended"}], "abandoned"),
        ([ANSWERED[0], MENU, {"call_state": "ended"}], "abandoned"),
        ([ANSWERED[0], MENU, {"ivr_block": "hangup", "call_state": "ended"}], "answered"),
        ([ANSWERED[0], {"ivr_block": "play", "call_state": "ended"}], "answered"),
    ],
)
def test_it_says_what_became_of_a_call(client, calls, bodies, outcome):
    post(client, *bodies)
    assert call_json(calls.get("S1"))["outcome"] == outcome


def test_it_finds_calls_by_their_outcome_in_the_list_the_api_and_the_command(client, calls, app, api):
    one_of_each(client)
    for outcome in CallOutcome:
        asked = Search.parse(f'outcome:"{outcome}"', calls=True)
        found = [call.outcome for call in calls.find(asked).calls]
        assert found == ([outcome] if outcome not in _NEVER_HERE else [])
        listed = api(f"/calls?outcome={outcome.replace(' ', '%20')}")
        assert [call["outcome"] for call in listed["calls"]] == found
        assert [
            call["outcome"] for call in api(f"/calls?q=outcome:{outcome.replace(' ', '-')}")["calls"]
        ] == found
        run = app.test_cli_runner().invoke(args=["calls", "list", "--outcome", outcome, "--json"])
        assert [call["outcome"] for call in json.loads(run.stdout)["calls"]] == found


def test_the_command_leads_to_each_recording_once_masked_or_not(client, app):
    again = {"ivr_block": "record", "call_state": "ongoing", "digits": "1"}
    links = ["https://example.com/1.mp3", "https://example.com/2.mp3", "https://example.com/1.mp3"]
    post(client, *({**again, "digits": f"{at}", "record_url": link} for at, link in enumerate(links)))
    for more in ([], ["--mask"]):
        drawn = app.test_cli_runner().invoke(args=["calls", "show", "S1", *more]).stdout
        assert re.findall(r"receiver archive get (\d+)", drawn) == ["1", "2"]


def one_of_each(client) -> None:
    """A call with each outcome, but unknown; the oldest goes on."""
    post(client, ANSWERED[0], call=CALL | {"session": "ongoing"})
    end = {"call_state": "ended"}
    for name, bodies in {
        "answered": [ANSWERED[3]],
        "missed": [end | {"ivr_block": "answer"}],
        "busy": [BUSY, end | {"ivr_block": "hangup"}],
        "no answer": [end | {"ivr_block": "dial", "dial_status": "unanswered"}],
        "voicemail": [LEFT],
        "abandoned": [MENU, end | {"ivr_block": "gather"}],
    }.items():
        post(client, ANSWERED[0], *bodies, call=CALL | {"session": name, "txn_ref": name})


def test_a_page_of_a_rare_outcome_ends_and_the_next_goes_on(client, calls, app, api, monkeypatch):
    monkeypatch.setattr("receiver.search.calls.MOST_LOOKED_AT", 40)
    monkeypatch.setattr("receiver.search.select.MOST_LOOKED_AT", 40)
    post(client, LEFT, call=CALL | {"session": "V", "txn_ref": "V"})
    for number in range(60):
        post(client, ANSWERED[0], call=CALL | {"session": f"S{number}", "txn_ref": f"R{number}"})
    asked = Search(outcome=CallOutcome.VOICEMAIL)
    first = calls.find(asked, limit=2)
    assert (first.calls, first.cut_short) == ([], True)
    second = calls.find(asked, limit=2, before=first.next)
    assert ([call.session for call in second.calls], second.next) == (["V"], None)
    page = api("/calls?outcome=voicemail&limit=2")
    assert (page["calls"], page["next"]) == ([], str(first.next))
    run = app.test_cli_runner().invoke(args=["calls", "list", "--outcome", "voicemail", "--limit", "2"])
    assert (run.stdout, f"add --before {first.next}" in run.stderr) == ("", True)


def test_pages_of_an_outcome_lose_no_call_and_repeat_none(client, calls):
    for number in range(7):
        post(client, *ANSWERED, call=CALL | {"session": f"A{number}", "txn_ref": f"A{number}"})
        post(client, ANSWERED[0], LEFT, call=CALL | {"session": f"V{number}", "txn_ref": f"V{number}"})
    found, before = [], None
    for _ in range(4):
        page = calls.find(Search(outcome=CallOutcome.VOICEMAIL), limit=2, before=before)
        found += [call.session for call in page.calls]
        before = page.next
    assert found == [f"V{number}" for number in reversed(range(7))]
    assert before is None


def test_a_wrong_outcome_is_refused_with_the_right_ones(client, app):
    headers = {"Authorization": f"Bearer {API_TOKEN}"}
    for path in ("/calls?outcome=ok", "/calls?q=outcome:ok"):
        answer = client.get(f"/api/v1{path}", headers=headers)
        assert (answer.status_code, "voicemail, abandoned" in answer.text) == (400, True)
    for path in ("/events?q=outcome:busy", "/conversations?q=outcome:busy"):
        answer = client.get(f"/api/v1{path}", headers=headers)
        assert (answer.status_code, "whole calls" in answer.text) == (400, True)
    assert client.get("/api/v1/events?outcome=busy", headers=headers).status_code == 400
    run = app.test_cli_runner().invoke(args=["calls", "list", "--outcome", "ok"])
    assert (run.exit_code, "no answer" in " ".join(run.output.split())) == (2, True)


def test_a_call_of_many_events_has_its_end_and_its_bill(client, calls):
    post(client, ANSWERED[0])
    for place in range(LONGEST_CALL + 20):
        post(client, MENU | {"txn_ref": f"B{place}"})
    post(client, BUSY, {"ivr_block": "transfer", "call_state": "ended", "transfer_status": "answered"} | BILL)
    (call,) = calls.find(Search(state=EventState.ANSWERED)).calls
    assert (call.outcome, call.duration, str(call.cost)) == ("answered", 3, "0.060")
    assert calls.get("S1").ended_at is not None


def test_a_call_of_many_events_without_an_end_is_found_as_missed_and_as_open(client, calls, app):
    for place in range(LONGEST_CALL + 20):
        post(client, BUSY | {"txn_ref": f"B{place}"})
    post(client, {"ivr_block": "hangup", "call_state": "ongoing"})
    LogIndex(app.extensions["receiver"].engine).catch_up()
    for asked in ("state:missed", "is:open", f"state:missed is:open from:{CALL['from']}"):
        assert [call.session for call in calls.find(Search.parse(asked)).calls] == ["S1"], asked
    assert calls.find(Search.parse("-is:open")).calls == []
    assert calls.get("S1").state is EventState.MISSED


def test_a_call_whose_end_was_lost_is_not_ongoing_for_ever(client, calls, app):
    post(client, ANSWERED[0], MENU)
    assert (calls.get("S1").state, calls.get("S1").outcome) == (EventState.ONGOING, None)
    with writing(app.extensions["receiver"].engine) as connection:
        connection.execute(update(EVENTS).values(received_at=datetime.now(UTC) - 2 * LONGEST_SILENCE))
    assert (calls.get("S1").state, calls.get("S1").outcome) == (EventState.ENDED, "unknown")


def test_no_call_ends_before_it_starts(client, calls):
    second = datetime.now(UTC).astimezone(timezone(timedelta(hours=8))).strftime("%Y-%m-%d %H:%M:%S")
    post(client, ANSWERED[0], {"ivr_block": "answer", "call_state": "ended"} | BILL | {"date": second})
    call = calls.get("S1")
    assert call.started_at <= call.ended_at


@pytest.mark.parametrize("session", ["S/1", "a//b", "/x", "x/", "/", "a/../b"])
def test_a_session_may_have_slashes_in_it(client, api, session):
    post(client, ANSWERED[0], call=CALL | {"session": session})
    assert api(f"/calls/{session}")["session"] == session
    assert api(f"/calls/{session.replace('/', '%2F')}")["session"] == session


def test_a_sender_may_have_a_slash_in_it(client, app, api):
    sms = {"from": "A/B//C", "to": "+6560000001", "msg": "x", "txn_ref": "AA-SI-1"}
    assert client.post(f"/callbacks/{KEY}/sms", data=sms).status_code == 200
    LogIndex(app.extensions["receiver"].engine).run()
    assert api("/conversations/+6560000001/A/B//C")["sender"] == "A/B//C"
