"""Counts: right at every moment, whatever was indexed, released, dropped or erased."""

from datetime import UTC, datetime, timedelta

import pytest
from arrivals import arrival
from conftest import KEY
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.event import listens_for

from receiver.db.engine import writing
from receiver.intake.arrival import event_row
from receiver.models import EVENTS, Event, IndexState
from receiver.search.conversations import ConversationLog
from receiver.search.counts import Counts, HourOfKind, TypeTotal
from receiver.search.events import EventLog
from receiver.search.index import LogIndex
from receiver.search.query import Search
from receiver.search.words import INDEX_VERSION

NUMBERS = ("+16500000001", "+6560000001")


@pytest.fixture
def engine(app):
    return app.extensions["receiver"].engine


def post(client, first, last):
    for number in range(first, last):
        ends = {"from": f"+659111000{number % 3}", "to": NUMBERS[number % 2]}
        forged = {"X-Hoiio-Signature": "0" * 64} if number % 5 == 4 else {}
        sms = {"txn_ref": f"AA-SI-{number}", "msg": f"word{number}"}
        client.post(f"/callbacks/{KEY}/sms", data=ends | sms, headers=forged)
        fax = {"txn_ref": f"AA-F-{number}", "fax_status": "failed"}
        client.post(f"/callbacks/{KEY}/fax", data=fax | ({"to": NUMBERS[0]} if number % 2 else {}))


def counted(engine):
    """All that the counts say, and the same counted in the log itself."""
    counts = Counts(engine)
    now = datetime.now(UTC)
    talks = ConversationLog(engine).find(Search()).conversations
    said = {
        "kinds": counts.by_kind(),
        "lately": counts.by_kind(now - timedelta(minutes=1)),
        "before": counts.by_kind(until=now - timedelta(hours=5)),
        "hours": [(one.kind, one.events) for one in counts.by_hour(now - timedelta(minutes=1), now)],
        "numbers": [(one.number, one.events, one.last_id) for one in counts.by_number()],
        "conversations": {(one.number, one.sender): one.count for one in talks},
    }
    trusted = list(EventLog(engine).every(Search(quarantined=False)))
    types, kinds, numbers, pairs = {}, {}, {}, {}
    for event in trusted:
        types[event.kind, event.type] = types.get((event.kind, event.type), 0) + 1
        kinds[event.kind] = kinds.get(event.kind, 0) + 1
        events, last = numbers.get(event.recipient or "", (0, None))
        newest = max(last or 0, event.id) if event.recipient else None
        numbers[event.recipient or ""] = events + 1, newest
        if event.kind == "sms":
            pairs[event.recipient, event.sender] = pairs.get((event.recipient, event.sender), 0) + 1
    totals = [TypeTotal(kind, type_, events) for (kind, type_), events in sorted(types.items())]
    ordered = sorted(numbers.items(), key=lambda one: (-one[1][0], one[0]))
    return said, {
        "kinds": totals,
        "lately": totals,
        "before": [],
        "hours": sorted(kinds.items()),
        "numbers": [(number, events, last) for number, (events, last) in ordered],
        "conversations": pairs,
    }


def same(engine):
    said, true = counted(engine)
    # A number that events named none of has no newest worth looking up.
    said["numbers"] = [(name, events, last if name else None) for name, events, last in said["numbers"]]
    assert said == true


def test_they_are_right_before_while_and_after_the_log_is_indexed(client, engine):
    index = LogIndex(engine)
    post(client, 0, 10)
    same(engine)
    assert index.advance(7) == 7
    same(engine)
    index.run()
    same(engine)
    post(client, 10, 20)
    same(engine)


def test_they_follow_what_is_deleted_released_and_taken_back(client, engine):
    index = LogIndex(engine)
    post(client, 0, 20)
    index.advance(30)
    with writing(engine) as connection:
        # Some that are indexed and some that are not yet; the newest of a conversation too.
        connection.execute(delete(Event).where(Event.id.in_([3, 8, 27, 29, 33, 37])))
    same(engine)
    with writing(engine) as connection:
        connection.execute(update(Event).where(Event.quarantine.is_not(None)).values(quarantine=None))
    same(engine)
    index.catch_up()
    same(engine)
    with writing(engine) as connection:
        connection.execute(update(Event).where(Event.id.in_([1, 2, 35, 36])).values(quarantine="taken back"))
    same(engine)
    with writing(engine) as connection:
        connection.execute(delete(Event))
    same(engine)
    assert Counts(engine).by_number() == []


def test_very_many_numbers_are_more_than_a_statement_takes(client, engine):
    row = event_row(arrival("AA-SI-1"))
    ours = [f"+65{number:08}" for number in range(1200)]
    with writing(engine) as connection:
        marked = [{"identity": number, "arrival": number, "recipient": number} for number in ours]
        connection.execute(insert(EVENTS), [row | mark for mark in marked])
    given = []

    @listens_for(engine, "before_cursor_execute")
    def listen(_, __, ___, parameters, *____):
        given.append(len(parameters))

    counts = Counts(engine)
    for indexed in (False, True):
        if indexed:
            LogIndex(engine).catch_up()
        given.clear()
        assert [(one.number, one.last_at) for one in counts.by_number()] == [
            (number, row["received_at"]) for number in ours
        ]
        some = counts.by_number(set(ours[::2]))
        assert [one.number for one in some] == ours[::2]
        assert max(given) < 1000


def test_nothing_of_a_deleted_event_stays_behind(client, engine):
    post(client, 0, 3)
    LogIndex(engine).catch_up()
    with writing(engine) as connection:
        connection.execute(delete(Event).where(Event.text == "word1"))
    with engine.connect() as connection:
        left = connection.execute(text("SELECT words FROM event_words")).all()
    assert len(left) == 5
    assert "word1" not in str(left)
    assert "word2" in str(left)


def test_the_words_are_made_anew_after_an_upgrade_that_reads_them_otherwise(client, engine):
    post(client, 0, 20)
    index = LogIndex(engine)
    index.catch_up()
    with writing(engine) as connection:
        connection.execute(update(IndexState).values(version=0))
    places = []
    while not places or places[-1] > 0:
        # Small steps back, at each of which all that is answered is right, whatever happens in between.
        index.advance(7)
        same(engine)
        found = EventLog(engine).find(Search(text="word3")).events
        assert [event.text for event in found] == ["word3"]
        with engine.connect() as connection:
            places.append(connection.scalar(select(IndexState.event_id)))
            column = "rowid" if engine.dialect.name == "sqlite" else "id"
            in_words = set(connection.scalars(text(f"SELECT {column} FROM event_words")))
            held = set(connection.scalars(select(Event.id).where(Event.id <= places[-1])))
        assert in_words == held
        with writing(engine) as connection:
            if len(places) == 1:
                connection.execute(delete(Event).where(Event.id.in_([2, 21, 36])))
            if len(places) == 2:
                released = update(Event).where(Event.id.in_([9, 29, 39])).values(quarantine=None)
                connection.execute(released)
    assert len(places) > 4
    index.catch_up()
    same(engine)
    assert [event.text for event in EventLog(engine).find(Search(text="word3")).events] == ["word3"]
    with engine.connect() as connection:
        assert connection.execute(select(IndexState.event_id, IndexState.version)).one() == (
            40,
            INDEX_VERSION,
        )
        assert connection.scalar(text("SELECT count(*) FROM event_words")) == 37


def test_an_hour_is_by_when_it_was_received(client, engine):
    post(client, 0, 1)
    long_ago = datetime(2026, 1, 1, 10, 59, 59, 999_000, tzinfo=UTC)
    with writing(engine) as connection:
        connection.execute(update(Event).where(Event.id == 1).values(received_at=long_ago))
    for _ in ("not indexed", "indexed"):
        hours = Counts(engine).by_hour(long_ago, long_ago + timedelta(hours=1))
        assert hours == [HourOfKind(datetime(2026, 1, 1, 10, tzinfo=UTC), "sms", 1)]
        assert Counts(engine).by_hour(long_ago, long_ago + timedelta(hours=1), number=NUMBERS[1]) == []
        LogIndex(engine).catch_up()
