"""What the simulated Twilio makes of answers that are wrong: call or message ends, and an alert says why."""

import gzip
import json
import socket

import pytest
import requests
import twilio_customer
from trickle import trickling
from twilio_customer import SETTINGS, alerts, configure

from receiver.simulator.twilio.talk import Talk

CALLER = "+6591234567"
server, there, number = twilio_customer.server, twilio_customer.there, twilio_customer.number

BAD_URLS = [
    "http://[",
    "//[x",
    "https://h:99999/",
    "http://a/ b",
    "ftp://a/",
    "mailto:a",
    "https://",
]
"""None of them can be called; the first three are refused by Python's own parser."""


def xml(inside):
    return f"<Response>{inside}</Response>"


@pytest.mark.parametrize(
    "encoding", ["foo", "utf-7", "gb2312", "big5", "idna", "hex", "undefined", "cp932", "a" * 1000]
)
def test_a_document_in_an_encoding_that_cannot_be_read_is_no_xml(server, there, number, encoding):
    there.answer("/voice", f"<?xml version='1.0' encoding='{encoding}'?><Response/>")
    outcome = server.control.call(CALLER, number)
    assert (outcome["ended"], outcome["status"]) == ("application error", "completed")
    assert alerts(server, outcome["sid"]) == [("12100", "error")]
    assert there.forms("/status")[0]["CallStatus"] == "completed"


@pytest.mark.parametrize(
    "document",
    [
        "<" * 60_000,
        "<a>" * 20_000,
        "<Response>" + "<Gather>" * 8_000 + "</Gather>" * 0,
        "<!DOCTYPE r [<!ENTITY a '" + "x" * 1000 + "'><!ENTITY b '" + "&a;" * 1000 + "'>]>"
        "<Response><Say>" + "&b;" * 1000 + "</Say></Response>",
        "<!DOCTYPE r [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><Response><Say>&a;</Say></Response>",
        "<Response><Say>&#0;</Say></Response>",
        "<Response>\ufffe\x00</Response>",
        "<Response a='1' a='2'/>",
        "<Response/><Response/>",
    ],
)
def test_a_document_that_is_no_xml_ends_the_call(server, there, number, document):
    there.answer("/voice", document)
    outcome = server.control.call(CALLER, number)
    assert (outcome["ended"], outcome["status"]) == ("application error", "completed")
    assert alerts(server, outcome["sid"]) == [("12100", "error")]


@pytest.mark.parametrize(
    "inside",
    [
        "<Gather>" * 3_000 + "</Gather>" * 3_000,
        "<Say loop='99999999999999999999'>" + "x" * 60_000 + "</Say>",
        f"<Pause length='{'9' * 5000}'/><Dial timeout='-1' timeLimit='1e9'/>",
        "<Record maxLength='0' timeout='x' finishOnKey=''/>",
        "<x:Say xmlns:x='a'>Hi</x:Say>",
        "<Dial></Dial>",
        "<Dial record='true' recordingStatusCallback='/a' recordingStatusCallbackMethod='&#10;'>"
        "<Number statusCallback='/a' statusCallbackMethod='DELETE &#13;&#10;X: y'>1</Number></Dial>",
        f"<Dial callerId='{'x' * 5000}'><Number></Number></Dial>",
        "<Play/><Play digits='x'/><Redirect method='BREW'>%zz</Redirect>",
    ],
)
def test_an_odd_document_ends_in_the_usual_way(server, there, number, inside):
    there.answers["/voice"] = [(200, xml(inside), "text/xml", {}), (200, xml(""), "text/xml", {})]
    outcome = server.control.call(CALLER, number)
    assert outcome["status"] == "completed"
    assert {method for method, *_ in there.requests} <= {"GET", "POST"}
    assert there.forms("/status")[0]["CallStatus"] == "completed"


@pytest.mark.parametrize("url", BAD_URLS)
@pytest.mark.parametrize(
    "inside",
    [
        "<Redirect>{url}</Redirect>",
        "<Gather action='{url}' numDigits='1'/>",
        "<Record action='{url}'/>",
        "<Dial action='{url}'>+6590000000</Dial>",
    ],
)
def test_a_url_that_cannot_be_called_is_an_error_of_the_call(server, there, number, inside, url):
    there.answer("/voice", xml(inside.format(url=url)))
    outcome = server.control.call(CALLER, number, digits=["1"])
    assert (outcome["ended"], outcome["status"]) == ("application error", "completed")
    assert alerts(server, outcome["sid"]) == [("11100", "error")]
    assert there.paths() == ["/voice", "/status"]


def test_the_fallback_url_speaks_for_a_url_that_cannot_be_called(server, there, number):
    there.answer("/voice", xml("<Redirect>http://[</Redirect>"))
    there.answer("/spare", xml("<Say>Please call later.</Say>"))
    configure(server, number, VoiceFallbackUrl=there.url + "/spare")
    assert server.control.call(CALLER, number)["heard"] == ["Please call later."]
    (form,) = there.forms("/spare")
    assert (form["ErrorCode"], form["ErrorUrl"]) == ("11100", "http://[")


@pytest.mark.parametrize("url", BAD_URLS)
def test_a_report_to_a_url_that_cannot_be_called_is_a_warning(server, there, number, url):
    there.answer(
        "/voice",
        xml(
            f"<Dial record='true' recordingStatusCallback='{url}'>"
            f"<Number statusCallback='{url}'>+6590000000</Number></Dial><Play>{url}</Play>"
        ),
    )
    outcome = server.control.call(CALLER, number)
    assert (outcome["ended"], len(outcome["heard"])) == ("end of document", 1)
    assert alerts(server, outcome["sid"]) == [("15003", "warning")] * 2


@pytest.mark.parametrize("url", BAD_URLS)
def test_a_message_survives_urls_that_cannot_be_called(server, there, number, url):
    there.answer("/sms", xml(f"<Message statusCallback='{url}'>Hi</Message><Redirect>{url}</Redirect>"))
    outcome = server.control.sms(CALLER, number, "x")
    assert [reply["body"] for reply in outcome["replies"]] == ["Hi"]
    assert alerts(server, outcome["sid"]) == [("11100", "error")]
    assert alerts(server, outcome["replies"][0]["sid"]) == [("15003", "warning")] * 2
    there.answer("/sms", xml(f"<Message action='{url}'>Hi</Message>"))
    assert alerts(server, server.control.sms(CALLER, number, "x")["sid"]) == [("11100", "error")]


@pytest.mark.parametrize("url", [*BAD_URLS, ""])
def test_a_redirect_to_a_url_that_cannot_be_called_is_a_bad_one(server, there, number, url):
    there.answer("/sms", "", status=307, Location=url)
    outcome = server.control.sms(CALLER, number, "x")
    assert alerts(server, outcome["sid"]) == [("11216", "error")]


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("." * 300, "11100"),
        ("a" * 64 + ".example", "11100"),
        ("a..b", "11100"),
        ("☃☃", "11100"),
        ("☃:x@127.0.0.1:1", "11100"),
        ("%e2%98%83:x@127.0.0.1:1", "11100"),
        ("%", "11100"),
        ("xn--a", "11210"),
        ("nothing.invalid", "11210"),
        ("127.0.0.1:1", "11202"),
    ],
)
def test_a_host_that_is_none_or_not_there_is_told(server, there, number, host, code):
    there.answer("/voice", xml(f"<Redirect>http://{host}/refused</Redirect>"))
    outcome = server.control.call(CALLER, number)
    assert outcome["status"] == "completed"
    assert alerts(server, outcome["sid"]) == [(code, "error")]


@pytest.mark.parametrize("fragment", ["rc=" + "9" * 5000, "tt=" + "0" * 5000, "ct=²", "rt=-1", "rc=1_0"])
def test_overrides_of_any_length_are_only_bad(server, there, number, fragment):
    there.answer("/voice", xml(f"<Redirect>#{fragment[:3000]}</Redirect>"))
    outcome = server.control.call(CALLER, number)
    assert alerts(server, outcome["sid"]) == [("11240", "error")]


def test_a_mistake_of_the_simulator_leaves_no_call_that_goes_on(server, there, number, monkeypatch):
    def mistaken(*_):
        raise RuntimeError("a mistake")

    there.answer("/voice", xml("<Hangup/>"))
    monkeypatch.setattr(Talk, "_execute", mistaken)
    order = json.dumps({"from": CALLER, "to": number})
    assert requests.post(f"{server.url}/control/calls", data=order, timeout=5).status_code == 500
    (form,) = there.forms("/status")
    assert form["CallStatus"] == "completed"
    sid = form["CallSid"]
    listed = requests.get(
        f"{server.account_url}/Calls/{sid}.json",
        auth=(SETTINGS.account_sid, SETTINGS.auth_token),
        timeout=5,
    )
    assert listed.json()["status"] == "completed"


# --- Answers that fill the memory


def test_a_document_with_many_mistakes_leaves_one_alert(server, there, number):
    there.answer("/voice", xml("<a/>" * 16_000))
    assert alerts(server, server.control.call(CALLER, number)["sid"]) == [("12200", "warning")]


def test_the_newest_thousand_alerts_are_kept(server, there, number):
    there.answer("/voice", xml("<Dial><Number statusCallback='x:y'/></Dial>" * 1100))
    outcome = server.control.call(CALLER, number, hangs_up_after=86_400)
    assert len(alerts(server, outcome["sid"])) == 1000


# --- Answers that are no HTTP, or take for ever


@pytest.mark.parametrize(
    ("piece", "status"),
    [
        (b"hello\r\n\r\n", None),
        (b"Connection refused\r\n\r\n", None),
        (b"HTTP/1.1 0 OK\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", None),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 200),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nx", 200),
    ],
)
def test_what_is_no_http_is_a_violation_of_it(server, number, piece, status):
    with trickling(piece) as url:
        configure(server, number, SmsUrl=url)
        outcome = server.control.sms(CALLER, number, "x")
    assert [(sent["status"], sent["error"]) for sent in outcome["deliveries"]] == [(status, 11206)]


def test_an_answer_that_swells_is_read_to_its_limit(server, there, number):
    packed = gzip.compress(bytes(1 << 24), 1)
    with trickling(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + packed, b"") as url:
        configure(server, number, SmsUrl=url)
        (sent,) = server.control.sms(CALLER, number, "x")["deliveries"]
    assert sent["error"] == 11750


@pytest.mark.parametrize(
    ("pieces", "status"),
    [
        ([b"HTTP/1.1 200 OK\r\nX: ", b"x"], 200),
        ([b"H", b""], None),
        ([b"HTTP/1.1 200 OK\r\n\r\n", b"<"], 200),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b" "], 200),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n<\r\n"], 200),
        ([b"HTTP/1.1 503 No\r\nContent-Length: 9999\r\n\r\n", b" "], 503),
    ],
)
def test_an_answer_that_trickles_in_is_cut_off_in_time(server, number, pieces, status):
    with trickling(*pieces) as url:
        configure(server, number, SmsUrl=url + "#tt=400&rc=2&rp=all")
        outcome = server.control.sms(CALLER, number, "x")
    (sent,) = outcome["deliveries"]
    assert (sent["status"], sent["error"]) == (status, 11203)
    assert 140 <= sent["milliseconds"] < 1000
    assert alerts(server, outcome["sid"]) == [("11203", "error")]


def test_a_handshake_that_never_ends_is_cut_off_too(server, number):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        configure(server, number, SmsUrl=url + "#ct=10000&tt=150")
        (sent,) = server.control.sms(CALLER, number, "x")["deliveries"]
    assert (sent["error"], sent["milliseconds"] < 1000) == (11203, True)


def test_a_connection_that_was_kept_is_cut_off_too(server, there, number):
    there.answer("/voice", xml("<Redirect>/slow#tt=150</Redirect>"))
    there.answer("/slow", xml(""))
    there.slow.add("/slow")
    outcome = server.control.call(CALLER, number)
    assert [sent["error"] for sent in outcome["deliveries"]] == [None, 11203, None]
