"""What a run of setup is asked for, and what a person settles by hand, apart from any command line."""

from dataclasses import replace
from pathlib import Path

import pytest

from receiver.providers.market import Duration
from receiver.providers.numbers import Routes, SubscribedNumber
from receiver.setup.by_hand import changed
from receiver.setup.journal import SetupError
from receiver.setup.plan import Wish
from receiver.setup.request import RequestError, SetupRequest
from receiver.vocabulary.kinds import Kind

NUMBER = "+6565311237"
HELD = SubscribedNumber(
    NUMBER,
    country="SG",
    capabilities=frozenset({"VOICE", "FAX"}),
    routes=Routes(voice="https://example.com/voice", sms=""),
)


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (SetupRequest(), "Say what to set up"),
        (SetupRequest(numbers=(NUMBER,), country="SG"), "Say what to set up"),
        (SetupRequest(export=True, not_bought=NUMBER), "Say what to set up"),
        (SetupRequest(country="SG", take_over=True), "--take-over needs"),
        (SetupRequest(numbers=(NUMBER,), count=2), "--count needs --country"),
        (SetupRequest(file=Path("x.toml"), duration=Duration.ONE_MONTH), "stand in the file"),
    ],
)
def test_a_request_that_contradicts_itself_is_refused(request_: SetupRequest, sentence: str):
    with pytest.raises(RequestError, match=sentence):
        request_.check(asking=False)


def test_who_is_asked_need_not_say_anything():
    SetupRequest().check(asking=True)
    SetupRequest(country="SG").check(asking=True)


@pytest.mark.parametrize("named", [{"numbers": (NUMBER,)}, {"file": Path("x.toml")}, {"count": 2}])
def test_what_is_named_leaves_nothing_to_ask(named: dict):
    assert SetupRequest(country="SG").is_open
    assert not SetupRequest(**named).is_open


def test_numbers_by_name_are_wishes_for_the_usual_term_unless_said_otherwise():
    assert SetupRequest(numbers=(NUMBER,)).wishes == (Wish(number=NUMBER),)
    asked = SetupRequest(numbers=(NUMBER,), kinds=frozenset({Kind.FAX}), duration=Duration.AUTO_EXTEND)
    assert asked.wishes == (Wish(frozenset({Kind.FAX}), number=NUMBER, duration=Duration.AUTO_EXTEND),)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path):
    path = tmp_path / "numbers.toml"
    path.write_bytes(b"\xff")
    with pytest.raises(SetupError, match=r"numbers\.toml cannot be read: it is not UTF-8 text"):
        _ = SetupRequest(file=path).wishes


def test_a_number_keeps_what_is_not_changed():
    assert changed(HELD, {Kind.VOICE: ""}).routes == Routes(voice="", sms="")
    assert changed(HELD, {Kind.FAX: "https://a.example/"}).routes == Routes(fax="https://a.example/", sms="")


@pytest.mark.parametrize("kind", [Kind.SMS, Kind.FAX])
def test_a_number_is_not_asked_for_what_it_cannot(kind: Kind):
    held = replace(HELD, capabilities=frozenset({"VOICE"}))
    with pytest.raises(SetupError, match="cannot"):
        changed(held, {kind: "https://example.com/x"})
