"""What Twilio's parameters become: fields, typed, or what they came as; what cannot be read is named."""

from pathlib import Path
from urllib.parse import urlencode

import pytest
from conftest import ON_BOTH, make_config, on_sqlite
from twilio_callbacks import SETTINGS, payload, post, told

from receiver.providers.forms import read_parameters
from receiver.providers.registry import parameter_sorts
from receiver.providers.twilio.parameters import MEASURES, PARAMETERS, SORTS
from receiver.providers.twilio.provider import TWILIO
from receiver.search.masking import mask_event
from receiver.vocabulary.fields import SAID, Sort
from receiver.vocabulary.kinds import Kind

database_url = on_sqlite

PAYLOADS = Path(__file__).parent / "payloads/twilio"
SAMPLES = sorted(
    str(path.relative_to(PAYLOADS)) for path in PAYLOADS.glob("*/*") if path.parent.name != "signature"
)
CALL = {"CallSid": "CA1", "CallStatus": "ringing", "From": "+6591234567", "To": "+6565111001"}


@pytest.fixture
def config(database_url, tmp_path):
    return make_config(database_url, tmp_path, **SETTINGS)


def read(given: dict[str, str], kind: Kind = Kind.VOICE):
    return TWILIO.read(kind, read_parameters(b"", urlencode(given).encode()))


@pytest.mark.parametrize("path", SAMPLES)
def test_all_that_is_documented_is_read_without_a_problem(path):
    parameters = read_parameters(b"", payload(path))
    assert TWILIO.read(Kind.VOICE, parameters).problems == ()


GOOD = {
    Sort.PLACE: ("-0.2197976373036567", "51.51322977399644", "0"),
    Sort.WORD: ("AC51000000000000000000000000000001", "outbound-api", "image/jpeg", "call-progress-events"),
    Sort.COUNT: ("0", "12"),
    Sort.AMOUNT: ("0.9123", "1"),
    Sort.FLAG: ("true", "false"),
    Sort.TIME: ("2611261715",),
    Sort.LINK: ("https://api.twilio.com/2010-04-01/Accounts/AC1", "http://10.0.0.1/x"),
}
BAD = {
    Sort.PLACE: ("north", "51,5"),
    Sort.WORD: ("<b>", "\u00e9t\u00e9", " ", "\x00"),
    Sort.COUNT: ("two", "-1", "1.5", "\u0661", "9" * 40),
    Sort.AMOUNT: ("high", "1,5", "1e9", "NaN", "."),
    Sort.FLAG: ("yes", "1", "True"),
    Sort.TIME: ("yesterday", "2613261715", "26112617150", "261126171"),
    Sort.LINK: ("nowhere", "javascript:alert(1)", "ftp://a.b/c", "https:///x"),
}
STRICT = sorted(name for name, sort in SORTS.items() if sort in GOOD)


@pytest.mark.parametrize("name", STRICT)
def test_each_is_read_as_what_it_is(name):
    for value in GOOD[SORTS[name]]:
        assert f"{name}: unreadable" not in read(CALL | {name: value}).problems, value
    for value in BAD[SORTS[name]]:
        assert f"{name}: unreadable" in read(CALL | {name: value}).problems, value


@pytest.mark.parametrize("name", sorted(SORTS.keys() - set(STRICT)))
@pytest.mark.parametrize("value", ["", "<b>", "\u5317\u4eac", "-1"])
def test_what_people_write_can_be_anything(name, value):
    assert read(CALL | {name: value}).problems == ()


def test_what_holds_a_time_or_an_amount_is_not_looked_for():
    sorts = parameter_sorts()
    for name in PARAMETERS:
        if sorts[name] in (Sort.COUNT, Sort.AMOUNT, Sort.TIME):
            assert name in MEASURES
    assert PARAMETERS.keys() >= MEASURES
    assert {field for field in PARAMETERS.values() if field not in SORTS} <= SAID.keys()


@ON_BOTH
def test_why_the_fallback_was_asked_and_whether_the_caller_is_attested(client, api):
    post(client, "voice", payload("voice/fallback"))
    post(client, "voice/ringing", payload("voice/ringing").replace(b"aaaa01", b"aaaa02"))
    post(
        client, "sms", payload("sms/delivered").replace(b"=delivered", b"=undelivered") + b"&ErrorCode=30003"
    )
    report, ringing, fallback = api("/events")["events"]
    assert (fallback["error_code"], ringing["error_code"], report["error_code"]) == ("11200", None, "30003")
    assert (fallback["attestation"], ringing["attestation"]) == (None, "TN-Validation-Passed-A")
    assert "attestation" not in report
    (found,) = api("/events?q=30003")["events"]
    assert found["id"] == report["id"]


@pytest.mark.parametrize(
    ("number", "word"),
    [
        ("+266696687", "anonymous"),
        ("+7378742833", "restricted"),
        ("+2562533", "blocked"),
        ("+8656696", "unknown"),
        ("+86282452253", "unavailable"),
    ],
)
def test_a_withheld_number_that_comes_as_digits_is_the_word_that_they_spell(client, api, number, word):
    keys = {letter: key for key, letters in KEYS.items() for letter in letters}
    assert "".join(keys[letter] for letter in word) == number[1:]
    post(client, "voice", urlencode(CALL | {"From": number}).encode())
    (event,) = api("/events")["events"]
    assert (event["sender"], event["params"]["From"]) == (word, number)
    message = {"MessageSid": "SM1", "From": number, "To": "+6565111001", "Body": "x"}
    assert read(message, Kind.SMS).sender == number


KEYS = {"2": "abc", "3": "def", "4": "ghi", "5": "jkl", "6": "mno", "7": "pqrs", "8": "tuv", "9": "wxyz"}


def test_the_mask_knows_what_each_parameter_holds():
    given = told(payload("sms/whatsapp")) | {
        "FromCity": "BERLIN",
        "Caller": "+6591234567",
        "Latitude": "51.5",
    }
    masked = mask_event({"params": given})["params"]
    assert masked["NumSegments"] == "1"
    assert masked["MessageSid"] == given["MessageSid"]
    assert masked["Caller"] == "+65••••4567"
    assert masked["FromCity"] == "•••• (6 characters)"
    assert masked["From"] == "whatsapp:+65••••4567"
    assert masked["Latitude"] == "•••• (4 characters)"
