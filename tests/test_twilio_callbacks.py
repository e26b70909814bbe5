"""Callbacks of Twilio: what is kept, what is answered, and what a call reads as."""

import itertools
import math
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from conftest import KEY, ON_BOTH, make_config, on_sqlite, started
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twilio_callbacks import SETTINGS, payload, post

from config import Config
from receiver.providers.twilio.answers import NOTHING_MORE, SENTENCE, TwilioAnswers
from receiver.providers.twilio.parameters import PARAMETERS
from receiver.providers.twilio.words import PATHS
from receiver.search.call import call_json
from receiver.search.calls import CallLog
from receiver.search.index import LogIndex
from receiver.search.query import Search
from receiver.settings.files import ConfigError
from receiver.vocabulary.kinds import OF_WHOLE_CALLS

database_url = on_sqlite

SHOP = b"<Response><Dial action='voice'>+6598765432</Dial></Response>"
CALL = "CA" + "a" * 30 + "01"
US = "+6565111001"


@pytest.fixture
def config(database_url, tmp_path) -> Config:
    (tmp_path / "shop.xml").write_bytes(SHOP)
    return make_config(database_url, tmp_path, **SETTINGS, twilio_voice_answer=f"{US}={tmp_path}/shop.xml")


@pytest.fixture
def calls(app):
    return CallLog(app.extensions["receiver"].engine)


@ON_BOTH
def test_a_call_is_kept_typed_and_answered_with_the_document_of_its_number(client, api):
    answer = post(client, "voice/ringing")
    assert (answer.status_code, answer.mimetype, answer.data) == (200, "text/xml", SHOP)
    (event,) = api("/events?provider=twilio")["events"]
    assert event["signature"] == "valid"
    assert (event["kind"], event["type"], event["txn_ref"], event["session"]) == (
        "voice",
        "call.ringing",
        CALL,
        CALL,
    )
    assert (event["sender"], event["recipient"]) == ("+6591234567", US)
    assert event["sender_name"] == "TAN MEI LING"
    assert event["problems"] == []
    assert event["params"]["StirVerstat"] == "TN-Validation-Passed-A"
    assert api("/events?provider=hoiio")["events"] == []
    assert len(api(f"/events?txn_ref={CALL}")["events"]) == 1
    assert len(api(f"/events?txn_ref={CALL}&provider=twilio")["events"]) == 1


@pytest.mark.parametrize("path", ["sms/received", "status/completed", "recording/voicemail", "voice/gather"])
def test_whatever_begins_no_call_is_answered_with_nothing_more(client, path):
    answer = post(client, path)
    assert (answer.status_code, answer.mimetype, answer.data) == (200, "text/xml", NOTHING_MORE.body)


def test_a_stranger_hears_the_sentence_and_not_what_the_owner_wrote(client, api):
    answer = post(client, "voice/ringing", **{"X-Twilio-Signature": "forged"})
    assert (answer.status_code, answer.data) == (200, SENTENCE.body)
    (event,) = api("/events")["events"]
    assert event["quarantine_reason"] == "signature invalid"


@pytest.mark.parametrize("signed", [True, False])
def test_a_callback_of_another_account_is_kept_and_not_trusted(client, api, signed):
    body = payload("voice/ringing").replace(b"AC5", b"AC6")
    unsigned = {} if signed else {"X-Twilio-Signature": ""}
    answer = post(client, "voice", body, **unsigned)
    (event,) = api("/events?quarantined=true")["events"]
    assert event["quarantine_reason"] == "of another account"
    assert event["params"]["AccountSid"] == "AC61000000000000000000000000000001"
    assert (answer.status_code, answer.data) == (200, SHOP if signed else SENTENCE.body)


def test_an_answer_that_fails_is_the_usual_one(client, api, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("words of a caller")

    monkeypatch.setattr(TwilioAnswers, "to", broken)
    assert post(client, "voice/ringing").data == SENTENCE.body
    assert post(client, "sms/received").data == NOTHING_MORE.body
    assert len(api("/events")["events"]) == 2
    assert "words of a caller" not in caplog.text


def test_what_nothing_can_hold_is_answered_503_and_says_nothing(client, app, monkeypatch):
    parts = app.extensions["receiver"]
    parts.recorder.close(5)
    answer = post(client, "voice/ringing")
    assert (answer.status_code, answer.data) == (503, b"")


@ON_BOTH
def test_a_retry_is_a_repeat_and_has_the_same_answer(client, api):
    first = post(client, "voice/ringing", token="t-1")
    # At the fallback URL with parameters that the first one had not.
    again = post(client, "voice/fallback", token="t-2")
    assert first.data == again.data == SHOP
    for path in ("sms/received", "status/completed", "recording/voicemail", "voice/record", "voice/dial"):
        post(client, path, token="t-3")
        post(client, path, token="t-3")
    assert {event["repeats"] for event in api("/events")["events"]} == {1}


@ON_BOTH
def test_the_same_digits_pressed_twice_are_two_steps(client, api):
    for token in ("t-1", "t-2", "t-2"):
        post(client, "voice/gather", token=token)
    assert [event["repeats"] for event in api("/events")["events"]] == [1, 0]
    post(client, "voice/gather")
    post(client, "voice/gather")
    assert len(api("/events")["events"]) == 3


ANSWERED = ("voice/ringing", "voice/gather", "voice/dial", "recording/conversation", "status/completed")


def sid(at: int) -> str:
    """Of another call."""
    return f"CA{at:030x}01"


def other(path: str, at: int) -> bytes:
    """The same of another call, and of whom it dialled."""
    return payload(path).replace(CALL[:-2].encode(), sid(at)[:-2].encode())


MOST_ORDERS = 24


def orders(paths) -> Iterator[tuple[str, ...]]:
    """The orders in which these may come; of many some, spread evenly."""
    every = -(-math.factorial(len(paths)) // MOST_ORDERS)
    return itertools.islice(itertools.permutations(paths), 0, None, every)


@ON_BOTH
def test_a_call_reads_the_same_in_whatever_order_its_reports_come(client, calls):
    for at, order in enumerate(orders(ANSWERED)):
        for path in order:
            assert post(client, path, other(path, at)).status_code == 200
        call = call_json(calls.get(sid(at)))
        assert (call["state"], call["outcome"], call["provider"]) == ("answered", "answered", "twilio")
        assert (call["duration"], call["seconds"], call["cost"]) == (2, 61, None)
        assert (call["digits"], len(call["recordings"])) == (["12"], 1)
        types = [event["type"] for event in call["events"]]
        assert (types[0], types[3]) == ("call.ringing", "call.ended")
        assert call["events"][4]["ivr_block"] == "recording"


END = "status/completed"


@pytest.mark.parametrize(
    ("paths", "state", "outcome"),
    [
        ([END], "missed", "missed"),
        (["status/busy"], "missed", "busy"),
        (["status/canceled"], "missed", "canceled"),
        # A document that was played to the end, or left for another one.
        (["voice/redirect", END], "missed", "missed"),
        (["voice/dial", END], "answered", "answered"),
        (["voice/dial_no_answer", END], "missed", "no answer"),
        (["status/leg_answered", END], "answered", "answered"),
        (["status/leg_ringing", END], "missed", "missed"),
        (["status/leg_no_answer", END], "missed", "no answer"),
        (["status/leg_no_answer", "voice/record", END], "voicemail", "voicemail"),
        # A menu ends with what it is answered, not with the caller.
        (["voice/gather", END], "answered", "answered"),
        (["voice/gather_speech", END], "answered", "answered"),
        (["voice/record", END], "voicemail", "voicemail"),
        (["voice/record", "recording/voicemail", END], "voicemail", "voicemail"),
        (["recording/voicemail", "recording/transcription", END], "voicemail", "voicemail"),
        (["voice/record", "recording/in_progress", END], "voicemail", "voicemail"),
        (["recording/in_progress", END], "missed", "missed"),
        (["voice/record_silent", END], "missed", "missed"),
        (["voice/record_silent", "recording/absent", END], "missed", "missed"),
        (["voice/record", "recording/absent", END], "missed", "missed"),
        (["recording/absent", END], "missed", "missed"),
        (["voice/dial_no_answer", "voice/record_silent", "recording/absent", END], "missed", "no answer"),
        (["voice/dial", "recording/conversation", END], "answered", "answered"),
        ([], "ringing", None),
        # Answered with nothing more, a call is over.
        (["voice/gather"], "answered", "answered"),
        (["voice/redirect"], "missed", "missed"),
        (["status/leg_ringing"], "ongoing", None),
        (["recording/transcription"], "ringing", None),
        (["recording/absent"], "ringing", None),
    ],
)
def test_it_says_what_became_of_a_call_in_any_order(*, client, app, calls, paths, state, outcome):
    for at, order in enumerate(orders(["voice/ringing", *paths])):
        for path in order:
            post(client, path, other(path, at))
        call = call_json(calls.get(sid(at)))
        assert (call["state"], call["outcome"]) == (state, outcome), order
        assert [event["problems"] for event in call["events"] if event["problems"]] == []
    LogIndex(app.extensions["receiver"].engine).catch_up()
    for ended in OF_WHOLE_CALLS:
        found = calls.find(Search(state=ended), limit=200).calls
        assert len(found) == (at + 1 if ended == state else 0)


def test_a_message_that_there_is_counts_beside_one_that_there_is_not(client, calls):
    """Whichever of two recordings it was."""
    for path in ("voice/ringing", "voice/record", "recording/absent", END):
        post(client, path)
    assert calls.get(CALL).state == "missed"
    post(client, "recording", payload("recording/voicemail").replace(b"REa", b"REb"))
    assert calls.get(CALL).state == "voicemail"


LENGTHS = (
    ("CallStatus=completed&CallDuration=61&RecordingDuration=9", 61),
    ("CallStatus=in-progress&DialCallStatus=completed&DialCallDuration=31&RecordingDuration=9", 31),
    ("CallStatus=in-progress&RecordingUrl=https%3A%2F%2Fa.example%2F1&RecordingDuration=9", 9),
    ("CallStatus=completed&CallDuration=long&RecordingDuration=9", 9),
    ("ParentCallSid=CA1&CallStatus=completed&CallDuration=30&RecordingDuration=28", 30),
)


@pytest.mark.parametrize("backwards", [False, True])
def test_the_length_of_a_call_is_not_that_of_its_recording(client, api, backwards):
    for at, (said, seconds) in enumerate(LENGTHS):
        pairs = [f"CallSid={sid(at)}", *said.split("&")]
        post(client, "voice", "&".join(reversed(pairs) if backwards else pairs).encode())
        assert api("/events")["events"][0]["seconds"] == seconds


def test_a_key_that_ends_a_recording_is_no_answer_to_a_menu(client, calls):
    post(client, "voice", payload("voice/record").replace(b"Digits=hangup", b"Digits=%23"))
    assert calls.get(CALL).digits == ()


def test_messages_are_typed(client, api):
    for path in ("sms/received", "sms/pictures", "sms/whatsapp", "sms/delivered"):
        post(client, path)
    delivered, whatsapp, pictures, received = api("/events?kind=sms")["events"]
    assert (received["type"], received["text"]) == ("sms.received", "Is it ready? 谢谢")
    assert (pictures["type"], pictures["text"]) == ("sms.received", "")
    assert (whatsapp["sender"], whatsapp["sender_name"]) == ("whatsapp:+6591234567", "Mei Ling")
    assert (delivered["type"], delivered["txn_ref"]) == ("unknown", received["txn_ref"])
    assert [event["problems"] for event in (received, pictures, whatsapp, delivered)] == [[]] * 4


@pytest.mark.parametrize("word", PATHS)
@pytest.mark.parametrize("path", ["sms/received", "sms/delivered", "voice/ringing", "recording/voicemail"])
def test_each_url_takes_any_callback(client, api, word, path):
    body = payload(path)
    post(client, word, body)
    (event,) = api("/events")["events"]
    assert (event["kind"], event["problems"]) == ("sms" if path.startswith("sms") else "voice", [])


@ON_BOTH
def test_what_is_unreadable_is_named_and_what_is_unknown_is_kept(client, api):
    body = b"CallSid=CA1&CallStatus=completed&CallDuration=long&Timestamp=yesterday&NewIn2027=x&From=a%00b"
    post(client, "status", body)
    (event,) = api("/events")["events"]
    assert event["problems"] == ["From: held NUL", "Timestamp: unreadable", "CallDuration: unreadable"]
    assert event["params"]["NewIn2027"] == "x"


@ON_BOTH
@pytest.mark.parametrize(
    ("word", "body", "field"),
    [
        ("sms", b"SmsSid=SM%00x&From=%2B1&To=%2B2&Body=hi", "txn_ref"),
        ("status", b"CallSid=CA1&ParentCallSid=SM%00x&CallStatus=ringing", "session"),
    ],
)
def test_a_reference_with_nul_is_stored_like_any_other(client, api, word, body, field):
    post(client, word, body)
    (event,) = api("/events")["events"]
    assert event[field] == "SM\ufffdx"
    assert any("held NUL" in problem for problem in event["problems"])


def test_a_test_of_our_own_is_answered_by_the_status_alone(client, api):
    answer = post(client, "voice", b"receiver_test=0123&sample=%2B65&empty=")
    assert (answer.status_code, answer.data) == (200, b"")
    assert len(api("/events?type=test")["events"]) == 1


@pytest.mark.parametrize("given", ["shop.xml", f"{US}=shop.xml, shop.xml", " , shop.xml"])
def test_the_setting_takes_a_document_for_all_and_by_number(tmp_path, given):
    (tmp_path / "shop.xml").write_bytes(SHOP)
    given = given.replace("shop.xml", str(tmp_path / "shop.xml"))
    config = Config.from_env({"CALLBACK_KEYS": "k" * 20, "TWILIO_VOICE_ANSWER": given}, dotenv=None)
    assert config.twilio_voice_answer is not None
    assert config.twilio_voice_answer.of("+15550001") == SHOP


def test_all_that_is_wrong_with_the_documents_is_said_at_once_with_the_other_settings(tmp_path):
    (tmp_path / "broken.xml").write_text("<Response>\n  <Say>hello</Response>")
    (tmp_path / "other.xml").write_text("<Answer/>")
    given = f"{tmp_path}/broken.xml, +65=x, +6565111002={tmp_path}/other.xml, {US}={tmp_path}/none.xml"
    with pytest.raises(ConfigError) as wrong:
        Config.from_env({"TWILIO_VOICE_ANSWER": given, "TWILIO_ACCOUNT_SID": "AC1"}, dotenv=None)
    said = str(wrong.value)
    for part in (
        *("CALLBACK_KEYS: is missing", "TWILIO_ACCOUNT_SID: must be AC and 32 hexadecimal digits"),
        *("broken.xml is not XML: mismatched tag in line 2, column", "'+65' is not a number such as"),
        *("other.xml has the root Answer, and must have Response", "none.xml: No such file"),
    ):
        assert part in said


# Whatever comes is kept.

KINDS = st.sampled_from([*PATHS, "other", "voice/more", ""])
NAMES = st.one_of(st.sampled_from(sorted(PARAMETERS)), st.text(st.characters(codec="utf-8"), max_size=40))
VALUES = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=300),
    st.sampled_from(["ringing", "completed", "hangup", "+6591234567", "\x00", "", "9" * 40, "https://a.b/c"]),
    st.datetimes().map("{:%a, %d %b %Y %H:%M:%S +0000}".format),
)
FORMS = st.lists(st.tuples(NAMES, VALUES), max_size=20).map(lambda pairs: urlencode(pairs).encode())
EXAMPLES = settings(
    max_examples=80, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def stored(app) -> int:
    counted = app.extensions["receiver"].recorder.counters.callbacks
    return sum(count for (_, outcome), count in counted.items() if outcome in {"stored", "spooled"})


SIGNATURES = st.tuples(
    st.text(st.characters(codec="ascii", min_codepoint=32), max_size=40), st.sampled_from(["", "t"])
)


@ON_BOTH
@EXAMPLES
@given(body=st.one_of(FORMS, st.binary(max_size=1000)), word=KINDS, signed=SIGNATURES)
def test_it_keeps_any_bytes(client, app, body, word, signed):
    before = stored(app)
    headers = {"X-Twilio-Signature": signed[0], "I-Twilio-Idempotency-Token": signed[1]}
    answer = client.post(f"/callbacks/{KEY}/twilio/{word}", data=body, headers=headers)
    assert answer.status_code == 200
    assert answer.data in (SENTENCE.body, NOTHING_MORE.body, SHOP)
    assert stored(app) == before + 1


@EXAMPLES
@given(body=FORMS, word=st.sampled_from(sorted(PATHS)))
def test_it_keeps_any_signed_form(client, app, body, word):
    before = stored(app)
    assert post(client, word, body).status_code == 200
    assert stored(app) == before + 1


def test_a_callback_without_a_token_of_ours_is_quarantined_if_it_is_signed(database_url, tmp_path):
    for app in started(make_config(database_url, tmp_path)):
        answer = post(app.test_client(), "voice/ringing")
        assert (answer.status_code, answer.data) == (200, SENTENCE.body)
