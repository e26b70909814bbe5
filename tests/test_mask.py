"""Masking: that something came can be seen, who sent it and what it said cannot."""

import json

import pytest
from conftest import KEY, payload, signed

from receiver.search.masking import mask_event
from receiver.vocabulary.mask import masked_digits, masked_number, masked_text, masked_url


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+6591234567", "+65••••4567"),
        ("6591234567", "+65••••4567"),
        ("+65 9123-4567", "+65••••4567"),
        ("\u202e+6591234567", "+65••••4567"),
        ("+14152341237", "+1••••1237"),
        ("91234567", "••••4567"),
        ("123456", "••••56"),
        ("999", "••••"),
        ("", ""),
        ("+16\x1b50 123 4567", "+1••••4567"),
        ("anonymous", "•••• (9 characters)"),
        ("whatsapp:+6591234567", "whatsapp:+65••••4567"),
        ("whatsapp:+65 Bob", "whatsapp:•••• (7 characters)"),
        ("Bob:+6591234567", "•••• (15 characters)"),
        ("sip:bob@example.com", "•••• (19 characters)"),
        ("call Bob on 91234567", "•••• (20 characters)"),
        ("1" * 40, "•••• (40 characters)"),
    ],
)
def test_it_shows_of_a_number_where_it_is_and_how_it_ends(number, shown):
    assert masked_number(number) == shown


def test_it_shows_nothing_of_texts_keys_and_links_but_whether_there_were_any():
    assert masked_text("your code is 4711") == "•••• (17 characters)"
    assert masked_digits("4711#") == masked_digits("1") == "••••"
    assert masked_url("https://bucket.example.com/fax.pdf?Signature=x") == "https://••••"
    assert [masked_text(""), masked_digits(""), masked_url("")] == ["", "", ""]


PATHS = [
    ("sms", "sms/documented", ("hoiio world", "world", "16201234567", "16501234567")),
    ("sms", "sms/hostile", ()),
    ("sms", "sms/latin1", ()),
    ("voice", "voice/gather", ("6591234567",)),
    ("fax", "fax/received", ("amazonaws", "Expires", ".pdf")),
]


@pytest.mark.parametrize(("kind", "name", "readable"), PATHS)
def test_it_leaves_nothing_of_an_event_that_can_be_read(client, api, kind, name, readable):
    body = payload(name)
    client.post(f"/callbacks/{KEY}/{kind}", data=body, headers=signed(body))
    (listed,) = api("/events")["events"]
    event = api(f"/events/{listed['id']}")
    masked = mask_event(event)
    assert list(masked) == list(event)
    shown = json.dumps(masked, ensure_ascii=False)
    links = [event[name] for name in ("fax_url", "record_url") if event.get(name)]
    private = [event["sender"], event["recipient"], event["text"], event["raw"]["body_base64"], *links]
    for word in (*filter(None, private), *readable):
        assert word not in shown
    assert masked.get("digits") in {None, "••••"}
    for plain in ("id", "kind", "type", "received_at", "occurred_at", "txn_ref", "signature", "debit"):
        assert masked[plain] == event[plain]


def test_it_shows_the_same_for_the_same_number_wherever_it_stands(client, api):
    for body in (payload("sms/documented"), payload("sms/documented").replace(b"AA-SI-85", b"AA-SI-86")):
        client.post(f"/callbacks/{KEY}/sms", data=body, headers=signed(body))
    page = mask_event(api("/events"))
    assert {event["sender"] for event in page["events"]} == {"+1••••4567"}
    assert {event["params"]["from"] for event in page["events"]} == {"+1••••4567"}


def test_it_hides_what_stands_where_the_name_of_a_parameter_should(client, api):
    body = b"meet Bob at +6591234567&msg=hi"
    client.post(f"/callbacks/{KEY}/sms", data=body, headers=signed(body))
    (event,) = api("/events")["events"]
    assert "Bob" in json.dumps(event)
    masked = mask_event(event)
    assert "Bob" not in json.dumps(masked)
    assert masked["problems"]
    assert set(masked["params"]) == {"•••• 1", "msg"}


def test_it_hides_a_number_that_poses_as_a_state_or_a_reference():
    event = {"txn_ref": "+6591234567", "session": "6591234567", "call_state": "tell Bob", "tag": "Bob"}
    assert not {"91234567", "Bob"} & set(json.dumps(mask_event(event)).split())
    assert all("••••" in value for value in mask_event(event).values())


def test_it_hides_a_field_it_does_not_know():
    assert mask_event({"nickname": "Bob", "count": 3, "flag": True, "list": ["Bob"]}) == {
        "nickname": "•••• (3 characters)",
        "count": 3,
        "flag": True,
        "list": ["•••• (3 characters)"],
    }
