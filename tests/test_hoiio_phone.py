"""Hoiio's side of answering calls: markup, requests over real HTTP, and what notifications tell."""

from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from receiving import Receiving

from receiver.providers import errors
from receiver.providers.forms import read_parameters
from receiver.providers.hoiio.ivr import HoiioCalls
from receiver.providers.hoiio.notifications import read_notification
from receiver.providers.hoiio.phone import HoiioPhone
from receiver.providers.hoiio.provider import HOIIO
from receiver.providers.hoiio.spoken import LONGEST, spoken
from receiver.providers.phone import CallOver, NotNow, Occupied
from receiver.simulator.hoiio.server import SimulatorServer
from receiver.simulator.hoiio.settings import Settings
from receiver.vocabulary.answering import (
    CallerHungUp,
    Dial,
    DialEnded,
    DialOutcome,
    Gather,
    HangUp,
    NoInput,
    Pressed,
    Record,
    Recorded,
    Say,
    Sound,
    Speech,
    StepDone,
)
from receiver.vocabulary.kinds import Kind

HELLO = Speech("Hello", "en")
ANY_TEXT = st.text(st.sampled_from("<>&\"'aé你 \n\x00\x7f\ufffe"), max_size=900)


@settings(max_examples=40)
@given(ANY_TEXT, st.sampled_from(["zh-HK", "de", 'x"><url>']))
def test_a_text_stays_a_text_in_its_markup(text, language):
    msg = spoken(Speech(text, language))
    (speech,) = ET.fromstring(f"<msg>{msg}</msg>")  # noqa: S314  # ours
    assert (speech.tag, speech.get("language"), len(speech)) == ("speech", language, 0)
    assert len(msg) <= LONGEST
    said = "".join(one if one.isprintable() else " " for one in text)
    assert said.startswith(speech.text or "")
    assert len(said) > LONGEST / 5 or said == (speech.text or "")


@settings(max_examples=40)
@given(ANY_TEXT)
def test_english_goes_without_marks(text):
    msg = spoken(Speech(text, "en"))
    assert len(msg) <= LONGEST
    assert not set(msg) & {"<", ">", "&"}


def test_a_sound_is_played_by_its_address():
    assert (
        spoken(Sound("https://x.example/a.mp3?b=1&c=2")) == "<url>https://x.example/a.mp3?b=1&amp;c=2</url>"
    )
    assert spoken(None) == ""


@pytest.mark.parametrize(
    ("form", "happening"),
    [
        ("ivr_block=gather&call_state=ongoing&digits=12%23", Pressed(3, "12")),
        ("ivr_block=gather&call_state=ongoing&digits=", NoInput(3)),
        ("ivr_block=gather&call_state=ongoing", NoInput(3)),
        ("call_state=ongoing&digits=4", Pressed(3, "4")),
        ("ivr_block=record&call_state=ongoing&record_url=http://x/1", Recorded(3)),
        ("call_state=ongoing&record_url=http://x/1", Recorded(3)),
        ("ivr_block=play&call_state=ongoing", StepDone(3)),
        ("ivr_block=transfer&call_state=ongoing&transfer_status=busy", DialEnded(3, DialOutcome.BUSY)),
        (
            "ivr_block=transfer&call_state=ongoing&transfer_status=unanswered",
            DialEnded(3, DialOutcome.NO_ANSWER),
        ),
        ("call_state=ongoing&transfer_status=failed", DialEnded(3, DialOutcome.FAILED)),
        ("ivr_block=transfer&call_state=ongoing&transfer_status=ongoing", None),
        ("ivr_block=transfer&call_state=ended&transfer_status=answered", DialEnded(3, DialOutcome.ANSWERED)),
        ("ivr_block=transfer&call_state=ended&transfer_status=busy", CallerHungUp()),
        ("ivr_block=record&call_state=ended&record_url=http://x/1", CallerHungUp()),
        ("ivr_block=gather&call_state=ended", CallerHungUp()),
        ("ivr_block=hangup&call_state=ended", CallerHungUp()),
        ("ivr_block=answer&call_state=ringing", None),
        ("ivr_block=monitor&call_state=ongoing", None),
    ],
)
def test_what_a_notification_tells(form, happening):
    parameters = read_parameters(b"", f"session=S1&txn_ref=T1&{form}".encode(), "")
    said = read_notification(Kind.VOICE, parameters)
    assert HoiioPhone(HoiioCalls).happening(said, parameters, 3) == happening


@pytest.fixture(scope="module")
def simulator():
    with SimulatorServer(Settings(rate_limit=0, resolve_hosts=False)) as running:
        yield running


@pytest.fixture
def calls(simulator):
    return HoiioCalls("sim-app", "sim-token", simulator.open_url)


@pytest.fixture
def ringing(simulator):
    """Begin calls; each is over, and tells its course, when its caller hangs up or is hung up."""
    with Receiving() as there, ThreadPoolExecutor(4) as pool:
        number = simulator.subscribe(forward_to=there.url)

        def ring(**options):
            before = len(there.got)
            course = pool.submit(simulator.control.call, "+6591234567", number, **{"hold": 20} | options)
            form = read_parameters(b"", there.wait_for(before + 1)[before].body, "")
            return form.first("session"), course

        yield ring


def end(simulator, session: str) -> None:
    """End a call, whatever it is at."""
    assert simulator.request("ivr/end/hangup", session=session, force="enabled")["status"] == "success_ok"


def test_every_instruction_becomes_a_request(simulator, ringing, calls):
    phone = HoiioPhone(lambda: calls)
    for instruction, step in [
        (Say(HELLO), {"step": "play", "msg": "Hello"}),
        (
            Gather(HELLO, 2, 7),
            {"step": "gather", "msg": "Hello", "max_digits": "2", "timeout": "7", "attempts": "1"},
        ),
        (
            Dial("+6562220002", 20, HELLO),
            {"step": "transfer", "msg": "Hello", "dest": "+6562220002", "on_failure": "continue"},
        ),
        (Record(30, None, HELLO), {"step": "record", "msg": "Hello", "max_duration": "30"}),
        (HangUp(), {"step": "hangup"}),
    ]:
        session, course = ringing()
        phone.request(session, instruction, "http://127.0.0.1:9/next")
        if step["step"] != "hangup":
            end(simulator, session)
        assert course.result(30)["way"][0] == step


def test_errors_say_whether_to_ask_again(simulator, ringing, calls):
    phone = HoiioPhone(lambda: calls)
    session, course = ringing(block_seconds=20)
    phone.request(session, Say(HELLO), "http://127.0.0.1:9/next")
    with pytest.raises(Occupied):
        phone.request(session, Say(HELLO), "http://127.0.0.1:9/next")
    for fault in ("error-500", "garbage", "lost-answer", "status:error_rate_limit_exceeded"):
        simulator.control.fault("ivr/middle/play", fault)
        with pytest.raises(NotNow):
            phone.request(session, Say(HELLO), "http://127.0.0.1:9/next")
    with pytest.raises(errors.Refused, match=r"does not speak this language"):
        phone.request(session, Say(Speech("Hello", "en-latin")), "http://127.0.0.1:9/next")
    end(simulator, session)
    course.result(30)
    for gone in (session, "S0"):
        with pytest.raises(CallOver):
            phone.request(gone, HangUp(), "http://127.0.0.1:9/next")


@pytest.mark.parametrize(
    ("sign", "lengths"),
    [
        ("a", (160, 161, 306, 307, 459, 460)),
        *((sign, (80, 81, 153, 154, 229, 230)) for sign in "[\n~€"),
        ("谢", (70, 71, 134, 135, 201, 202)),
    ],
)
def test_it_is_known_in_how_many_sms_a_text_is_sent(simulator, calls, sign, lengths):
    for length, expected in zip(lengths, (1, 2, 2, 3, 3, None), strict=True):
        assert HOIIO.sent_as(sign * length) == expected
        if expected is None:
            with pytest.raises(errors.Refused, match="longer than three messages"):
                calls.send_sms("+6591234567", sign * length)
        else:
            calls.send_sms("+6591234567", sign * length)
            assert simulator.account["ledger"][-1]["detail"].split()[0] == str(expected)


def test_an_sms_of_unknown_fate_is_not_sent_again(simulator, calls):
    phone = HoiioPhone(lambda: calls)
    phone.reply("+6561234567", "+6591234567", "Thank you")
    simulator.control.fault("sms/send", "status:error_rate_limit_exceeded")
    with pytest.raises(NotNow):
        phone.reply("+6561234567", "+6591234567", "Thank you")
    simulator.control.fault("sms/send", "lost-answer")
    with pytest.raises(errors.OutcomeUnknown):
        phone.reply("+6561234567", "+6591234567", "Thank you")
