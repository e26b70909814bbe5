"""Conversations: one sender's messages at one of our numbers, long ones put together again."""

import itertools
import json

import pytest
from conftest import API_TOKEN, KEY
from sqlalchemy import text as sql

from receiver.db.engine import writing
from receiver.search.conversations import ConversationLog, conversation_json
from receiver.search.cursor import Cursor
from receiver.search.index import LogIndex
from receiver.search.query import Search

ANNA, BEN = "+6591110001", "+6591110002"
SHOP, DESK = "+16500000001", "+16500000002"
PARTS = ("a" * 151 + " ", "b" * 152, "the end")


def post(client, text, sender=ANNA, number=SHOP, *, ref="1", second="00", **headers):
    body = {"txn_ref": f"AA-SI-{ref}", "msg": text, "from": sender, "to": number, "debit": "0.013"}
    body |= {"date": f"2026-01-01 10:00:{second}", "currency": "SGD"}
    assert client.post(f"/callbacks/{KEY}/sms", data=body, headers=headers).status_code == 200


@pytest.fixture
def log(app):
    return ConversationLog(app.extensions["receiver"].engine)


@pytest.fixture
def index(app):
    return LogIndex(app.extensions["receiver"].engine)


def texts(conversation):
    return [message.text for message in conversation.messages]


def test_it_joins_the_parts_of_a_long_message_in_any_order_and_says_so(client, log):
    for place, order in enumerate(itertools.permutations(enumerate(PARTS))):
        sender = f"+659222000{place}"
        for part, text in order:
            post(client, text, sender, ref=f"{place}{part + 8:02d}")
        shown = conversation_json(log.get(SHOP, sender))
        (message,) = shown["messages"]
        assert message["text"] == "".join(PARTS)
        assert message["joined"] is True
        assert [part["text"] for part in message["parts"]] == list(PARTS)
        assert (message["cost"], message["currency"]) == ("0.039", "SGD")
        assert message["sent_at"] == "2026-01-01T02:00:00.000Z"
        assert shown["count"] == 3


@pytest.mark.parametrize(
    "texts_ends_and_seconds",
    [
        ("a" * 151, "b", SHOP, ("00", "00")),
        ("a" * 154, "b", SHOP, ("00", "00")),
        ("a" * 67, "b", SHOP, ("00", "00")),
        ("a" * 152, "b" * 153, SHOP, ("00", "00")),
        ("a" * 152, "b", DESK, ("00", "00")),
        ("a" * 152, "b", SHOP, ("00", "20")),
        ("a" * 152, "", SHOP, ("00", "01")),
    ],
)
def test_it_leaves_apart_what_does_not_plainly_belong_together(client, log, texts_ends_and_seconds):
    first, second, ends, seconds = texts_ends_and_seconds
    post(client, first, ref="1", second=seconds[0])
    post(client, second, number=ends, ref="2", second=seconds[1])
    messages = [*log.get(SHOP, ANNA).messages, *(log.get(DESK, ANNA).messages if ends == DESK else ())]
    assert sorted(message.text for message in messages) == sorted([first, second])
    assert not any(message.joined for message in messages)


def test_it_lists_the_one_with_the_newest_message_first_indexed_or_not(client, log, index):
    for number, (sender, at) in enumerate([(ANNA, SHOP), (BEN, SHOP), (ANNA, DESK), (ANNA, SHOP)]):
        post(client, f"message {number}", sender, at, ref=number, second=f"{number * 15:02d}")
        if number == 2:
            index.catch_up()
    for _ in ("partly indexed", "indexed"):
        page = log.find(Search(), limit=2)
        assert [(one.number, one.sender, texts(one), one.count) for one in page.conversations] == [
            (SHOP, ANNA, ["message 3"], page.conversations[0].count),
            (DESK, ANNA, ["message 2"], 1),
        ]
        rest = log.find(Search(), before=page.next, limit=2)
        assert [(one.number, one.sender, texts(one)) for one in rest.conversations] == [
            (SHOP, BEN, ["message 1"])
        ]
        assert rest.next is None
        index.catch_up()
    assert page.conversations[0].count == 2


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"from:{ANNA}", [(DESK, ANNA), (SHOP, ANNA)]),
        (f"to:{SHOP}", [(SHOP, BEN), (SHOP, ANNA)]),
        (f"number:{ANNA}", [(DESK, ANNA), (SHOP, ANNA)]),
        ("invoice", [(SHOP, BEN), (SHOP, ANNA)]),
        ("kind:sms hello", [(DESK, ANNA)]),
        ("since:1h invoice", [(SHOP, BEN), (SHOP, ANNA)]),
        ("kind:voice", []),
        ("is:quarantined", []),
    ],
)
def test_it_finds_conversations_by_their_ends_and_by_any_message(client, log, index, text, found):
    post(client, "invoice one", ANNA, SHOP, ref=1)
    post(client, "invoice two", BEN, SHOP, ref=2)
    index.catch_up()
    post(client, "hello", ANNA, DESK, ref=3)
    post(client, "forged invoice", ANNA, DESK, ref=4, **{"X-Hoiio-Signature": "0" * 64})
    client.post(
        f"/callbacks/{KEY}/voice", data={"session": "S1", "call_state": "ringing", "from": ANNA, "to": DESK}
    )
    page = log.find(Search.parse(text))
    assert [(one.number, one.sender) for one in page.conversations] == found


def test_it_pages_through_matching_conversations_each_once(client, log):
    for number in range(9):
        post(client, f"invoice {number}", f"+659111000{number % 3}", ref=number, second=f"{number * 5:02d}")
    seen, before = [], None
    for _ in range(3):
        page = log.find(Search(text="invoice"), before=before, limit=1)
        seen += [one.sender for one in page.conversations]
        before = page.next
    assert (seen, before) == (["+6591110002", "+6591110001", "+6591110000"], None)


def test_it_pages_through_one_conversation_without_cutting_a_long_message(client, log):
    for number in range(3):
        for part, text in enumerate(PARTS):
            post(client, f"{text}", ref=f"{number}{part}", second=f"{number * 20:02d}")
    first = log.get(SHOP, ANNA, limit=1)
    rest = log.get(SHOP, ANNA, before=first.next, limit=5)
    assert [len(message.parts) for message in [*first.messages, *rest.messages]] == [3, 3, 3]
    assert rest.next is None
    assert log.get(SHOP, BEN) is None


@pytest.mark.parametrize(
    "parts",
    [
        ("a" * 153, "b" * 153, "the end"),
        ("a" * 151 + "[", "the end"),  # a bracket takes the room of two
        ("\u4f60" * 67, "\u597d" * 67, "\u5b8c"),
        ("\u4f60" * 65 + "\U0001f600", "the end"),
    ],
)
def test_it_joins_parts_of_every_length_at_which_texts_are_cut(client, log, parts):
    for place, text in enumerate(parts):
        post(client, text, ref=f"1{place}")
    (message,) = log.get(SHOP, ANNA).messages
    assert (message.text, message.gap) == ("".join(parts), False)


def test_it_shows_a_missing_part_as_a_gap(client, log):
    post(client, PARTS[0], ref="10")
    post(client, PARTS[2], ref="12")
    for conversation in (log.get(SHOP, ANNA), *log.find(Search()).conversations):
        (shown,) = conversation_json(conversation)["messages"]
        assert (shown["text"], shown["gap"]) == (f"{PARTS[0]} […] {PARTS[2]}", True)


def test_a_reference_that_somebody_else_has_is_no_gap(client, log):
    post(client, PARTS[0], ref="10")
    post(client, "hello", BEN, ref="11")
    post(client, PARTS[2], ref="12")
    (message,) = log.get(SHOP, ANNA).messages
    assert (message.text, message.gap) == (PARTS[0] + PARTS[2], False)


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_reference_that_only_looks_like_the_missing_one_hides_no_gap(app, client, log):
    with writing(app.extensions["receiver"].engine) as connection:
        # An order of text in which case counts last.
        connection.execute(sql('ALTER TABLE events ALTER COLUMN identity TYPE varchar COLLATE "en-x-icu"'))
    post(client, PARTS[0], ref="A10")
    post(client, "hello", BEN, ref="a11")
    post(client, PARTS[2], ref="A12")
    (message,) = log.get(SHOP, ANNA).messages
    assert message.gap


def test_a_conversation_with_another_provider_hides_no_reference_and_makes_no_gap(client, log):
    post(client, PARTS[0], ref="10")
    post(client, "hello", BEN, ref="11")
    post(client, PARTS[2], ref="12")
    whole = (PARTS[0] + PARTS[2], False)
    url, body = f"/callbacks/{KEY}/twilio/sms", {"To": SHOP, "Body": "hi"}
    assert client.post(url, data=body | {"MessageSid": "SM1", "From": "+6593330000"}).status_code == 200
    newest, long, _ = log.find(Search()).conversations
    assert conversation_json(newest)["provider"] == "twilio"
    assert [(one.text, one.gap) for one in long.messages] == [whole]
    # Then the number moves to the other provider.
    assert client.post(url, data=body | {"MessageSid": "SM2", "From": ANNA}).status_code == 200
    assert [(one.text, one.gap) for one in log.get(SHOP, ANNA).messages] == [("hi", False), whole]


def test_it_does_not_join_two_long_messages_that_overtook_each_other(client, log):
    for ref, text in enumerate(("a" * 152, "b" * 152, "end of a", "end of b"), start=10):
        post(client, text, ref=ref)
    assert [message.joined for message in log.get(SHOP, ANNA).messages] == [False] * 4


def test_it_joins_two_long_messages_one_after_the_other(client, log):
    for ref, text in enumerate(("a" * 152, "end of a", "b" * 152, "end of b"), start=10):
        post(client, text, ref=ref)
    found = [message.text for message in log.get(SHOP, ANNA).messages]
    assert found == ["b" * 152 + "end of b", "a" * 152 + "end of a"]


@pytest.mark.parametrize("asked", ["", "invoice"])
def test_one_that_moves_to_the_top_between_two_pages_is_not_lost(client, log, index, asked):
    senders = [f"+659111000{number}" for number in range(6)]
    for number, sender in enumerate(senders):
        post(client, f"invoice {number}", sender, ref=number, second=f"{number * 5:02d}")
    index.catch_up()
    seen, before, reads = [], None, 0
    while reads == 0 or before is not None:
        page = log.find(Search.parse(asked), before=before, limit=2)
        seen += [one.sender for one in page.conversations]
        before = page.next and Cursor.read(str(page.next))
        # The oldest writes again, and somebody new.
        post(client, f"invoice again {reads}", senders[reads], ref=f"again{reads}", second="40")
        post(client, f"invoice new {reads}", f"+659222000{reads}", ref=f"new{reads}", second="50")
        if reads % 2 == 0:
            index.catch_up()
        reads += 1
    assert seen == senders[::-1]


def test_a_page_is_of_its_moment_everywhere(app, client, api):
    senders = [f"+659111000{number}" for number in range(4)]
    for number, sender in enumerate(senders):
        post(client, f"hello {number}", sender, ref=number, second=f"{number * 5:02d}")
    first = api("/conversations?limit=2")
    post(client, "hello again", senders[0], ref="again", second="40")
    second = api(f"/conversations?limit=2&before={first['next']}")
    assert [one["sender"] for one in first["conversations"] + second["conversations"]] == senders[::-1]
    assert second["next"] is None
    done = app.test_cli_runner().invoke(args=["conversations", "--before", first["next"], "--json"])
    assert [one["sender"] for one in json.loads(done.stdout)["conversations"]] == senders[1::-1]
    # A plain id, as an earlier version gave it, still works.
    assert [one["sender"] for one in api("/conversations?before=3")["conversations"]] == [senders[1]]
    wrong = client.get("/api/v1/conversations?before=1.2.3", headers={"Authorization": f"Bearer {API_TOKEN}"})
    assert (wrong.status_code, wrong.json["error"]["message"]) == (
        400,
        "before: must be `next` of the previous page",
    )
