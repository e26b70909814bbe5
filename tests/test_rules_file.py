"""A rules file: every mistake is told with line and column, in the words of the file, and all at once."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.answering import ours
from receiver.answering.decisions import Noted
from receiver.answering.hours import Calendar, Hours
from receiver.answering.machine import begin, proceed
from receiver.answering.picture import picture
from receiver.answering.places import Places
from receiver.answering.problems import Place
from receiver.answering.read import load, read
from receiver.answering.shown import lines
from receiver.answering.way import Way, way_of
from receiver.providers.registry import PROVIDERS
from receiver.vocabulary.answering import NoInput, Pressed, Rang

EXAMPLES = Path(__file__).parent.parent / "docs/answering"
GOOD = (EXAMPLES / "shop.toml").read_text(encoding="utf-8")
OURS = "+6561234567"


@pytest.mark.parametrize(
    ("old", "new", "points_at", "says"),
    [
        ("{ dial = ", "{ dail = ", "dail =", "there is no step 'dail'; did you mean 'dial'?"),
        ('  { go = "voicemail" },\n]\n"aft', ']\n"aft', "{ dial =", "the flow 'counter' does not end"),
        ('flow = "counter"', 'flow = "countre"', '"countre"', "did you mean 'counter'?"),
        ("Mo-Fr 09:00-18:00;", "Mo-Fr 9am-6pm;", "9am-6pm", "'Mo-Fr 9am-6pm; Sa 10:00-14:00; PH off' cannot"),
        (
            "Mo-Fr 09:00-18:00; Sa",
            "Mon-Friday 9:00-18:00; Sa",
            '"Mon-F',
            "did you mean 'Mo-Fr 9:00-18:00; Sa 10",
        ),
        ('open = "shop", flow', 'weekday = "Mon-Fri", flow', '"Mon-', "did you mean 'Mo-Fr'?"),
        ("PH off", "PH of", "of", "cannot be read"),
        ("PH off", "SH off", "SH off", "school holidays"),
        ('open = "shop", flow', 'open = "shpo", flow', '"shpo"', "did you mean 'shop'?"),
        ('switch = "on holiday"', 'switch = "away"', '"away"', "there is no switch 'away'"),
        ('country = "SG"', 'country = "XX"', '"XX"', "country must be a country such as SG"),
        ('"Asia/Singapore"', '"Singapur"', '"Singapur"', "must be the name of a time zone"),
        ('time_zone = "Asia/Singapore"', "", '"shop", flow', "open needs a clock"),
        ('country = "SG" ', "#", '"shop", flow', "say whose holidays these are"),
        ("+6561234567", "61234567", '"61234567"', "no telephone number with its country"),
        ("+6591110002", "1110002", '"1110002"', "no telephone number with its country"),
        ("record = 120", 'record = "120"', '"120"', "record must be a whole number"),
        ("record = 120", "record = 1", "1,", "record must be 2 to 3600"),
        ('every = "12h"', 'every = "daily"', '"daily"', "every must be a time"),
        ('"hang up",\n]\nvoice', '{ go = "away" },\n]\nvoice', "{ go =", "for ever (away → away)"),
        ('"hang up",\n]\nvoice', '"hangup",\n]\nvoice', '"hangup"', "did you mean 'hang up'?"),
        ('"hang up",\n]\nvoice', '"reject",\n]\nvoice', '"reject"', "must be the first step"),
        ('name = "Lim', 'nmae = "Lim', "nmae", "did you mean 'name'?"),
        ("{ flow = ", "{ floww = ", "{ floww", "needs flow"),
        ("switches = [", "switches = ", '"on holiday"]', "this is not TOML"),
    ],
)
def test_a_mistake_is_told_with_its_place(old: str, new: str, points_at: str, says: str) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    problems = read(text).problems
    told = [problem for problem in problems if says in problem.sentence]
    assert told, problems
    if says == "this is not TOML":
        return
    line, column = told[0].place.line, told[0].place.column
    assert text.splitlines()[line - 1][column - 1 :].startswith(points_at), told
    assert read(text).rules is None


@pytest.mark.parametrize("old", ["Mo-Fr 09:00-18:00;", "+6561234567", 'weekday = "'])
def test_a_sentence_about_a_long_text_is_short(old: str) -> None:
    text = GOOD.replace('open = "shop", flow', 'weekday = "Mo", flow')
    problems = read(text.replace(old, old + "Monday 9; " * 4000, 1)).problems
    assert problems
    assert max(len(problem.sentence) for problem in problems) < 500
    if old.startswith("Mo"):
        assert "'Mo-Fr 09:00-18:00;Monday 9; " in problems[0].sentence
        assert "did you mean 'Mo-Fr 09:00-18:00;Mo 9; " in problems[0].sentence


def test_all_mistakes_are_told_at_once_in_their_order() -> None:
    text = GOOD.replace("record", "recrod").replace("PH off", "PH of").replace('"12h"', '"x"')
    assert [problem.place.line for problem in read(text).problems] == [8, 19, 37]


def test_a_menu_must_say_what_happens_without_a_key_and_with_a_wrong_one() -> None:
    menu = '{ gather = { 1 = "away" }, say = "Press 1." }'
    told = [problem.sentence for problem in read(GOOD.replace('"hang up"', menu, 1)).problems]
    assert any("needs no_input" in sentence for sentence in told)
    assert any("needs wrong_input" in sentence for sentence in told)


def test_calls_that_no_rule_takes_are_warned_of() -> None:
    reading = read(GOOD.replace('  { flow = "after hours" },\n', ""))
    assert reading.rules is not None
    assert [str(problem) for problem in reading.problems] == [
        "line 10, column 10: warning: nothing is said of every other time: add a rule that has only a flow"
    ]


def test_numbers_must_be_ours_and_their_provider_able() -> None:
    hoiio = PROVIDERS["hoiio"]
    rules = load(GOOD.replace('["+6591110001", "+6591110002"]', '"+6591110001", ring = 20'), "x")
    assert ours.check(load(GOOD, "x"), {OURS: hoiio}) == ()
    [beyond] = ours.check(rules, {OURS: hoiio})
    assert beyond.place == Place(25, 3)
    assert beyond.sentence == f"{OURS} is a number of Hoiio, which cannot do 'ring' here"
    [not_ours] = ours.check(rules, {"+6561234568": hoiio})
    assert "is not a number of ours; did you mean '+6561234568'?" in not_ours.sentence
    [unknown] = ours.check(rules, None)
    assert unknown.warning


@pytest.mark.parametrize(
    ("provider", "reply", "says"),
    [
        ("hoiio", "a" * 160, []),
        ("twilio", "a" * 160, []),
        ("hoiio", "a" * 159 + "€", ["this reply is sent as 2 SMS, and each is paid for"]),
        ("hoiio", "a" * 460, [f"{OURS} is a number of Hoiio, which sends no reply as long as this one"]),
        ("twilio", "a" * 460, ["this reply is sent as 4 SMS, and each is paid for"]),
        ("hoiio", "谢" * 202, [f"{OURS} is a number of Hoiio, which sends no reply as long as this one"]),
        ("twilio", "谢" * 202, ["this reply is sent as 4 SMS, and each is paid for"]),
    ],
)
def test_a_reply_that_costs_more_or_is_too_long_is_told(provider: str, reply: str, says: list[str]) -> None:
    rules = load(GOOD.replace("Thank you! We read this when the shop opens. Lim's Flowers", reply), "x")
    told = ours.check(rules, {OURS: PROVIDERS[provider]})
    assert [problem.sentence for problem in told] == says
    assert all(problem.warning is problem.sentence.startswith("this reply") for problem in told)


def test_a_language_that_the_provider_may_not_speak_is_warned_of() -> None:
    assert 'language = "' not in GOOD
    rules = load('language = "sk"\n' + GOOD, "x")
    told = ours.check(rules, {OURS: PROVIDERS["twilio"]})
    assert {problem.warning for problem in told} == {True}
    assert "which may not speak 'sk': add its country, as in zh-HK" in told[0].sentence
    assert ours.check(load('language = "sk-SK"\n' + GOOD, "x"), {OURS: PROVIDERS["twilio"]}) == ()


@settings(max_examples=200)
@given(st.text(alphabet="[]{}\"'=.,#\n\\ abc1+-:", max_size=60))
def test_no_text_makes_it_fail(text: str) -> None:
    reading = read(text)
    assert (reading.rules is None) is any(not problem.warning for problem in reading.problems)


VALUES = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(-9, 9),
        st.text(alphabet='ab"\\#,]}=\n', max_size=5).map(
            lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
        ),
        st.just("'''a]\n'b'''"),
        st.just('"""a"" }\n"""'),
        st.just("2026-12-24 10:00:00"),
    ).map(lambda value: str(value).lower() if isinstance(value, bool) else str(value)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[ # ]\n" + ",\n".join(items) + "]"),
        st.lists(inner, max_size=3).map(
            lambda items: "{" + ", ".join(f"k{at}.'x y' = {item}" for at, item in enumerate(items)) + "}"
        ),
    ),
    max_leaves=6,
)


@settings(max_examples=150)
@given(st.lists(VALUES, max_size=4), st.booleans())
def test_everything_in_a_file_has_a_place(values: list[str], repeated: bool) -> None:
    head = "[[a.b]]\nx = 1\n[[a.b]]\n[a.b.c]\n" if repeated else '[a."b c"] # [x]\n'
    text = head + "".join(f"v{at} = {value}\n" for at, value in enumerate(values))
    assert paths_of(tomli.loads(text)) == Places(text).paths


def paths_of(value: object, path: tuple[str | int, ...] = ()) -> frozenset[tuple[str | int, ...]]:
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    inner = [paths_of(member, (*path, key)) for key, member in members]
    return frozenset({path} if path else set()).union(*inner)


@pytest.mark.parametrize(
    ("hours", "at", "is_open"),
    [
        ("Mo-Fr 09:00-18:00; PH off", "2026-12-25 10:00", False),
        ("Mo-Fr 09:00-18:00; PH off", "2026-12-24 10:00", True),
        ("Sa,Su,PH 10:00-14:00", "2026-02-18 10:00", True),
        ("Sa,Su,PH 10:00-14:00", "2026-02-19 10:00", False),
        ("PH 22:00-02:00", "2026-02-19 01:00", True),  # the night after the holiday
        ("PH 22:00-02:00", "2026-02-20 01:00", False),
        ('Mo-Fr 09:00-18:00 "not on PH"', "2026-02-18 10:00", True),  # a remark asks for nothing
        ("24/7", "2026-02-18 10:00", True),
    ],
)
def test_hours_know_the_holidays_of_the_country(hours: str, at: str, is_open: bool) -> None:
    assert Hours.read(hours).open_at(datetime.fromisoformat(at), Calendar("SG")) is is_open


def test_a_part_of_a_country_and_a_firm_have_holidays_of_their_own() -> None:
    epiphany = date(2026, 1, 6)
    assert Calendar("DE").holiday(epiphany) is None
    assert Calendar("DE-BY").holiday(epiphany) == "Epiphany"
    assert Calendar(None, [epiphany]).holiday(epiphany) == "holiday of your own"


@pytest.mark.parametrize("name", ["shop", "clinic", "support"])
def test_the_picture_of_an_example_is_the_one_in_the_documents(name: str) -> None:
    rules = load((EXAMPLES / f"{name}.toml").read_text(encoding="utf-8"), name)
    number = next(iter(rules.numbers.values()))
    drawn = picture(rules, number, alone=True)
    assert drawn + "\n" == (EXAMPLES / f"{name}.svg").read_text(encoding="utf-8"), (
        f"draw it again: RULES=docs/answering/{name}.toml receiver rules show {number.number} --svg"
    )


def test_a_picture_marks_the_way_of_a_call_and_is_only_text() -> None:
    rules = load(GOOD.replace("Good day", "<b>&"), "x")
    number = rules.numbers[OURS]
    plain, marked = (
        picture(rules, number),
        picture(rules, number, Way((("counter", 1), ("counter", 2)), rule=2)),
    )
    assert "<b>" not in plain
    assert 'class="way"' not in plain
    assert marked.count('class="way"') == 6  # the rule, both cards, a line, two steps


MENU = """
[numbers."+6561234567"]
calls = [{ from = "+65*", flow = "menu" }, { flow = "menu" }]
[flows]
menu = [{ say = "Press 2.", gather = { 2 = "voicemail" }, repeats = 1,
  no_input = "voicemail", wrong_input = "voicemail" }]
voicemail = [{ record = 60, say = "Please speak." }, "hang up"]
"""


def test_a_picture_marks_the_branch_that_was_taken_and_no_other_to_the_same_flow() -> None:
    rules, rang = load(MENU, "x"), Rang(OURS, None, datetime(2026, 11, 26, 4, tzinfo=UTC))
    begun = begin(rules, rang)
    again = proceed(rules, begun.state, NoInput(1))
    moves = [begun, again, proceed(rules, again.state, Pressed(2, "2"))]
    noted = [Noted(rang.at, None, move.why, None, move.state) for move in moves]
    drawn = picture(rules, rules.numbers[OURS], way_of(noted))
    rows = re.findall(r'<text [^>]*class="way"[^>]*>([^<]*)', drawn)
    assert [row for row in rows if "→" in row] == ["always → menu", "2 → voicemail"]


def test_the_rules_of_a_number_can_be_read() -> None:
    rules = load(GOOD, "x")
    said = list(lines(rules, rules.numbers[OURS], datetime(2026, 11, 26, 4, tzinfo=UTC)))
    assert "    2 open: shop → counter, failure → voicemail" in said
    assert "    shop: Mo-Fr 09:00-18:00; Sa 10:00-14:00; PH off (now open)" in said
    assert any("next holidays: 2026-12-25 Christmas Day" in line for line in said)


def test_why_says_which_hours_were_open() -> None:
    rang = Rang(OURS, None, datetime.fromisoformat("2026-11-26 10:00+08:00"))
    why = begin(load(GOOD, "x"), rang).why[0]
    assert str(why) == "rule 2 (shop open) holds; not rule 1 (on holiday off)"
