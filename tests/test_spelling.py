"""Telephone numbers: stored in one spelling, found in every other."""

import pytest
from conftest import API_TOKEN, KEY
from sqlalchemy import text

from receiver.db import schema
from receiver.db.engine import connect, writing
from receiver.search.calls import CallLog
from receiver.search.conversations import ConversationLog
from receiver.search.events import EventLog
from receiver.search.index import LogIndex
from receiver.search.query import Search
from receiver.vocabulary.telephone import country_of, spelled

FULL_WIDTH = "".join(chr(ord(char) + 0xFEE0) for char in "+6599991234")
STORED = (
    *("6599991234", "+6599991234", "65 9999 1234", "65-9999-1234", "+65 9999 1234", "006599991234"),
    *("tel:+65-9999-1234", "(65) 9999.1234", "+65\u20119999\u00a01234", "\u202a+65 9999 1234\u202c"),
    *("9999 1234", "99991234", "+65 (0) 9999 1234", FULL_WIDTH),
)
SHOP = "+6561110000"


def post(client, sender: str, number: str = SHOP, kind: str = "sms", **fields: str) -> None:
    data = {"from": sender, "to": number} | ({"msg": "hello"} if kind == "sms" else {}) | fields
    assert client.post(f"/callbacks/{KEY}/{kind}", data=data).status_code == 200


@pytest.mark.parametrize("indexed", [False, True])
def test_a_number_is_found_in_any_spelling_however_it_came(client, app, indexed):
    for place, sender in enumerate(STORED):
        post(client, sender, txn_ref=f"A{place}")
    post(client, "+6599991235", txn_ref="B")
    engine = app.extensions["receiver"].engine
    if indexed:
        LogIndex(engine).catch_up()
    for asked in STORED:
        for name in ("sender", "number"):
            answer = client.get(
                "/api/v1/events",
                query_string={name: asked, "limit": "50"},
                headers={"Authorization": f"Bearer {API_TOKEN}"},
            )
            assert len(answer.json["events"]) == len(STORED), (name, asked)
        found = EventLog(engine).find(Search.parse(f'from:"{asked}" hello')).events
        assert len(found) == len(STORED)
        assert len(ConversationLog(engine).get(SHOP, asked).messages) == len(STORED)
    (one,) = ConversationLog(engine).find(Search.read({"sender": asked})).conversations
    assert (one.number, one.sender) == (SHOP, "+6599991234")
    assert {event.sender for event in found} == {"+6599991234"}
    first = client.get("/api/v1/events", headers={"Authorization": f"Bearer {API_TOKEN}"}).json["events"][-1]
    assert first["params"]["from"] == STORED[0]


def test_calls_and_those_who_were_dialled_are_found_too(client, app):
    post(client, "65 9999 1234", kind="voice", session="S1", call_state="ringing", dest="9999-0000")
    log = CallLog(app.extensions["receiver"].engine)
    for asked in ("99991234", "+65 9999 1234"):
        (call,) = log.find(Search.parse(f'from:"{asked}"')).calls
        assert call.events[0].dest == "+6599990000"


@pytest.mark.parametrize(
    "number", ["anonymous", "Bank", "72345", "+", "", "0", "not 123 a number 456789", "١٢٣٤٥٦٧٨"]
)
def test_what_is_no_telephone_number_stays_as_it_is(number):
    assert spelled(number) == number


@pytest.mark.parametrize(
    ("number", "home", "right"),
    [
        ("020 7946 0018", "44", "+442079460018"),
        ("06 1234 5678", "39", "+390612345678"),
        ("020 7946 0018", None, "02079460018"),
        ("6501234567", "1", "+6501234567"),
    ],
)
def test_a_national_number_is_one_of_the_country_that_was_called(number, home, right):
    assert spelled(number, home) == right
    assert spelled(right) == right


def test_it_knows_where_a_calling_code_ends():
    for number, code in {
        "+6599991234": "65",
        "+16501234567": "1",
        "+85212345678": "852",
        "+79": None,
    }.items():
        assert country_of(number) == code


def test_an_upgrade_finds_what_was_stored_in_another_spelling(empty_database_url):
    engine = connect(empty_database_url)
    schema.upgrade(engine, "0011")
    names = "identity, arrival, kind, type, received_at, signature, method, peer, query_string, headers, body"
    row = text(
        f"INSERT INTO events ({names}, sender, recipient, provider)"  # our own names
        " VALUES (:id, :id, 'sms', 'sms.received', '2026-01-01 00:00:00', 'valid', 'POST', '', :empty,"
        " :empty, :body, :sender, :recipient, 'hoiio')"
    )
    senders = ("65 9999 1234", "6599991234", "+6599991234", "anonymous")
    with writing(engine) as connection:
        for place, sender in enumerate(senders):
            values = {"id": f"x{place}", "sender": sender, "recipient": "6561110000" if place else SHOP}
            connection.execute(row, values | {"empty": b"", "body": b"msg=hello"})
    LogIndex(engine).catch_up()
    schema.upgrade(engine)
    found = EventLog(engine).find(Search.parse("from:+6599991234")).events
    assert len(found) == 3
    log = ConversationLog(engine)
    assert {(one.number, one.sender, one.count) for one in log.find(Search()).conversations} == {
        (SHOP, "+6599991234", 3),
        (SHOP, "anonymous", 1),
    }
    with engine.connect() as connection:
        for table in ("number_counts", "hour_counts"):
            counted = connection.execute(text(f"SELECT number, events FROM {table}")).all()
            assert [tuple(one) for one in counted] == [(SHOP, 4)]
    engine.dispose()
