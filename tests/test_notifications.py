"""Reading: what a callback says, typed; and what was odd about it, named."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from conftest import payload

from receiver.providers.forms import read_parameters
from receiver.providers.hoiio.notifications import read_notification
from receiver.vocabulary.kinds import EventType, Kind
from receiver.vocabulary.limits import LONGEST_FIELD, MOST_PARAMETERS
from receiver.vocabulary.notification import Notification

NOON = datetime(2012, 10, 30, 4, 20, 50, tzinfo=UTC)
"""2012-10-30 12:20:50 in GMT+8."""

BILL = {"occurred_at": NOON, "duration": 2, "currency": "SGD", "rate": Decimal("0.020")} | {
    "debit": Decimal("0.040")
}
CALL = {"session": "S10001", "txn_ref": "AA-C-1000001", "sender": "+6591234567", "recipient": "+6511111111"}
FAX = {
    "type": EventType.FAX_RECEIVED,
    "txn_ref": "AA-FI-12",
    "fax_status": "answered",
    "sender": "+6591234567",
    "recipient": "+6511111111",
    "fax_url": "https://fax.example.com/in/AA-FI-12.pdf?Expires=1351577000&Signature=abc%2Bd",
    "occurred_at": NOON,
    "duration": 1,
    "currency": "SGD",
    "debit": Decimal("0.050"),
}
SMS = {
    "type": EventType.SMS_RECEIVED,
    "sender": "+16201234567",
    "recipient": "+16501234567",
    "occurred_at": NOON,
    "currency": "SGD",
    "debit": Decimal("0.013"),
}
ONGOING = CALL | {"type": EventType.CALL_ONGOING, "call_state": "ongoing"}
ENDED = CALL | BILL | {"type": EventType.CALL_ENDED, "call_state": "ended"}
BARE_PLUS = "its + was not percent-encoded"

EXPECTED: dict[str, tuple[dict, tuple[str, ...]]] = {
    "sms/documented": (SMS | {"txn_ref": "AA-SI-85", "text": "hoiio world"}, ()),
    "sms/long_part": (SMS | {"txn_ref": "AA-SI-86", "text": "part one of a long text " * 6 + "12345678"}, ()),
    "sms/hostile": (
        SMS | {"txn_ref": "AA-SI-87", "text": "=1+1<script>alert(1)</script>\u202e\ufffd\U0001f600"},
        ("msg: held NUL",),
    ),
    "sms/latin1": (SMS | {"txn_ref": "AA-SI-88", "text": "café"}, ("body: not UTF-8, read as Latin-1",)),
    "sms/empty_text": (SMS | {"txn_ref": "AA-SI-89", "text": ""}, ()),
    "sms/bare_plus": (
        SMS | {"txn_ref": "AA-SI-90", "text": "hello"},
        (f"from: {BARE_PLUS}", f"to: {BARE_PLUS}"),
    ),
    "voice/ringing": (
        CALL | {"type": EventType.CALL_RINGING, "call_state": "ringing", "ivr_block": "answer"},
        (),
    ),
    "voice/ended": (ENDED | {"ivr_block": "answer"}, ()),
    "voice/gather": (
        ONGOING | {"ivr_block": "gather", "digits": "1"},
        ("app_state: not a documented parameter of voice",),
    ),
    "voice/gather_nothing": (ONGOING | {"ivr_block": "gather", "digits": ""}, ()),
    "voice/record": (
        ONGOING | {"ivr_block": "record", "record_url": "https://recordings.example.com/S10001.mp3"},
        (),
    ),
    "voice/monitor": (
        ENDED | {"ivr_block": "monitor", "monitor_url": "https://recordings.example.com/M10001.mp3"},
        (),
    ),
    "voice/transfer_busy": (ONGOING | {"ivr_block": "transfer", "transfer_status": "busy"}, ()),
    "voice/dial": (
        {
            "type": EventType.CALL_ONGOING,
            "call_state": "ongoing",
            "ivr_block": "dial",
            "dial_status": "answered",
            "dest": "+6522222222",
            "session": "S10002",
            "txn_ref": "AA-C-1000002",
            "tag": "order 7",
        },
        (),
    ),
    "voice/unknown_state": (
        CALL | {"type": EventType.UNKNOWN, "call_state": "on_hold", "ivr_block": "answer"},
        ("call_state: not a documented value",),
    ),
    "fax/received": (FAX, ()),
    "fax/failed": (
        FAX
        | {"type": EventType.FAX_FAILED, "fax_status": "failed", "fax_error_code": "busy", "fax_url": None}
        | {"duration": 0, "debit": Decimal("0.000")},
        (),
    ),
    "fax/fraction_date": (FAX, ()),
    "fax/no_url": (FAX | {"fax_url": None}, ("fax_url: missing",)),
}


def read(kind: Kind, body: bytes = b"", query: bytes = b"", content_type: str = "") -> Notification:
    return read_notification(kind, read_parameters(query, body, content_type))


def sms(**changes: str | None) -> bytes:
    """The body of a received SMS with nothing odd about it but the changes, already form-encoded."""
    fields = {
        "txn_ref": "AA-SI-1",
        "msg": "hello",
        "from": "%2B16201234567",
        "to": "%2B16501234567",
        "date": "2012-10-30+12%3A20%3A50",
    }
    fields |= {name.rstrip("_"): value for name, value in changes.items()}
    return "&".join(f"{name}={value}" for name, value in fields.items() if value is not None).encode()


def multipart(fields: dict[str, str], head: str = "") -> bytes:
    parts = [
        f'--edge\r\nContent-Disposition: form-data; name="{name}"{head}\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return "".join([*parts, "--edge--\r\n"]).encode()


MULTIPART = "multipart/form-data; boundary=edge"


@pytest.mark.parametrize("case", EXPECTED)
def test_it_reads_every_field_of_a_notification(case):
    kind = Kind(case.partition("/")[0])
    fields, problems = EXPECTED[case]
    expected = {"kind": kind, "problems": problems, "readable": True} | fields
    assert read(kind, payload(case)) == Notification(**expected)


@pytest.mark.parametrize("case", EXPECTED)
def test_it_reads_the_same_fields_from_the_query(case):
    kind = Kind(case.partition("/")[0])
    fields, _ = EXPECTED[case]
    found = read(kind, query=payload(case))
    assert {name: getattr(found, name) for name in fields} == fields


@pytest.mark.parametrize("name", ["txn_ref", "msg", "from", "to", "date"])
def test_it_names_a_missing_field(name):
    changes = {"from_" if name == "from" else name: None}
    assert f"{name}: missing" in read(Kind.SMS, sms(**changes)).problems


def test_it_names_the_session_a_ringing_call_lacks():
    found = read(Kind.VOICE, b"call_state=ringing&txn_ref=AA-C-1&from=%2B6591234567&to=%2B6511111111")
    assert found.problems == ("session: missing",)


@pytest.mark.parametrize(
    "date",
    [
        *("yesterday", "2012-13-30 12:20:50", "2012-10-30T", "0", "9999-99-99 99:99:99"),
        *("0001-01-01 00:00:00", "0001-01-01 09:00:00", "9999-12-31 23:59:59Z"),
    ],
)
def test_it_names_a_date_it_cannot_read_and_reads_the_rest(date):
    found = read(Kind.SMS, sms(date=date.replace(" ", "+")))
    assert (found.occurred_at, found.problems, found.text) == (None, ("date: unreadable",), "hello")


def test_it_knows_no_negative_zero():
    assert str(read(Kind.SMS, sms(debit="-0.00")).debit) == "0.00"


@pytest.mark.parametrize("amount", ["free", "1,5", "1e5", "NaN", "Infinity", "1.", ".5", "1" * 13, "%D9%A1"])
def test_it_names_money_it_cannot_read(amount):
    found = read(Kind.SMS, sms(debit=amount))
    assert (found.debit, found.problems) == (None, ("debit: unreadable",))


@pytest.mark.parametrize("duration", ["two", "-1", "1.5", "1234567", "%D9%A1"])
def test_it_names_a_duration_it_cannot_read(duration):
    found = read(Kind.VOICE, f"call_state=ended&session=S1&txn_ref=AA-C-1&duration={duration}".encode())
    assert (found.duration, found.problems) == (None, ("duration: unreadable",))


@pytest.mark.parametrize("name", ["ivr_block", "dial_status", "transfer_status"])
def test_it_keeps_a_value_no_page_has_and_names_it(name):
    found = read(Kind.VOICE, f"call_state=ended&session=S1&txn_ref=AA-C-1&{name}=juggled".encode())
    assert getattr(found, name) == "juggled"
    assert found.problems == (f"{name}: not a documented value",)


def test_it_names_a_parameter_no_page_has():
    assert read(Kind.SMS, sms(colour="red")).problems == ("colour: not a documented parameter of sms",)


def test_it_lets_pass_a_parameter_of_the_owner_in_the_url():
    assert read(Kind.SMS, sms(), query=b"user=mary").problems == ()


def test_it_shows_a_hostile_parameter_name_short_and_printable():
    (problem,) = read(Kind.SMS, sms() + b"&%00%0A%1B" + b"x" * 500 + b"=1").problems
    assert problem == "\ufffd" * 3 + "x" * 57 + ": not a documented parameter of sms"


def test_it_takes_the_body_before_the_query_and_says_where_they_differ():
    found = read(Kind.SMS, sms(), query=b"msg=forged&txn_ref=AA-SI-1")
    assert found.text == "hello"
    assert found.problems == ("msg: differs between body and query, the body's was taken",)


def test_it_finds_nothing_odd_when_body_and_query_agree():
    assert read(Kind.SMS, sms(), query=sms()).problems == ()


def test_it_puts_together_what_only_the_body_and_only_the_query_has():
    found = read(Kind.SMS, b"txn_ref=AA-SI-1&msg=hello", query=b"from=%2B16201234567")
    assert (found.text, found.sender) == ("hello", "+16201234567")


def test_it_takes_the_first_of_a_name_that_came_several_times():
    found = read(Kind.SMS, sms() + b"&msg=second&msg=third")
    assert (found.text, found.problems) == ("hello", ("msg: came 3 times, the first was taken",))


def test_it_keeps_all_values_of_a_name_that_came_several_times():
    assert read_parameters(b"", b"a=1&a=2&a=").params == {"a": ["1", "2", ""]}


def test_it_counts_an_empty_field_as_absent():
    assert read(Kind.SMS, sms(currency="", debit="")).currency is None


def test_it_keeps_a_withheld_number_as_it_came():
    assert read(Kind.SMS, sms(from_="anonymous")).sender == "anonymous"


def test_it_reads_multipart_fields():
    found = read(Kind.SMS, multipart({"txn_ref": "AA-SI-1", "msg": "café"}), content_type=MULTIPART)
    assert (found.txn_ref, found.text) == ("AA-SI-1", "café")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", MULTIPART),
        (b"txn_ref=AA-SI-1", MULTIPART),
        (b"--edge\r\n", MULTIPART),
        (b"--edge\r\nContent-Disposition: nonsense\r\n\r\nx\r\n--edge--\r\n", MULTIPART),
        (multipart({"msg": "x"}, head='; filename="x"'), MULTIPART),
        (multipart({"msg": "x"}), "multipart/form-data"),
        (multipart({"msg": "x"}), "multipart/form-data; boundary="),
        (multipart({"msg": "x"}), "multipart/form-data; boundary=\xe9"),
        (multipart({"msg": "x"}), "multipart/form-data; boundary=" + "e" * 5000),
        (multipart({f"f{n}": "x" for n in range(2000)}), MULTIPART),
        (b"\xff" * 100, MULTIPART),
    ],
)
def test_it_never_raises_on_broken_multipart(body, content_type):
    read(Kind.SMS, body, content_type=content_type)


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", ""])
def test_it_reads_a_json_body(content_type):
    body = json.dumps({"txn_ref": "AA-SI-1", "msg": "hello", "debit": 0.013}).encode()
    found = read(Kind.SMS, body, content_type=content_type)
    assert (found.txn_ref, found.text, found.debit) == ("AA-SI-1", "hello", Decimal("0.013"))


@pytest.mark.parametrize("body", [b"[1]", b"null", b"{", b'{"a":', b"\xff\xfe{", b"7"])
def test_it_reads_as_a_form_what_only_claims_to_be_json(body):
    found = read_parameters(b"", body, "application/json")
    assert "body: not readable as JSON, read as a form" in found.problems


def test_it_replaces_half_a_surrogate_pair_spelled_in_json():
    found = read(Kind.SMS, b'{"msg": "a\\ud800b"}')
    assert found.text.encode() == b"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdb"


def test_it_never_raises_however_deep_json_is_nested():
    for depth in [*range(1, 1100), 10_000]:
        read(Kind.SMS, b'{"a":' + b"[" * depth + b"]" * depth + b"}")


@pytest.mark.parametrize(
    "body", [b'{"a":1e999}', b'{"a":NaN}', b'{"a":' + b"9" * 5000 + b"}", b'{"":{"":null}}']
)
def test_it_never_raises_on_strange_json_values(body):
    read(Kind.SMS, body)


@pytest.mark.parametrize(
    ("url_kind", "case", "found"),
    [
        (Kind.SMS, "voice/ringing", Kind.VOICE),
        (Kind.FAX, "voice/ended", Kind.VOICE),
        (Kind.VOICE, "fax/received", Kind.FAX),
        (Kind.SMS, "fax/failed", Kind.FAX),
        (Kind.VOICE, "sms/documented", Kind.SMS),
        (Kind.FAX, "sms/documented", Kind.SMS),
    ],
)
def test_it_believes_the_content_and_not_the_url(url_kind, case, found):
    notification = read(url_kind, payload(case))
    assert notification.kind is found
    assert notification.type is EXPECTED[case][0]["type"]
    assert notification.problems == (f"came to the {url_kind} URL but reads as {found}",)


@pytest.mark.parametrize("name", ["txn_ref", "msg", "from", "to", "currency", "tag"])
def test_it_replaces_nul_and_names_the_field(name):
    changes = {"from_" if name == "from" else name: "a%00b"}
    found = read(Kind.SMS, sms(**changes))
    field = {"msg": "text", "from": "sender", "to": "recipient"}.get(name, name)
    assert getattr(found, field) == "a\ufffdb"
    assert f"{name}: held NUL" in found.problems


@pytest.mark.parametrize(("name", "field"), [("txn_ref", "txn_ref"), ("from", "sender"), ("tag", "tag")])
def test_it_cuts_an_indexed_field_that_is_too_long(name, field):
    found = read(Kind.SMS, sms(**{"from_" if name == "from" else name: "x" * (LONGEST_FIELD + 1)}))
    assert getattr(found, field) == "x" * LONGEST_FIELD
    assert f"{name}: longer than {LONGEST_FIELD} characters, cut" in found.problems


def test_it_does_not_cut_a_text():
    assert read(Kind.SMS, sms(msg="x" * 10_000)).text == "x" * 10_000


def test_it_stops_at_a_number_of_parameters_and_says_so():
    found = read_parameters(b"", b"&".join(b"p%d=" % n for n in range(MOST_PARAMETERS + 1)))
    assert len(found.params) == MOST_PARAMETERS
    assert found.problems == (
        f"body: more than {MOST_PARAMETERS} parameters, the rest stands in the raw bytes",
    )


@pytest.mark.parametrize("body", [b"", b"&&&", b"colour=red", b"\xff\x00"])
def test_it_calls_unreadable_what_holds_nothing_documented(body):
    found = read(Kind.SMS, body)
    assert (found.readable, found.type) == (False, EventType.UNKNOWN)


@pytest.mark.parametrize("body", [b"=", b"%", b"%zz=%", b"a", b"=a&=b", b"&=&", b"\x80=\x81", b"from=%ff%00"])
@pytest.mark.parametrize("kind", Kind)
def test_it_never_raises_on_a_form_that_is_none(kind, body):
    read(kind, body, query=body)
