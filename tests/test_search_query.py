"""Searches: read from the search language and from fields, written back, found in every script."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from arrivals import arrival
from conftest import KEY
from hypothesis import given
from hypothesis import strategies as st

from receiver.intake.arrival import event_row
from receiver.search import select
from receiver.search.events import EventLog
from receiver.search.index import LogIndex
from receiver.search.mistakes import SearchError
from receiver.search.query import Search
from receiver.search.words import words
from receiver.vocabulary.kinds import EventState, EventType, Kind

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SINGAPORE = timezone(timedelta(hours=8))


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3 if day == 1 else 2, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", Search()),
        ("from:+6591234567", Search(sender="+6591234567")),
        ('from:"+65 9123-4567"', Search(sender="+6591234567")),
        ("from:006591234567", Search(sender="+6591234567")),
        ("to:6591234567", Search(recipient="+6591234567")),
        ("from:private", Search(sender="private")),
        ("number:+6591234567 kind:SMS", Search(number="+6591234567", kind=Kind.SMS)),
        ("type:call.ended state:missed", Search(type=EventType.CALL_ENDED, state=EventState.MISSED)),
        ("session:S1 ref:AA-1", Search(session="S1", txn_ref="AA-1")),
        ("since:90m", Search(since=NOW - timedelta(minutes=90))),
        ("since:2026-02-01T10:00+08:00", Search(since=datetime(2026, 2, 1, 2, tzinfo=UTC))),
        ("until:2026-02-01T10:00:00z", Search(until=datetime(2026, 2, 1, 10, tzinfo=UTC))),
        ('since:"2026-02-01 10:00"', Search(since=datetime(2026, 2, 1, 2, tzinfo=UTC))),
        ("since:10:00", Search(since=datetime(2026, 3, 1, 2, tzinfo=UTC))),
        ("since:21:00", Search(since=datetime(2026, 2, 28, 13, tzinfo=UTC))),
        ("since:01:40 until:02:00", Search(since=at(28, 17, 40), until=at(28, 18))),
        ("until:2:00 since:19:59", Search(since=at(1, 11, 59), until=at(1, 18))),
        ("until:02:00", Search(until=at(28, 18))),
        ("since:Today", Search(since=at(28, 16))),
        ("since:yesterday until:today", Search(since=at(27, 16), until=at(28, 16))),
        ("is:quarantined -has:problems", Search(quarantined=True, problems=False)),
        ('invoice "by friday" urg*', Search(text='invoice "by friday" urg*')),
        ("https://example.com/a", Search(text="https://example.com/a")),
        ('"from:someone"', Search(text='"from:someone"')),
        ("hello - world", Search(text="hello world")),
        ('an "open quote', Search(text='an "open quote"')),
        ('"-word" "NOT" not', Search(text='"-word" "NOT" not')),
        ("e-mail a - b --- c", Search(text="e-mail a b c")),
    ],
)
def test_it_reads_the_search_language(text, wanted):
    assert Search.parse(text, NOW, SINGAPORE) == wanted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind:telegram", "kind: 'telegram' is unknown; use one of voice, fax, sms"),
        ("state:unanswered", "state: 'unanswered' is unknown; did you mean missed? Use"),
        ("form:+65", "form: unknown filter"),
        ("from:", "from: a value is missing after the colon"),
        ("kind:sms kind:fax", "kind: is given twice"),
        ("since:tomorrow", "since: 'tomorrow' is not a time"),
        ("since:999999w", "since: '999999w' is not a time"),
        ("is:new", "is: 'new' is unknown"),
        ("-from:+6591234567", "-from: only is:quarantined and has:problems"),
        ("invoice -paid", "text: a dash cannot leave words out of a search; to look for '-paid' itself,"),
        ("-paid*", "text: a dash cannot"),
        ('-"already paid"', "text: a dash cannot"),
        ("--paid", "text: a dash cannot"),
        ("\u2013paid", "text: a dash cannot"),
        ("\u2212kind:sms", "text: a dash cannot"),
        ("-(paid)", "text: a dash cannot"),
        ("-https://example.com", "text: a dash cannot"),
        ("NOT paid", "text: NOT is no operator here, every word has to be there; to look for the word,"),
        ("NOT kind:sms paid", "text: NOT is no operator"),
        ("paid OR due", "text: OR is no operator"),
        ("paid AND due", "text: AND is no operator"),
        ("ab*", "text: at least 3 characters are needed before *"),
        ("---", "text: '---' contains no letter"),
        ("word " * 17, "text: more than 16 words"),
        ("x" * 1001, "search: longer than 1000 characters"),
    ],
)
def test_it_says_in_a_sentence_what_makes_no_sense(text, said):
    with pytest.raises(SearchError) as raised:
        Search.parse(text, NOW)
    assert str(raised.value).startswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "since:2026-03-01 until:yesterday",
            "until: is before since: (2026-02-28 00:00:00+08:00, 2026-03-01 00:00:00+08:00); nothing",
        ),
        ("since:1h until:2h", "until: is before since: ("),
        ("since:today until:today", "until: is the same as since: ("),
        ("since:2026-03-01T20:30", "since: 2026-03-01 20:30:00+08:00 is still to come"),
        ("since:2026-03-01T20:10", None),
        ("until:2026-03-09", None),
    ],
)
def test_times_between_which_nothing_can_be_are_a_mistake_of_who_asks_and_stay_readable(text, said):
    wanted = Search.parse(text, NOW, SINGAPORE)
    assert Search.parse(str(wanted), NOW) == wanted
    if said is None:
        wanted.require_span(NOW, SINGAPORE)
        return
    with pytest.raises(SearchError) as raised:
        wanted.require_span(NOW, SINGAPORE)
    assert str(raised.value).startswith(said)


def test_it_says_all_that_makes_no_sense_at_once():
    with pytest.raises(SearchError) as raised:
        Search.parse("kind:faxx stat:missed colour:red since:tomorrow -paid ab* to:", NOW)
    kind, state = "'faxx' is unknown; did you mean fax? Use one of", "unknown filter; did you mean state:?"
    said = raised.value.mistakes
    assert " ".join(one.split(":")[0] for one in said) == "to stat colour kind since text text"
    assert f"kind: {kind} voice, fax, sms" in said
    assert said[1].startswith(f"stat: {state} The filters are provider:, kind:")
    assert "is:quarantined, has:problems" in said[1]
    assert said[2] == "colour: unknown filter"
    assert str(raised.value) == ". ".join(said)


def test_it_reads_fields_as_a_url_or_a_command_line_gives_them():
    # The + of a number and of a zone arrive as spaces.
    given = {"sender": " 65 9123 4567", "since": "2026-02-01T10:00:00 08:00", "problems": "yes", "text": ""}
    assert Search.read(given, NOW) == Search(
        sender="+6591234567", since=datetime(2026, 2, 1, 2, tzinfo=UTC), problems=True
    )
    with pytest.raises(
        SearchError, match="colour: unknown filter; the filters are contact, handled, kind, number"
    ):
        Search.read({"colour": "red"})


moments = st.datetimes(timezones=st.just(UTC))
fields = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from([kind.value for kind in Kind]),
        "type": st.sampled_from([type_.value for type_ in EventType]),
        "state": st.sampled_from([state.value for state in EventState]),
        "sender": st.text(max_size=20),
        "recipient": st.from_regex(r"\+?[0-9 ]{7,15}", fullmatch=True),
        "session": st.text(max_size=20),
        "txn_ref": st.text(max_size=20),
        "since": moments.map(lambda when: when.isoformat()),
        "quarantined": st.sampled_from(["true", "false"]),
        "problems": st.sampled_from(["true", "false"]),
        "text": st.text(max_size=40),
    },
)


@pytest.mark.parametrize("word", ["-paid", "--paid", "NOT", "\u2013paid", "-is:quarantined", "-a b"])
def test_it_finds_in_quotes_what_would_be_refused(word):
    wanted = Search.parse(f'"{word}"', NOW)
    assert wanted.text == f'"{word}"'
    assert Search.parse(str(wanted), NOW) == wanted


@pytest.mark.parametrize("value", ["//", "//a b", "-", "a:b", '"', ' "" ', '"//"', 'a"'])
def test_it_quotes_what_would_read_as_something_else(value):
    wanted = Search.read({"session": value, "txn_ref": value}, NOW)
    assert Search.parse(str(wanted), NOW) == wanted


@given(fields)
def test_it_writes_a_search_so_that_it_reads_the_same_again(given):
    try:
        wanted = Search.read(given, NOW)
    except SearchError:
        return  # a text without a word
    assert Search.parse(str(wanted), NOW) == wanted


@given(st.text(max_size=60))
def test_it_reads_anything_or_says_what_is_wrong(text):
    try:
        wanted = Search.parse(text, NOW)
    except SearchError:
        return
    assert Search.parse(str(wanted), NOW) == wanted


@given(st.text(max_size=60))
def test_it_cuts_a_text_into_words_that_stay_what_they_are(text):
    for word in words(text):
        assert word
        assert " " not in word
        assert "'" not in word
        assert words(word) == [word]


TEXTS = [
    "Please call me back about invoice 4711",
    "INVOICE 4711-A by Friday, thanks",
    "Ihre Straße, naïve Café",
    "CAFÉ CAFE",
    "你好世界",
    "界世好你",
    "Party 🎉🎉 tonight 👍🏽",
    "Привет, Мир",
    "الرقم ١٢٣ مهم",
    "สวัสดีครับ",
    "ﾊﾝｶｸ and FULLWIDTH \uff21\uff22\uff23",
    "the price is = 5% <b>bold</b> it's",
    "a\x00b nul",
    "by invoice friday",
]


@pytest.fixture(params=["indexed", "not indexed yet"])
def log(request, client, app):
    """The texts, and a call with a parameter of the owner's; events 1, 2, 3 … in this order."""
    for number, text in enumerate(TEXTS, start=1):
        answer = client.post(
            f"/callbacks/{KEY}/sms",
            data={"txn_ref": f"AA-SI-{number}", "msg": text, "from": "+6591110001", "to": "+16500000001"},
        )
        assert answer.status_code == 200
    client.post(
        f"/callbacks/{KEY}/voice?app_state=menu-two",
        data={"call_state": "ringing", "session": "S77", "txn_ref": "AA-C-9", "from": "+6598765432"},
    )
    engine = app.extensions["receiver"].engine
    if request.param == "indexed":
        LogIndex(engine).catch_up()
    return EventLog(engine)


FOUND = [
    ("invoice", [14, 2, 1]),
    ("InVoIcE", [14, 2, 1]),
    ('"invoice 4711"', [2, 1]),
    ('"by friday"', [2]),
    ("friday by", [14, 2]),
    ("invoice* -", [14, 2, 1]),
    ("invo*", [14, 2, 1]),
    ('"invoice 471"*', [2, 1]),
    ("voice", []),
    ("4711-a", [2]),
    ("cafe", [4, 3]),
    ("CAFÉ", [4, 3]),
    ("strasse", [3]),
    ("你好", [5]),
    ("世界", [5]),
    ("好", [6, 5]),
    ("🎉", [7]),
    ("👍", [7]),
    ("привет мир", [8]),
    ("الرقم", [9]),
    ("สวัส", [10]),
    ("abc", [11]),
    ("ハンカク", [11]),
    ("bold", [12]),
    ("it's", [12]),
    ("nul", [13]),
    ("menu", [15]),
    ("app_state=menu-two", [15]),
    ("98765432", []),
    ("6598765432", [15]),
    ("65987*", [15]),
    ("S77 ringing", [15]),
    ("AA-SI-3", [3]),
    ("from:+6591110001 invoice thanks", [2]),
    ("kind:voice invoice", []),
    ("kind:voice menu", [15]),
    ("since:1h café", [4, 3]),
    ("until:1h café", []),
]


def test_it_finds_words_prefixes_and_phrases_in_any_script(log):
    found = {text: [event.id for event in log.find(Search.parse(text)).events] for text, _ in FOUND}
    assert found == dict(FOUND)


def test_what_is_not_indexed_yet_is_read_a_portion_at_a_time(log, monkeypatch):
    monkeypatch.setattr(select, "PORTION", 4)
    assert [event.id for event in log.find(Search(text="invoice")).events] == [14, 2, 1]
    assert [event.id for event in log.find(Search(text="invoice"), limit=1).events] == [14]


def test_more_words_than_a_database_takes_stop_no_index(app):
    parts = app.extensions["receiver"]
    words_of_it = " ".join(f"{'ä' * 75}{number}" for number in range(20_000))
    body = f"txn_ref=AA-SI-1&from=%2B6591110001&msg=begins+{words_of_it.replace(' ', '+')}".encode()
    large = arrival("AA-SI-1", body=body)
    assert parts.writer.write([event_row(large)]) == [None]
    LogIndex(parts.engine).catch_up()
    assert [event.id for event in parts.log.find(Search(text="begins")).events] == [1]


def test_it_pages_through_a_text_search(log):
    first = log.find(Search(text="invoice"), limit=2)
    assert [event.id for event in first.events] == [14, 2]
    rest = log.find(Search(text="invoice"), before=first.next, limit=2)
    assert ([event.id for event in rest.events], rest.next) == ([1], None)
