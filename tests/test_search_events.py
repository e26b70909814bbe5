"""Finding: every combination of filters, page by page; a tail that misses nothing; all of it at once."""

import itertools
import random
import threading
from datetime import UTC, datetime, timedelta

import pytest
from conftest import KEY, signed
from sqlalchemy import delete, text, update

from receiver.db.engine import writing
from receiver.db.settled import settled_id
from receiver.export.export import Form, export
from receiver.models import Event
from receiver.search.count_matching import count_matching
from receiver.search.events import EventLog, event_json
from receiver.search.index import LogIndex
from receiver.search.match import matches
from receiver.search.query import Search
from receiver.vocabulary.kinds import EventState, EventType, Kind

SENDERS = ("+6591110001", "+6591110002", "private")
NUMBERS = ("+16500000001", "+6560000001")


def bodies():
    """A log with every kind and type, at two numbers from three senders."""
    for number in range(12):
        ends = {"from": SENDERS[number % 3], "to": NUMBERS[number % 2]}
        dated = ends | {"date": "2026-01-01 10:00:00"}
        yield "sms", dated | {"txn_ref": f"AA-SI-{number}", "msg": f"hello {number}"}
        call = ends | {"session": f"S{number}", "txn_ref": f"AA-C-{number}", "call_state": "ringing"}
        yield "voice", call | {"ivr_block": "answer"}
        if number % 3:
            yield "voice", call | {"ivr_block": "gather", "call_state": "ongoing", "digits": str(number)}
        if number % 4:
            yield (
                "voice",
                call | {"ivr_block": "answer" if number % 3 == 0 else "gather", "call_state": "ended"},
            )
        failed = {"fax_status": "failed"}
        status = failed if number % 5 == 0 else {"fax_status": "answered", "fax_url": "http://x/"}
        yield "fax", dated | {"txn_ref": f"AA-F-{number}"} | status
    yield "sms", {"from": SENDERS[0], "to": NUMBERS[0], "txn_ref": "AA-SI-99"}
    yield "sms", {"from": NUMBERS[0], "to": SENDERS[0], "txn_ref": "AA-SI-98", "msg": "the other way round"}


@pytest.fixture
def engine(app):
    return app.extensions["receiver"].engine


@pytest.fixture
def log(client, engine):
    """The callbacks in shuffled order, some with a forged signature; the older half is indexed."""
    posts = list(bodies())
    random.Random(5).shuffle(posts)
    for place, (kind, body) in enumerate(posts):
        headers = {"X-Hoiio-Signature": "0" * 64} if place % 9 == 4 else {}
        assert client.post(f"/callbacks/{KEY}/{kind}", data=body, headers=headers).status_code == 200
        if place == len(posts) // 2:
            LogIndex(engine).catch_up()
    # Spread over a day, as if they had come one by one; the newest came late, out of a spool.
    with writing(engine) as connection:
        now = datetime.now(UTC)
        for event_id in range(1, len(posts) + 1):
            hours = 24 - event_id * 24 / len(posts) if event_id < len(posts) else 20
            when = now - timedelta(hours=hours)
            connection.execute(update(Event).where(Event.id == event_id).values(received_at=when))
        # The counts were made before: make them again.
        connection.execute(text("UPDATE index_state SET version = 0"))
    index = LogIndex(engine)
    index.advance(len(posts))
    index.advance(10)
    index.advance(len(posts) // 2)
    return EventLog(engine)


def every_combination():
    now = datetime.now(UTC)
    choices = {
        "kind": [None, *Kind],
        "type": [None, EventType.CALL_ENDED, EventType.UNKNOWN],
        "state": [None, EventState.FAILED, EventState.RECEIVED, EventState.RINGING],
        "ends": [
            *({}, {"sender": SENDERS[0]}, {"recipient": NUMBERS[0]}, {"number": NUMBERS[0]}),
            {"sender": SENDERS[1], "recipient": NUMBERS[1]},
            {"number": SENDERS[0], "recipient": NUMBERS[0]},
        ],
        "times": [
            *({}, {"since": now - timedelta(hours=9)}, {"until": now - timedelta(hours=12)}),
            {"since": now - timedelta(hours=21), "until": now - timedelta(hours=11)},
        ],
        "quarantined": [None, True, False],
        "problems": [None, True, False],
        "text": [None, "hello"],
    }
    for values in itertools.product(*choices.values()):
        given = dict(zip(choices, values, strict=True))
        yield Search(**given.pop("ends"), **given.pop("times"), **given)


def test_it_finds_what_matches_and_nothing_else_with_any_combination_of_filters(log):
    everything = list(log.every(Search()))
    assert len(everything) == len(list(bodies()))
    combinations = list(every_combination())
    for wanted in random.Random(3).sample(combinations, 250):
        expected = [event.id for event in everything if matches(wanted, event)]
        page = log.find(wanted, limit=7)
        found = [event.id for event in page.events]
        assert found == expected[:7], str(wanted)
        if page.next is not None:
            found += [event.id for event in log.find(wanted, before=page.next, limit=500).events]
        assert found == expected, str(wanted)
        tail = log.after(wanted, 0, limit=500)
        assert [event.id for event in tail.events] == expected[::-1], str(wanted)


@pytest.mark.parametrize(
    ("wanted", "sessions"),
    [
        (Search(state=EventState.MISSED), {"S3", "S6", "S9"}),
        (Search(state=EventState.ANSWERED, sender=SENDERS[1]), {"S1", "S7", "S10"}),
        (Search(session="S5"), {"S5"}),
        (Search(txn_ref="AA-C-5", kind=Kind.VOICE), {"S5"}),
        (Search(session="S5", text="S5"), {"S5"}),
        (Search(session="S5", kind=Kind.SMS), set()),
        (Search(state=EventState.MISSED, kind=Kind.FAX), set()),
    ],
)
def test_it_knows_the_call_of_an_event(client, engine, wanted, sessions):
    posts = list(bodies())
    random.Random(6).shuffle(posts)
    for kind, body in posts:
        client.post(f"/callbacks/{KEY}/{kind}", data=body)
    assert {event.session for event in EventLog(engine).every(wanted)} == sessions


def test_it_reads_everything_page_by_page(client, engine, monkeypatch):
    monkeypatch.setattr("receiver.search.events._PORTION", 4)
    for number in range(10):
        client.post(f"/callbacks/{KEY}/sms", data={"txn_ref": f"A-{number}", "msg": "x"})
    log = EventLog(engine)
    assert [event.id for event in log.every(Search())] == list(range(10, 0, -1))
    assert [event.id for event in log.every(Search(kind=Kind.SMS), limit=5)] == [10, 9, 8, 7, 6]
    assert log.ids(Search(), before=4) == [3, 2, 1]


def test_it_gives_one_event_whole_in_the_same_form_as_in_a_list(client, engine):
    body = b"txn_ref=A-1&msg=%E4%BD%A0%00&from=%2B6591110001&to=%2B16500000001&date=2026-01-01+10:00:00"
    client.post(f"/callbacks/{KEY}/sms?extra=1", data=body, headers=signed(body))
    log = EventLog(engine)
    shown = event_json(log.get(1), raw=True)
    assert shown["params"] == {
        "txn_ref": "A-1",
        "msg": "你\x00",
        "from": "+6591110001",
        "to": "+16500000001",
        "date": "2026-01-01 10:00:00",
        "extra": "1",
    }
    assert shown["raw"]["query_string"] == "extra=1"
    del shown["raw"]
    assert event_json(log.find(Search()).events[0]) == shown
    assert log.get(2) is None


def test_its_tail_goes_on_from_what_it_gave_and_passes_over_the_rest(client, engine):
    log = EventLog(engine)
    assert log.newest_id() == 0
    for number in range(6):
        kind, said = ("sms", {"msg": f"word{number}"}) if number % 2 else ("fax", {"fax_status": "failed"})
        client.post(f"/callbacks/{KEY}/{kind}", data={"txn_ref": f"A-{number}", **said})
    assert log.newest_id() == 6
    first = log.after(Search(kind=Kind.SMS), 0, limit=2)
    assert ([event.id for event in first.events], first.next) == ([2, 4], 4)
    rest = log.after(Search(kind=Kind.SMS), first.next)
    assert ([event.id for event in rest.events], rest.next) == ([6], 6)
    assert log.after(Search(text="word3"), 0).next == 6
    assert [event.id for event in log.after(Search(text="word3"), 0).events] == [4]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.postgres
def test_its_tail_waits_for_a_lower_id_that_is_still_on_its_way(client, app, engine):
    log = EventLog(engine)
    client.post(f"/callbacks/{KEY}/sms", data={"txn_ref": "A-1", "msg": "first"})
    slow = engine.connect()
    slow.execute(
        text(
            "INSERT INTO events (identity, arrival, kind, type, received_at, signature, method, query_string,"
            " headers, body, peer) VALUES ('slow', 'slow', 'sms', 'sms.received', now(), 'valid', 'POST', '',"
            " '', '', '')"
        )
    )
    client.post(f"/callbacks/{KEY}/sms", data={"txn_ref": "A-2", "msg": "after it"})
    tail = log.after(Search(), 1)
    assert (list(tail.events), tail.next) == ([], 1)
    later = threading.Timer(0.05, slow.commit)
    later.start()
    tail = log.after(Search(), 1)
    assert ([event.id for event in tail.events], tail.next) == ([2, 3], 3)
    later.join()
    slow.close()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.postgres
def test_its_tail_passes_over_an_id_that_will_never_be(client, engine):
    for number in (1, 2, 3):
        client.post(f"/callbacks/{KEY}/sms", data={"txn_ref": f"A-{number}", "msg": "x"})
    with writing(engine) as connection:
        connection.execute(delete(Event).where(Event.id == 2))
    with engine.connect() as connection:
        assert settled_id(connection, 1) == 3


def test_our_own_tests_are_found_only_if_asked_for(client, engine):
    """In every list, stream, count and export. What only looks like one is no test."""
    sms = b"txn_ref=AA-SI-1&msg=hello&from=%2B6591110001&to=%2B6560000001"
    for body, headers in [
        (sms, signed(sms)),
        (b"receiver_test=0123", signed(b"receiver_test=0123")),
        (b"receiver_test=4567", {"X-Hoiio-Signature": "0" * 64}),
    ]:
        assert client.post(f"/callbacks/{KEY}/sms", data=body, headers=headers).status_code == 200
    log = EventLog(engine)
    for wanted, ids in [
        (Search(), [3, 1]),
        (Search(kind=Kind.SMS), [3, 1]),
        (Search(type=EventType.TEST), [2]),
        (Search(quarantined=True), [3]),
        (Search(quarantined=False), [1]),
        (Search(since=datetime.now(UTC) - timedelta(hours=1)), [3, 1]),
    ]:
        assert [event.id for event in log.find(wanted).events] == ids
        assert [event.id for event in log.after(wanted, 0).events] == ids[::-1]
        assert [event.id for event in log.every(wanted)] == ids
        exported = "".join(export(engine, wanted, Form.CSV, fields=["id"])).split()[1:]
        assert exported == [str(event_id) for event_id in ids]
        assert sum(row["events"] for row in count_matching(engine, wanted).types) == len(ids)
