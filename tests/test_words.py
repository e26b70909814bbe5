"""What is said of an event, by chat and by mail."""

from dataclasses import dataclass
from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import pytest
from said import AT, THEM, US, a_parcel

from receiver.relay.words import clock, say
from receiver.vocabulary.kinds import CallOutcome


@dataclass
class Ended:
    """What is read of a call that ended."""

    outcome: CallOutcome
    duration: int | None = None
    contact: str | None = None
    started_at = AT


def said(type: str = "sms.received", call=None, **given):
    return say(a_parcel(type, **given), call, UTC, AT)


@pytest.mark.parametrize(
    ("type", "given", "headline"),
    [
        ("sms.received", {"text": "hi"}, f"SMS from {THEM} to {US}, 10:12 UTC"),
        ("sms.received", {"contact": "Anna\x1b Tan"}, f"SMS from Anna\\x1b Tan ({THEM}) to {US}, 10:12 UTC"),
        ("fax.received", {"fax_pages": 3}, f"Fax from {THEM} to {US}, 3 pages, 10:12 UTC"),
        ("fax.received", {"fax_pages": 1}, f"Fax from {THEM} to {US}, 1 page, 10:12 UTC"),
        ("fax.received", {}, f"Fax from {THEM} to {US}, 10:12 UTC"),
        ("fax.failed", {"fax_error_code": "busy"}, f"Failed fax from {THEM} to {US}, error busy, 10:12 UTC"),
        ("call.ringing", {}, f"Call from {THEM} to {US}, ringing, 10:12 UTC"),
        ("call.ongoing", {"ivr_block": "dial"}, f"Call from {THEM} to {US}, dial, 10:12 UTC"),
        (
            "call.ongoing",
            {"provider": "twilio", "ivr_block": "transcription", "text": "Call me."},
            f"Voicemail from {THEM} to {US}, transcribed, 10:12 UTC",
        ),
        (
            "call.ongoing",
            {"provider": "twilio", "ivr_block": "transcription"},
            f"Call from {THEM} to {US}, transcription, 10:12 UTC",
        ),
        ("call.ongoing", {"ivr_block": "new"}, f"Call from {THEM} to {US}, going on, 10:12 UTC"),
        ("call.ended", {"sender": None}, f"Call from an unknown number to {US}, ended, 10:12 UTC"),
        ("unknown", {}, f"Report about an SMS from {THEM} to {US}, 10:12 UTC"),
        (
            "unknown",
            {"recipient": None, "problems": ["To: missing"]},
            f"SMS that could not be read from {THEM}, 10:12 UTC",
        ),
        ("sms.received", {"test": True}, f"Test: SMS from {THEM} to {US}, 10:12 UTC"),
        ("sms.received", {"replayed": True}, f"Sent again: SMS from {THEM} to {US}, 10:12 UTC"),
        ("sms.received", {"quarantine": "why"}, f"Not verified: SMS from {THEM} to {US}, 10:12 UTC"),
    ],
)
def test_a_line_says_what_happened(type, given, headline):
    assert said(type, **given).headline == headline


@pytest.mark.parametrize(
    ("outcome", "duration", "headline"),
    [
        (CallOutcome.MISSED, None, f"Missed call from {THEM} to {US}, 10:12 UTC"),
        (CallOutcome.NO_ANSWER, None, f"Missed call from {THEM} to {US}, nobody answered, 10:12 UTC"),
        (CallOutcome.VOICEMAIL, None, f"Voicemail from {THEM} to {US}, 10:12 UTC"),
        (CallOutcome.ANSWERED, 3, f"Call from {THEM} to {US}, answered, 3 min, 10:12 UTC"),
    ],
)
def test_the_end_of_a_call_tells_what_became_of_it(outcome, duration, headline):
    assert said("call.ended", Ended(outcome, duration)).headline == headline


def test_every_outcome_has_words():
    for outcome in CallOutcome:
        assert THEM in said("call.ended", Ended(outcome)).headline


def test_times_are_of_the_zone_and_say_which_day_if_that_is_not_today():
    singapore = ZoneInfo("Asia/Singapore")
    assert clock(AT, singapore, AT) == "18:12"
    assert clock(AT, UTC, AT) == "10:12 UTC"
    assert clock(AT, singapore, AT + timedelta(hours=6)) == "26 Nov, 18:12"
    assert clock(AT, singapore, AT + timedelta(days=60)) == "26 Nov 2025, 18:12"


def test_what_came_in_stays_in_its_line_and_turns_nothing_around():
    hostile = said(sender="+65\r\nBcc: a@b.c\u202e" + "9" * 99, text="one\r\ntwo\x1b[2J\u202eevil")
    assert "\n" not in hostile.headline
    assert "\n" not in hostile.subject
    assert len(hostile.subject) < 60
    assert hostile.text == "one\ntwo\\x1b[2J\\u202eevil"


def test_an_empty_text_is_said_to_be_empty():
    assert said(text="").text == said(text=None).text == "(no text)"
    assert said("unknown", text=None).text is None


def test_what_a_caller_said_is_there_and_no_more():
    assert said("call.ongoing", ivr_block="gather", text="opening\x1b hours").text == "opening\\x1b hours"
    assert said("call.ongoing", ivr_block="gather").text is None
    assert said("fax.received", text="who knows").text is None
