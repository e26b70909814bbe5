"""Calls and messages of the simulated Twilio: how it calls a customer's URLs and obeys what they answer."""

import base64
import hmac
import io
import json
import re
import socket
import wave
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qsl

import pytest
import requests
import twilio_customer
from click.testing import CliRunner
from twilio.request_validator import RequestValidator
from twilio.twiml.messaging_response import MessagingResponse
from twilio.twiml.voice_response import VoiceResponse
from twilio_customer import SETTINGS, alerts, configure

from receiver.simulator import __main__ as command_line
from receiver.simulator.client import ControlError
from receiver.simulator.twilio.overrides import BadOverrides, overrides

CALLER = "+6591234567"
server, there, number = twilio_customer.server, twilio_customer.there, twilio_customer.number


# --- Requests


def test_a_call_is_asked_for_answered_and_reported(server, there, number):
    answer = VoiceResponse()
    answer.say("Nobody is here.")
    answer.hangup()
    there.answer("/voice", answer)
    outcome = server.control.call(CALLER, number)
    assert there.paths() == ["/voice", "/status"]
    (voice,), (status,) = there.forms("/voice"), there.forms("/status")
    assert (voice["CallStatus"], voice["Direction"], voice["ApiVersion"]) == (
        "ringing",
        "inbound",
        "2010-04-01",
    )
    assert (voice["From"], voice["Caller"], voice["To"], voice["Called"]) == (CALLER, CALLER, number, number)
    assert (voice["ToCountry"], voice["FromCity"]) == ("US", "")
    assert status["CallSid"] == voice["CallSid"] == outcome["sid"]
    assert (status["CallStatus"], status["CallDuration"], status["Duration"]) == ("completed", "1", "1")
    assert (status["SequenceNumber"], status["CallbackSource"]) == ("0", "call-progress-events")
    assert status["Timestamp"].endswith(" +0000")
    assert outcome["heard"] == ["Nobody is here."]
    assert [step["step"] for step in outcome["way"]] == ["request", "Say", "Hangup"]
    assert server.control.course(outcome["sid"]) == outcome
    listed = server.request("GET", f"Calls/{outcome['sid']}.json").json()
    assert (listed["status"], listed["duration"], listed["price"]) == ("completed", "1", "-0.00850")


def test_twilios_validator_accepts_every_request(server, there, number):
    answer = VoiceResponse()
    answer.gather(action="/menu?a=1&b=%2F", num_digits=1)
    there.answer("/voice", answer)
    there.answer("/menu", VoiceResponse())
    configure(server, number, VoiceUrl=there.url + "/voice?tag=x#rc=2&rp=all")
    server.control.call(CALLER, number, digits=["5"])
    server.control.sms(CALLER, number, "Grüße & 1+1=2 €")
    assert there.paths() == ["/voice", "/menu", "/status", "/sms"]
    validator = RequestValidator(SETTINGS.auth_token)
    for _, _, form, headers, target in there.requests:
        assert validator.validate(there.url + target, form, headers["X-Twilio-Signature"])
        assert headers["I-Twilio-Idempotency-Token"]
        assert headers["User-Agent"] == "TwilioProxy/1.1"
        assert headers["Content-Type"] == "application/x-www-form-urlencoded; charset=UTF-8"


def test_a_get_has_its_parameters_in_the_query_which_is_signed(server, there, number):
    there.answer("/voice", VoiceResponse())
    configure(server, number, VoiceUrl=there.url + "/voice?a=1", VoiceMethod="GET")
    server.control.call(CALLER, number)
    method, _, form, headers, target = there.requests[0]
    assert (method, form["a"], form["From"]) == ("GET", "1", CALLER)
    validator = RequestValidator(SETTINGS.auth_token)
    assert validator.validate(there.url + target, {}, headers["X-Twilio-Signature"])


def test_the_signature_can_be_missing_wrong_or_by_an_own_key(server, there, number):
    for options in ({"unsigned": True}, {"wrong_signature": True}, {"own_key": True}):
        server.control.sms(CALLER, number, "x", **options)
    unsigned, wrong, own = (headers for *_, headers, _ in there.requests)
    assert "X-Twilio-Signature" not in unsigned
    validator = RequestValidator(SETTINGS.auth_token)
    assert not validator.validate(there.url + "/sms", there.forms("/sms")[1], wrong["X-Twilio-Signature"])
    assert own["X-Twilio-Webhooks-Signature-Settings"] == "key=sim-key,algorithm=HMAC_SHA256"
    signed = (
        there.url + "/sms" + "".join(name + value for name, value in sorted(there.forms("/sms")[2].items()))
    )
    digest = hmac.digest(SETTINGS.shared_key.encode(), signed.encode(), "sha256")
    assert own["X-Twilio-Signature"] == base64.b64encode(digest).decode()


def test_parameters_can_be_added_and_left_out(server, there, number):
    server.control.sms(CALLER, number, "x", extra={"NewField": "1", "ApiVersion": None})
    (form,) = there.forms("/sms")
    assert (form["NewField"], "ApiVersion" in form) == ("1", False)


# --- Retries, fallback, failures


def tokens(there, path):
    return [
        headers["I-Twilio-Idempotency-Token"] for _, asked, _, headers, _ in there.requests if asked == path
    ]


@pytest.mark.parametrize(
    "case",
    [
        ("", 503, 1),
        ("#rc=3&rp=5xx", 503, 4),
        ("#rc=2&rp=4xx,rt", 503, 1),
        ("#rc=2&rp=4xx,rt", 404, 3),
        ("#rc=5&rp=all", 500, 6),
        ("#rc=0&rp=all", 500, 1),
        ("#rc=1&rp=all", None, 2),
        ("#rc=1&rp=5xx", None, 1),
    ],
)
def test_it_tries_again_as_the_fragment_says(server, there, number, case):
    fragment, status, sent = case
    there.answer("/sms", "", status=status)
    configure(server, number, SmsUrl=there.url + "/sms" + fragment)
    outcome = server.control.sms(CALLER, number, "x")
    assert len(there.forms("/sms")) == sent
    assert len(set(tokens(there, "/sms"))) == 1
    expected = "11205" if status is None else "11217"
    assert alerts(server, outcome["sid"]) == [(expected, "error")]


def test_a_retry_that_succeeds_is_all_it_takes(server, there, number):
    there.answers["/voice"] = [(503, "", "text/xml", {}), (200, str(VoiceResponse()), "text/xml", {})]
    configure(server, number, VoiceUrl=there.url + "/voice#rc=2&rp=5xx")
    outcome = server.control.call(CALLER, number)
    assert (len(tokens(there, "/voice")), len(set(tokens(there, "/voice")))) == (2, 1)
    assert (outcome["status"], alerts(server, outcome["sid"])) == ("completed", [])


def test_by_default_a_connection_that_fails_is_tried_again_once(server, number):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{probe.getsockname()[1]}/"
        configure(server, number, SmsUrl=closed)
        outcome = server.control.sms(CALLER, number, "x")
    assert [sent["error"] for sent in outcome["deliveries"]] == [11202, 11202]


def test_it_gives_up_after_the_time_that_the_fragment_allows(server, there, number):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        configure(server, number, SmsUrl=url + "#rt=100&rc=5&rp=rt&tt=250")
        outcome = server.control.sms(CALLER, number, "x")
    assert 2 <= len(outcome["deliveries"]) <= 3
    assert sum(sent["milliseconds"] for sent in outcome["deliveries"]) < 1500


@pytest.mark.parametrize("fragment", ["ct=99", "rt=15001", "rc=6", "rp=6xx", "sni=x", "e=mars", "tt=x"])
def test_impossible_overrides_are_refused_when_the_url_is_called(server, there, number, fragment):
    with pytest.raises(BadOverrides):
        overrides(f"http://a/#{fragment}")
    configure(server, number, SmsUrl=f"{there.url}/sms#{fragment}")
    outcome = server.control.sms(CALLER, number, "x")
    assert (there.requests, alerts(server, outcome["sid"])) == ([], [("11240", "error")])
    assert (outcome["notified"], "error 11240" in outcome["reason"]) == (False, True)


def test_another_fragment_means_nothing():
    assert overrides("http://a/#top") == overrides("http://a/")


def test_the_fallback_is_asked_what_the_url_could_not_answer(server, there, number):
    there.answer("/voice", "", status=503)
    spare = VoiceResponse()
    spare.say("Please call later.")
    there.answer("/spare", spare)
    configure(server, number, VoiceFallbackUrl=there.url + "/spare")
    outcome = server.control.call(CALLER, number)
    (form,) = there.forms("/spare")
    assert (form["ErrorCode"], form["ErrorUrl"]) == ("11217", there.url + "/voice")
    assert form["CallSid"] == outcome["sid"]
    assert outcome["heard"] == ["Please call later."]


def test_without_a_fallback_the_caller_hears_an_error(server, there, number):
    there.answer("/voice", "", status=500)
    outcome = server.control.call(CALLER, number)
    assert outcome["ended"] == "application error"
    assert "application error" in outcome["heard"][0]
    assert there.forms("/status")[0]["CallStatus"] == "completed"


@pytest.mark.parametrize(
    "case",
    [
        ("", "text/xml", "11770"),
        ("<Response>", "text/xml", "12100"),
        ("<?xml version='2.0'?><Response/>", "text/xml", "12101"),
        ("<Answer/>", "text/xml", "12102"),
        ("<Response/>", "application/json", "12300"),
        ("<Response/>", None, "12300"),
        (f"<Response><Say>{'x' * 70_000}</Say></Response>", "text/xml", "11750"),
    ],
)
def test_a_document_that_is_none_leaves_an_alert(server, there, number, case):
    content, kind, code = case
    there.answer("/voice", content, kind=kind)
    outcome = server.control.call(CALLER, number)
    assert alerts(server, outcome["sid"]) == [(code, "error")]
    sid = server.request("GET", "/v1/Alerts", PageSize="1").json()["alerts"][0]["sid"]
    alert = server.request("GET", f"/v1/Alerts/{sid}").json()
    assert dict(parse_qsl(alert["request_variables"]))["CallSid"] == outcome["sid"]
    assert (alert["request_url"], alert["response_body"]) == (there.url + "/voice", content[:65_536])


def test_unknown_elements_and_attributes_are_warnings(server, there, number):
    there.answer("/voice", '<Response><Sing/><Say tone="high">Hi</Say><!-- a --></Response>')
    outcome = server.control.call(CALLER, number)
    assert outcome["heard"] == ["Hi"]
    assert alerts(server, outcome["sid"]) == [("12200", "warning")]
    listed = server.request("GET", "/v1/Alerts", PageSize="1").json()["alerts"]
    assert listed[0]["alert_text"] == "Element Sing is not known here; Attribute tone is not allowed in Say"


def test_plain_text_is_read_aloud_and_sound_is_played(server, there, number):
    there.answer("/voice", "Good day", kind="text/plain")
    assert server.control.call(CALLER, number)["heard"] == ["Good day"]
    there.answer("/voice", "...", kind="audio/mpeg")
    assert server.control.call(CALLER, number)["heard"] == [f"[{there.url}/voice]"]


def test_a_redirect_of_http_loses_the_parameters(server, there, number):
    there.answer("/voice", "", status=302, Location="/there")
    there.answer("/there", VoiceResponse())
    server.control.call(CALLER, number)
    assert there.requests[1][0:3] == ("GET", "/there", {})


def test_a_circle_of_redirects_ends(server, there, number):
    there.answer("/sms", "", status=307, Location="/sms")
    outcome = server.control.sms(CALLER, number, "x")
    assert len(there.requests) == 11
    assert alerts(server, outcome["sid"]) == [("11215", "error")]


def test_a_status_callback_that_fails_is_a_warning(server, there, number):
    there.answer("/voice", VoiceResponse())
    there.answer("/status", "", status=500)
    outcome = server.control.call(CALLER, number)
    assert alerts(server, outcome["sid"]) == [("15003", "warning")]


# --- Verbs


def menu():
    answer = VoiceResponse()
    gather = answer.gather(action="/menu", num_digits=2, timeout=4)
    gather.say("Press two keys.")
    answer.say("You pressed nothing.")
    return answer


@pytest.mark.parametrize(
    ("keys", "digits"), [("12", "12"), ("123", "12"), ("1#", "1"), ("#", None), ("", None)]
)
def test_gather_asks_for_digits(server, there, number, keys, digits):
    there.answer("/voice", menu())
    there.answer("/menu", VoiceResponse())
    outcome = server.control.call(CALLER, number, digits=[keys])
    assert [form["Digits"] for form in there.forms("/menu")] == ([digits] if digits else [])
    assert ("You pressed nothing." in outcome["heard"]) is (digits is None)
    assert all(form["CallStatus"] == "in-progress" for form in there.forms("/menu"))


def test_gather_can_report_that_there_was_nothing_and_can_listen(server, there, number):
    answer = VoiceResponse()
    answer.gather(action="/menu", action_on_empty_result=True)
    there.answer("/voice", answer)
    there.answer("/menu", VoiceResponse())
    server.control.call(CALLER, number)
    assert there.forms("/menu")[0]["Digits"] == ""
    answer = VoiceResponse()
    answer.gather(action="/menu", input="speech dtmf")
    there.answer("/voice", answer)
    server.control.call(CALLER, number, speech=["sales please"])
    assert there.forms("/menu")[1]["SpeechResult"] == "sales please"


def test_record_keeps_silence_and_says_where(server, there, number):
    answer = VoiceResponse()
    answer.record(action="/done", recording_status_callback="/recording", max_length=30)
    answer.say("Never reached.")
    there.answer("/voice", answer)
    there.answer("/done", VoiceResponse())
    outcome = server.control.call(CALLER, number, record_seconds=7)
    assert there.paths() == ["/voice", "/done", "/recording", "/status"]
    (done,), (told,) = there.forms("/done"), there.forms("/recording")
    assert (done["RecordingDuration"], told["RecordingStatus"], told["RecordingSource"]) == (
        "7",
        "completed",
        "RecordVerb",
    )
    assert "From" not in told
    assert outcome["heard"] == []
    url = done["RecordingUrl"]
    assert requests.get(url, timeout=5).status_code == 401
    credentials = (SETTINGS.account_sid, SETTINGS.auth_token)
    sound = requests.get(url, auth=credentials, timeout=5)
    assert sound.headers["Content-Type"] == "audio/x-wav"
    with wave.open(io.BytesIO(sound.content)) as file:
        assert file.getnframes() / file.getframerate() == 7
    assert requests.get(url + ".mp3", auth=credentials, timeout=5).headers["Content-Type"] == "audio/mpeg"
    two = requests.get(url, params={"RequestedChannels": "2"}, auth=credentials, timeout=5)
    assert two.status_code == 400
    listed = server.request("GET", "Recordings.json", CallSid=outcome["sid"]).json()["recordings"]
    assert [one["sid"] for one in listed] == outcome["recordings"] == [told["RecordingSid"]]


def test_a_caller_who_hangs_up_while_recorded_is_reported_to_the_action(server, there, number):
    answer = VoiceResponse()
    answer.record(action="/done", recording_status_callback="/recording")
    there.answer("/voice", answer)
    outcome = server.control.call(CALLER, number, record_seconds=60, hangs_up_after=20)
    assert there.paths() == ["/voice", "/done", "/recording", "/status"]
    (done,) = there.forms("/done")
    assert (done["Digits"], done["RecordingDuration"]) == ("hangup", "20")
    assert (outcome["ended"], outcome["duration"]) == ("caller hung up", 20)


@pytest.mark.parametrize(
    ("finish", "key", "digits"),
    [(None, "#", "#"), ("5", "5", "5"), ("5", "#", None), ("", "#", None), (None, "", None)],
)
def test_a_key_ends_a_recording_and_is_told(server, there, number, *, finish, key, digits):
    answer = VoiceResponse()
    answer.record(action="/done", finish_on_key=finish)
    there.answer("/voice", answer)
    there.answer("/done", VoiceResponse())
    outcome = server.control.call(CALLER, number, record_seconds=7, record_key=key)
    (done,) = there.forms("/done")
    assert (done.get("Digits"), done["RecordingDuration"]) == (digits, "7")
    assert outcome["duration"] == (7 if digits else 12), "else five seconds of silence end it"


def test_the_callers_name_is_what_a_lookup_finds(server, there, number):
    there.answer("/voice", VoiceResponse())
    server.control.call(CALLER, number, caller_name="ANN")
    assert "CallerName" not in there.forms("/voice")[0]
    configure(server, number, VoiceCallerIdLookup="true")
    server.control.call(CALLER, number, caller_name="ANN")
    assert [form["CallerName"] for form in (there.forms("/voice")[1], there.forms("/status")[1])] == [
        "ANN"
    ] * 2


def test_an_action_that_fails_after_the_caller_is_gone_leaves_an_alert(server, there, number):
    there.answer("/voice", "<Response><Record action='/done'/></Response>")
    there.answer("/done", "", status=500)
    outcome = server.control.call(CALLER, number, record_seconds=60, hangs_up_after=20)
    assert alerts(server, outcome["sid"]) == [("11217", "error")]


def test_a_caller_who_says_nothing_leaves_a_recording_that_is_absent(server, there, number):
    answer = VoiceResponse()
    answer.record(
        action="/done",
        recording_status_callback="/recording",
        recording_status_callback_event="in-progress absent",
    )
    there.answer("/voice", answer)
    there.answer("/done", VoiceResponse())
    outcome = server.control.call(CALLER, number, record_seconds=0)
    states = [(form["RecordingStatus"], form.get("ErrorCode")) for form in there.forms("/recording")]
    assert states == [("in-progress", None), ("absent", "16101")]
    (listed,) = server.request("GET", "Recordings.json", CallSid=outcome["sid"]).json()["recordings"]
    assert (listed["status"], listed["error_code"]) == ("absent", 16101)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [("answered", "completed"), ("busy", "busy"), ("no-answer", "no-answer"), ("failed", "failed")],
)
def test_dial_calls_somebody_and_reports_what_became_of_it(server, there, number, outcome, status):
    answer = VoiceResponse()
    answer.dial("+14155550199", action="/dialled", timeout=20)
    there.answer("/voice", answer)
    there.answer("/dialled", VoiceResponse())
    result = server.control.call(CALLER, number, dial=[outcome], dial_seconds=42)
    (form,) = there.forms("/dialled")
    assert form["DialCallStatus"] == status
    assert form.get("DialCallDuration") == ("42" if outcome == "answered" else None)
    legs = server.request("GET", "Calls.json", ParentCallSid=result["sid"]).json()["calls"]
    assert [(leg["sid"], leg["to"], leg["direction"]) for leg in legs] == [
        (form["DialCallSid"], "+14155550199", "outbound-dial")
    ]


def test_dial_goes_on_without_an_action_and_reports_the_legs_events(server, there, number):
    answer = VoiceResponse()
    dial = answer.dial(record="record-from-answer-dual", recording_status_callback="/recording")
    dial.number("+14155550199", status_callback="/leg", status_callback_event="initiated answered completed")
    answer.say("Goodbye.")
    there.answer("/voice", answer)
    outcome = server.control.call(CALLER, number, dial=["answered"])
    assert outcome["heard"] == ["Goodbye."]
    events = [(form["CallStatus"], form["SequenceNumber"]) for form in there.forms("/leg")]
    assert events == [("initiated", "0"), ("in-progress", "1"), ("completed", "2")]
    assert there.paths() == ["/voice", "/leg", "/leg", "/leg", "/recording", "/status"]
    (told,), *_, ended = there.forms("/recording"), *there.forms("/leg")
    assert told["RecordingChannels"] == "2"
    assert (ended["RecordingSid"], ended["RecordingUrl"]) == (told["RecordingSid"], told["RecordingUrl"])


@pytest.mark.parametrize(
    ("became", "code"), [("answered", "200"), ("busy", "486"), ("no-answer", "480"), ("failed", "404")]
)
def test_who_is_dialled_is_reported_with_its_own_numbers_and_its_end(server, there, number, became, code):
    answer = VoiceResponse()
    dial = answer.dial(caller_id=number)
    dial.number("+14155550199", status_callback="/leg", status_callback_event="ringing completed")
    there.answer("/voice", answer)
    server.control.call(CALLER, number, dial=[became], dial_seconds=9)
    ringing, ended = there.forms("/leg")
    assert {(form["From"], form["Caller"], form["To"]) for form in (ringing, ended)} == {
        (number, number, "+14155550199")
    }
    assert ("SipResponseCode" in ringing, ended["SipResponseCode"]) == (False, code)
    assert ended["CallDuration"] == ("9" if became == "answered" else "0")


@pytest.mark.parametrize(("reason", "status"), [("rejected", "no-answer"), ("busy", "busy")])
def test_reject_as_the_first_verb_answers_nothing_and_costs_nothing(server, there, number, reason, status):
    answer = VoiceResponse()
    answer.reject(reason=reason)
    there.answer("/voice", answer)
    before = server.account["balance"]
    outcome = server.control.call(CALLER, number)
    assert (outcome["status"], outcome["duration"]) == (status, 0)
    assert there.forms("/status")[0]["CallStatus"] == status
    assert server.account["balance"] == before


def test_a_first_pause_delays_the_answer(server, there, number):
    there.answer("/voice", '<Response><Pause length="10"/><Say>Hi</Say></Response>')
    outcome = server.control.call(CALLER, number, hangs_up_after=5)
    assert (outcome["status"], outcome["heard"]) == ("no-answer", [])


def test_redirect_and_play_know_relative_urls(server, there, number):
    there.answer("/voice", "<Response><Redirect>next/one</Redirect><Say>Never</Say></Response>")
    there.answer("/next/one", "<Response><Play>../tune.mp3</Play></Response>")
    outcome = server.control.call(CALLER, number)
    assert outcome["heard"] == [f"[{there.url}/tune.mp3]"]


def test_a_document_that_leads_to_itself_ends_too(server, there, number):
    there.answer("/voice", "<Response><Redirect/></Response>")
    outcome = server.control.call(CALLER, number)
    assert outcome["ended"] == "too many documents"


def test_a_hundred_calls_at_once_each_go_their_own_way(server, there, number):
    there.answer("/voice", menu())
    there.answer("/menu", "<Response><Redirect>/again</Redirect></Response>")
    there.answer("/again", VoiceResponse())

    def call(key):
        return server.control.call(f"+65912345{key:02}", number, digits=[f"{key:02}"])

    with ThreadPoolExecutor(100) as pool:
        outcomes = list(pool.map(call, range(100)))
    assert len({outcome["sid"] for outcome in outcomes}) == 100
    pressed = {form["From"]: form["Digits"] for form in there.forms("/menu")}
    assert pressed == {f"+65912345{key:02}": f"{key:02}" for key in range(100)}
    assert {outcome["status"] for outcome in outcomes} == {"completed"}


def test_a_number_that_calls_nobody_says_why(server, there, number):
    assert "is not a number" in server.control.call(CALLER, "+14155550100")["reason"]
    configure(server, number, VoiceUrl="", SmsUrl="")
    assert "has no voice_url" in server.control.call(CALLER, number)["reason"]
    outcome = server.control.sms(CALLER, number, "x")
    assert (outcome["notified"], "has no sms_url" in outcome["reason"]) == (False, True)
    configure(server, number, VoiceReceiveMode="fax", VoiceUrl=there.url + "/voice")
    assert "takes faxes" in server.control.call(CALLER, number)["reason"]
    configure(
        server, number, VoiceReceiveMode="voice", TrunkSid="TK" + "0" * 32, VoiceUrl=there.url + "/voice"
    )
    assert "has a trunk" in server.control.call(CALLER, number)["reason"]
    assert there.requests == []


# --- Messages


def test_a_message_arrives_whole_and_is_listed(server, there, number):
    outcome = server.control.sms(CALLER, number, "x" * 400)
    (form,) = there.forms("/sms")
    assert form["MessageSid"] == form["SmsSid"] == form["SmsMessageSid"] == outcome["sid"]
    assert (form["Body"], form["NumSegments"], form["NumMedia"]) == ("x" * 400, "3", "0")
    assert form["SmsStatus"] == "received"
    message = server.request("GET", f"Messages/{outcome['sid']}.json").json()
    assert (message["direction"], message["status"], message["price"]) == ("inbound", "received", "-0.0225")


def test_media_are_linked_and_served_behind_the_credentials(server, there, number):
    outcome = server.control.sms(CALLER, number, media=["image/png", "application/pdf"])
    (form,) = there.forms("/sms")
    assert outcome["sid"].startswith("MM")
    assert (form["NumMedia"], form["MediaContentType1"]) == ("2", "application/pdf")
    url = form["MediaUrl0"]
    assert requests.get(url, timeout=5).status_code == 401
    file = requests.get(url, auth=(SETTINGS.api_key, SETTINGS.api_secret), timeout=5)
    assert (file.headers["Content-Type"], file.content[:4]) == ("image/png", b"\x89PNG")
    listed = server.request("GET", f"Messages/{outcome['sid']}/Media.json").json()["media_list"]
    assert [one["content_type"] for one in listed] == ["image/png", "application/pdf"]
    sid = listed[0]["sid"]
    assert server.request("DELETE", f"Messages/{outcome['sid']}/Media/{sid}.json").status_code == 204
    assert requests.get(url, auth=(SETTINGS.api_key, SETTINGS.api_secret), timeout=5).status_code == 404


def test_what_a_document_answers_is_sent_and_reported(server, there, number):
    answer = MessagingResponse()
    answer.message("Thank you", status_callback="/sent")
    second = answer.message()
    second.body("Bye")
    there.answer("/sms", answer)
    outcome = server.control.sms(CALLER, number, "x")
    assert [(reply["to"], reply["body"]) for reply in outcome["replies"]] == [
        (CALLER, "Thank you"),
        (CALLER, "Bye"),
    ]
    assert [form["MessageStatus"] for form in there.forms("/sent")] == ["sent", "delivered"]
    reply = server.request("GET", f"Messages/{outcome['replies'][0]['sid']}.json").json()
    assert (reply["direction"], reply["from"]) == ("outbound-reply", number)


@pytest.mark.parametrize(
    ("status", "content", "kind", "code"),
    [
        (204, "", None, None),
        (200, "<Response/>", "text/xml", None),
        (200, "", "text/plain", "11770"),
        (200, "OK", "text/plain", "12200"),
        (200, "<Response><Message>Hi</Message></Response>", "text/xml", "12200"),
        (200, "{}", "application/json", "12300"),
        (200, "<html></html>", "text/html", "12102"),
        (500, "", "text/xml", "15003"),
    ],
)
def test_a_report_of_a_message_takes_no_answer_but_an_empty_one(
    server, there, number, *, status, content, kind, code
):
    there.answer("/sms", "<Response><Message statusCallback='/sent'>Hi</Message></Response>")
    there.answer("/sent", content, status=status, kind=kind)
    (reply,) = server.control.sms(CALLER, number, "x")["replies"]
    assert alerts(server, reply["sid"]) == ([(code, "warning")] * 2 if code else [])


def test_cookies_are_of_two_who_write_to_each_other_and_last_four_hours(server, there, number):
    there.answer("/sms", MessagingResponse(), Set_Cookie="step=1")

    def cookie(sender):
        server.control.sms(sender, number, "x")
        return there.requests[-1][3].get("Cookie")

    assert [cookie(CALLER), cookie(CALLER), cookie("+6590000001")] == [None, "step=1", None]
    server.control.advance(3.9 / 24)
    assert cookie(CALLER) == "step=1"
    server.control.advance(4.1 / 24)
    assert cookie(CALLER) is None


def test_no_message_is_longer_than_what_arrives(server, there, number):
    server.control.sms(CALLER, number, "x" * 1600)
    with pytest.raises(ControlError, match="1600 characters"):
        server.control.sms(CALLER, number, "x" * 1601)


@pytest.mark.parametrize("content", ["<Response/>", "<Response></Response>"])
def test_an_empty_document_answers_nothing(server, there, number, content):
    there.answer("/sms", content)
    outcome = server.control.sms(CALLER, number, "x")
    assert (outcome["replies"], alerts(server, outcome["sid"])) == ([], [])


def test_plain_text_is_sent_back_and_a_redirect_is_followed(server, there, number):
    there.answer("/sms", "<Response><Redirect>/other</Redirect></Response>")
    there.answer("/other", "OK", kind="text/plain")
    outcome = server.control.sms(CALLER, number, "x")
    assert [reply["body"] for reply in outcome["replies"]] == ["OK"]
    assert there.forms("/other")[0]["Body"] == "x"


def test_a_message_has_a_fallback_too(server, there, number):
    there.answer("/sms", "", status=500)
    configure(server, number, SmsFallbackUrl=there.url + "/spare")
    there.answer("/spare", MessagingResponse())
    server.control.sms(CALLER, number, "x")
    assert there.forms("/spare")[0]["ErrorCode"] == "11217"


@pytest.fixture
def in_service(server, number):
    """Put the number into a messaging service; returns the service's SID."""

    def put(**settings):
        service = server.request("POST", "/v1/Services", FriendlyName="Shop", **settings).json()["sid"]
        listed = server.request("GET", "IncomingPhoneNumbers.json", PhoneNumber=number).json()
        sid = listed["incoming_phone_numbers"][0]["sid"]
        assert server.request("POST", f"/v1/Services/{service}/PhoneNumbers", PhoneNumberSid=sid).ok
        return service

    return put


def test_a_messaging_service_takes_its_numbers_messages(server, there, number, in_service):
    sid = in_service(InboundRequestUrl=there.url + "/service", FallbackUrl=there.url + "/spare")
    there.answer("/service", "", status=503)
    there.answer("/spare", "OK", kind="text/plain")
    outcome = server.control.sms(CALLER, number, "x")
    assert there.paths() == ["/service", "/spare"]
    assert {form["MessagingServiceSid"] for _, _, form, _, _ in there.requests} == {sid}
    assert [reply["body"] for reply in outcome["replies"]] == ["OK"]
    listed = server.request("GET", f"Messages/{outcome['sid']}.json").json()
    assert listed["messaging_service_sid"] == sid


def test_a_messaging_service_without_a_url_receives_and_logs_nothing(server, there, number, in_service):
    sid, before = in_service(), server.account["balance"]
    outcome = server.control.sms(CALLER, number, "x")
    assert "messaging service" in outcome["reason"]
    assert server.request("GET", "Messages.json", To=number).json()["messages"] == []
    assert (there.requests, server.account["balance"]) == ([], before)
    assert server.request("POST", f"/v1/Services/{sid}", UseInboundWebhookOnNumber="true").ok
    server.control.sms(CALLER, number, "x")
    (form,) = there.forms("/sms")
    assert form["MessagingServiceSid"] == sid


def test_a_repeated_request_keeps_its_token(server, there, number):
    there.answer("/sms", MessagingResponse())
    server.control.sms(CALLER, number, "x", duplicate=3)
    assert (len(tokens(there, "/sms")), len(set(tokens(there, "/sms")))) == (3, 1)


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        ({"to": "x"}, "to must be a telephone number"),
        ({"dial": ["perhaps"]}, "dial must be a list of"),
        ({"hold": 3}, "There is no field hold"),
        ({"unsigned": True, "own_key": True}, "has no key"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(server, order, sentence):
    body = json.dumps({"from": CALLER, "to": "+14155550100"} | order)
    answer = requests.post(f"{server.url}/control/calls", data=body, timeout=5)
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]


def test_the_command_line_makes_things_arrive(server, there, number):
    there.answer("/voice", menu())
    there.answer("/menu", VoiceResponse())
    there.answer("/sms", MessagingResponse())
    ends = ("--simulator", server.url, "--from", CALLER, "--to", number)

    def run(*arguments):
        return CliRunner().invoke(command_line.main, ["--provider", "twilio", *arguments])

    call = run("call", *ends, "--digits", "12")
    assert (call.exit_code, call.stdout.count(": HTTP 200 after ")) == (0, 2)
    assert run("sms", *ends, "--text", "hi", "--media", "image/png", "--extra", "a=b").exit_code == 0
    assert there.forms("/menu")[0]["Digits"] == "12"
    assert there.forms("/sms")[0]["a"] == "b"


def test_the_command_line_fails_only_for_what_nobody_took_in_the_end(server, there):
    def call(path, fallback="", **about):
        urls = {"VoiceUrl": f"{there.url}{path}", "VoiceFallbackUrl": fallback}
        number = server.buy(**{name: url for name, url in urls.items() if url})
        options = ("--simulator", server.url, "--from", CALLER, "--to", number)
        result = CliRunner().invoke(command_line.main, ["--provider", "twilio", "call", *options])
        return result.exit_code, re.findall(r": (.*) after \d+ ms", result.stdout)

    there.answer("/fine", VoiceResponse())
    there.answers["/once"] = [(503, "", "text/xml", {}), *there.answers["/fine"]]
    assert call("/once#rc=1&rp=5xx") == (0, ["HTTP 503", "HTTP 200"])
    there.answer("/moved", "", status=302, Location="/fine")
    assert call("/moved") == (0, ["HTTP 302", "HTTP 200"])
    there.answer("/broken", "", status=500)
    assert call("/broken", fallback=f"{there.url}/fine") == (0, ["HTTP 500", "HTTP 200"])
    assert call("/broken", fallback=f"{there.url}/broken") == (1, ["HTTP 500", "HTTP 500"])
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}/"
    assert call("/broken", fallback=nobody) == (1, ["HTTP 500", *["connection refused"] * 2])
