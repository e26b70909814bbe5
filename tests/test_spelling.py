"""Telephone numbers: stored in one spelling, found in every other."""

import pytest
from conftest import API_TOKEN, KEY
from sqlalchemy import text

from receiver.db import schema
from receiver.db.engine import connect, writing
from receiver.numbers.spelling import telephone
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


PASTED = (
    *("+44 20 7946 0018", "tel:+44-20-7946-0018", "(020) 7946 0018", "020 7946 0018", "+44 (0)20 7946 0018"),
    *("+44\u00a020\u202f7946\u20110018", "+44 20\u20107946\u20130018", "\u200e+44 20 7946 0018\u200f"),
    *("\u202a+44 20 7946 0018\u202c", "\u2066tel:+44 20 7946 0018\u2069", "0044 20 7946 0018"),
    "".join(chr(ord(char) + 0xFEE0) for char in "+442079460018"),
    "\uff0b\uff14\uff14 20 7946 0018",
)
WHOLE = [number for number in PASTED if "020" not in number]
"""As people paste them, here with their country."""


@pytest.mark.parametrize("asked", PASTED)
def test_a_number_is_asked_for_as_it_is_pasted(asked, client, app):
    post(client, "+442079460018", "+442079460000")
    post(client, "+442079460019", "+442079460000")
    log, run = EventLog(app.extensions["receiver"].engine), app.test_cli_runner().invoke
    for wanted in (
        Search.parse(f"from:{asked} kind:sms hello"),
        Search.parse(f"hello number:{asked}"),
        Search.read({"sender": asked}),
    ):
        assert [event.sender for event in log.find(wanted).events] == ["+442079460018"], wanted
    for words in (
        [f"from:{asked}"],
        *([*f"from:{asked}".split(" "), "hello"], ["--sender", asked], ["--number", asked]),
    ):
        shown = run(args=["events", "list", *words])
        assert shown.stdout.count("+442079460018") == 1, (words, shown.output)
        assert "+442079460019" not in shown.stdout
    assert run(args=["events", "erase", "--sender", asked, "--yes"]).stdout.endswith(
        "erased 1 event and 0 repeats\n"
    )


@pytest.mark.parametrize("asked", WHOLE)
def test_the_commands_about_numbers_take_it_as_it_is_pasted(asked):
    assert telephone(asked) == "+442079460018"


@pytest.mark.parametrize("asked", ["(020) 7946 0018", "442079460018", "(0)20 7946 0018"])
def test_a_number_of_ours_needs_its_country(asked):
    with pytest.raises(ValueError, match="is not a telephone number with its country code"):
        telephone(asked)


def test_what_follows_a_whole_number_or_a_short_code_is_a_word():
    for search, sender, words in (
        ("from:+6591234567 1234", "+6591234567", "1234"),
        ("from:72345 123456", "72345", "123456"),
        ("from:+44 hello", "+44", "hello"),
        ("from:+44 20 7946 0018 hello", "+442079460018", "hello"),
        ('from:"+44 20 7946 0018" 1234', "+442079460018", "1234"),
    ):
        assert Search.parse(search) == Search(sender=sender, text=words)
    assert Search.parse("session:0 20 7946 0018").session == "0"


@pytest.mark.parametrize("asked", ["whatsapp:+6599991234", "WhatsApp:+65 9999 1234", "whatsapp:6599991234"])
def test_a_channel_belongs_to_the_spelling_of_a_number(client, app, asked):
    post(client, "whatsapp:+65 9999-1234", "whatsapp:+6561110000")
    post(client, "+6599991234")
    engine = app.extensions["receiver"].engine
    for wanted in (f'from:"{asked}"', f'from:"{asked}" hello', f'number:"{asked}" kind:sms'):
        found = EventLog(engine).find(Search.parse(wanted)).events
        assert [event.sender for event in found] == ["whatsapp:+6599991234"], wanted
    assert len(ConversationLog(engine).get("whatsapp:+6561110000", asked).messages) == 1


@pytest.mark.parametrize("end", ["whatsapp:" * 2000 + "+6599991234", "client:91234567", "sip:+6591234567@a"])
def test_what_is_no_number_stays_as_it_is(end):
    assert spelled(end, "65") == end


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
    schema.upgrade(engine)
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
    schema.downgrade(engine, "0011")
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
