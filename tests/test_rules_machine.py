"""What a call does next: every call ends, nothing raises, and no call knows of another."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from receiver.answering.machine import Move, begin, proceed
from receiver.answering.read import load, read
from receiver.answering.rules import Rules
from receiver.answering.sms import Texted, answer
from receiver.answering.state import State
from receiver.answering.why import Cause, Why
from receiver.vocabulary.answering import (
    CallerHungUp,
    Dial,
    DialEnded,
    DialOutcome,
    Gather,
    HangUp,
    Happening,
    NoInput,
    Pressed,
    Rang,
    Record,
    Recorded,
    Reject,
    Say,
    StepDone,
    StepFailed,
)

OURS = "+6561234567"
NOON = datetime(2026, 11, 26, 4, tzinfo=UTC)
HEAD = 'switches = ["off"]\n[numbers."+6561234567"]\ncalls = [{ flow = "start" }]\n[flows]\n'


def rules_of(flows: str) -> Rules:
    return load(HEAD + flows, "rules.toml")


def walk(rules: Rules, *happenings) -> list[Move]:
    """Each of `happenings` makes one from the number of the instruction it is about."""
    moves = [begin(rules, Rang(OURS, "+6590000000", NOON))]
    for happening in happenings:
        state = moves[-1].state
        moves.append(proceed(rules, state, happening(state.asked)))
    return moves


def press(digits: str):
    return lambda step: Pressed(step, digits)


def dialled(outcome: DialOutcome):
    return lambda step: DialEnded(step, outcome)


MENU = """
start = [{ gather = { 1 = "sales" }, say = "Press 1.", no_input = "bye", wrong_input = "desk", repeats = 1 }]
sales = [{ dial = ["+6591110001", "+6591110002"], busy = "desk" }, { say = "Nobody is there." }, "hang up"]
desk = [{ record = 60, beep = true }, "hang up"]
bye = ["hang up"]
"""


def test_a_key_leads_to_its_flow_and_why_is_told():
    moves = walk(rules_of(MENU), press("1"))
    assert moves[-1].instruction == Dial("+6591110001")
    assert moves[-1].why == (Why(Cause.PRESSED, "start", 1, "1"),)


def test_no_input_repeats_the_menu_and_then_leads_on():
    moves = walk(rules_of(MENU), NoInput, NoInput)
    assert isinstance(moves[1].instruction, Gather)
    assert isinstance(moves[2].instruction, HangUp)
    assert moves[2].state.over


def test_a_wrong_key_after_no_input_uses_up_the_same_repeats():
    moves = walk(rules_of(MENU), NoInput, press("7"))
    assert isinstance(moves[-1].instruction, Record)
    assert moves[-1].why == (Why(Cause.WRONG_INPUT, "start", 1, "7"),)


def test_numbers_are_dialled_in_turn_and_the_last_one_decides():
    moves = walk(
        rules_of(MENU),
        press("1"),
        dialled(DialOutcome.BUSY),
        dialled(DialOutcome.NO_ANSWER),
        StepDone,
    )
    assert [type(move.instruction) for move in moves[1:]] == [Dial, Dial, Say, HangUp]
    busy_last = walk(rules_of(MENU), press("1"), StepFailed, dialled(DialOutcome.BUSY))
    assert isinstance(busy_last[-1].instruction, Record)


def test_an_answered_dial_ends_the_call():
    moves = walk(rules_of(MENU), press("1"), dialled(DialOutcome.ANSWERED))
    assert moves[-1].instruction == HangUp()
    assert moves[-1].why[0].detail == "+6591110001"


def test_a_doubled_or_late_happening_changes_nothing():
    rules = rules_of(MENU)
    moved = walk(rules, press("1"))[-1]
    again = proceed(rules, moved.state, Pressed(1, "1"))
    assert (again.instruction, again.state) == (None, moved.state)
    assert again.why[0].cause is Cause.LATE
    over = proceed(rules, moved.state, CallerHungUp()).state
    assert proceed(rules, over, DialEnded(over.asked, DialOutcome.BUSY)).instruction is None


def test_a_failed_step_takes_its_failure_or_that_of_the_rule_once():
    text = (HEAD + MENU).replace('flow = "start"', 'flow = "start", failure = "desk"')
    rules = load(text, "rules.toml")
    moves = walk(rules, StepFailed, StepFailed)
    assert isinstance(moves[1].instruction, Record)
    assert isinstance(moves[2].instruction, HangUp)


def test_a_counted_loop_ends():
    rules = rules_of(
        'start = [{ say = "Hello." }, { go = "start", times = 2, then = "bye" }]\nbye = ["reject"]\n'.replace(
            '"reject"', '"hang up"'
        )
    )
    moves = walk(rules, StepDone, StepDone, StepDone)
    assert [type(move.instruction) for move in moves] == [Say, Say, Say, HangUp]
    assert moves[-1].why[-1] == Why(Cause.COUNTED, "start", 2, "bye")


def test_a_call_can_be_rejected_at_once_and_is_over_then():
    move = walk(rules_of('start = ["reject"]\n'))[0]
    assert move.instruction == Reject()
    assert move.state.over


def test_without_a_rule_nothing_is_done():
    assert begin(rules_of(MENU), Rang("+6569999999", None, NOON)).state is None
    switched = load((HEAD + MENU).replace("{ flow", '{ switch = "off", flow'), "rules.toml")
    off = begin(switched, Rang(OURS, None, NOON))
    assert (off.instruction, off.state) == (None, None)
    assert str(off.why[0]) == "no rule holds; not rule 1 (off off)"
    assert begin(switched, Rang(OURS, None, NOON, frozenset({"off"}))).state is not None


def test_another_version_of_the_rules_is_refused():
    state = walk(rules_of(MENU))[0].state
    with pytest.raises(ValueError, match="version"):
        proceed(rules_of(MENU + "\n"), state, NoInput(1))


def test_a_reply_goes_once_to_each_sender_in_a_period():
    text = HEAD.replace(
        "calls", 'sms = [{ from = "+1*", reply = false }, { reply = "Hi", every = "2h" }]\ncalls'
    )
    rules = load(text + MENU, "rules.toml")
    assert answer(rules, Texted(OURS, "+6590000000", NOON)).reply == "Hi"
    assert answer(rules, Texted(OURS, "+12125550100", NOON)).reply is None
    assert answer(rules, Texted(OURS, None, NOON)).reply is None
    for hours, reply in ((1, None), (2, "Hi")):
        before = NOON - timedelta(hours=hours)
        assert answer(rules, Texted(OURS, "+6590000000", NOON, replied_at=before)).reply == reply


# Whatever the file, and whatever happens.

NAMES = ("a", "b", "c", "d")


@st.composite
def steps(draw: st.DrawFn, kinds: tuple[str, ...], at: int) -> str:
    """A step of the flow with this index. It leads to later ones, and back only with a count."""
    target = st.sampled_from((*NAMES[at + 1 :], "hang up"))
    kind = draw(st.sampled_from(kinds))
    failure = f', failure = "{draw(target)}"' if draw(st.booleans()) else ""
    match kind:
        case "say":
            return f'{{ say = "Hello"{failure} }}'
        case "play":
            return f'{{ play = "https://example.com/a.wav"{failure} }}'
        case "gather":
            pressed = draw(st.sets(st.integers(0, 30), min_size=1, max_size=4))
            keys = ", ".join(f'{key} = "{draw(target)}"' for key in pressed)
            return (
                f'{{ gather = {{ {keys} }}, say = "Press.", no_input = "{draw(target)}",'
                f' wrong_input = "{draw(target)}", repeats = {draw(st.integers(0, 3))}{failure} }}'
            )
        case "dial":
            numbers = ["+6591110001", "+6591110002", "+6591110003"][: draw(st.integers(1, 3))]
            busy = f', busy = "{draw(target)}"' if draw(st.booleans()) else ""
            return f"{{ dial = {numbers}{busy}{failure} }}"
        case "record":
            return f"{{ record = {draw(st.integers(2, 99))}{failure} }}"
        case "back":
            back = draw(st.sampled_from(NAMES))
            return f'{{ go = "{back}", times = {draw(st.integers(1, 3))}, then = "{draw(target)}" }}'
    return f'{{ go = "{draw(target)}" }}'


@st.composite
def files(draw: st.DrawFn) -> Rules:
    """Files that can be used."""
    target = st.sampled_from((*NAMES, "hang up"))
    rule = f'{{ flow = "{draw(target)}", failure = "{draw(target)}" }}'
    text = f'[numbers."{OURS}"]\ncalls = [{rule}]\n[flows]\n'
    for at, name in enumerate(NAMES):
        before = draw(st.lists(steps(("say", "play", "dial", "record"), at), max_size=3))
        end = draw(st.one_of(steps(("gather", "back", "go"), at), st.just('"hang up"')))
        text += f"{name} = [{', '.join((*before, end))}]\n"
    reading = read(text)
    # A dial that leads elsewhere in every case ends its flow: what comes after it is not reached.
    assume(reading.rules is not None or "never reached" not in str(reading.problems[0]))
    return load(text, "rules.toml")


def happenings(step: int) -> st.SearchStrategy[Happening]:
    about = st.one_of(st.just(step), st.just(step), st.just(step), st.integers(0, 50))
    return st.one_of(
        about.flatmap(
            lambda number: st.one_of(
                st.builds(Pressed, st.just(number), st.text("0123456789*", max_size=3)),
                st.builds(DialEnded, st.just(number), st.sampled_from(DialOutcome)),
                st.sampled_from((NoInput(number), Recorded(number), StepDone(number), StepFailed(number))),
            )
        ),
        st.just(Rang(OURS, None, NOON)),
    )


@settings(max_examples=150)
@given(rules=files(), data=st.data())
def test_every_call_ends_and_survives_any_restart(rules: Rules, data: st.DataObject) -> None:
    move = begin(rules, Rang(OURS, None, NOON))
    steps = 0
    while not move.state.over:
        happening = data.draw(happenings(move.state.asked))
        current = getattr(happening, "step", None) == move.state.asked
        kept = move.state.dumps()
        assert len(kept) < 400
        before = move.state
        move = proceed(rules, State.loads(kept), happening)
        assert move == proceed(rules, before, happening)  # the same again, and nothing kept in between
        assert [Why.from_json(why.as_json()) for why in move.why] == list(move.why)
        assert all(str(why) for why in move.why)
        if current:
            assert move.instruction is not None  # never silent
            steps += 1
        else:
            assert (move.instruction, move.state) == (None, before)
        if steps > 3 and not current:
            move = proceed(rules, move.state, StepFailed(move.state.asked))
            steps += 1
        assert steps < 5_000
    assert proceed(rules, move.state, StepFailed(move.state.asked)).instruction is None


@settings(max_examples=60)
@given(rules=files(), data=st.data())
def test_calls_at_once_go_each_their_own_way(rules: Rules, data: st.DataObject) -> None:
    """Two calls whose happenings are mixed go as they would one after the other."""
    orders = [data.draw(st.lists(happenings(1).map(type), max_size=8)) for _ in range(2)]
    alone = [list(_way(rules, order)) for order in orders]
    ways = [_way(rules, order) for order in orders]
    mixed: list[list[Move]] = [[], []]
    for turn in data.draw(st.permutations([0] * len(alone[0]) + [1] * len(alone[1]))):
        mixed[turn].append(next(ways[turn]))
    assert mixed == alone


def _way(rules: Rules, order: list[type]) -> Iterator[Move]:
    move = begin(rules, Rang(OURS, None, NOON))
    yield move
    for kind in order:
        step = move.state.asked
        made = {
            Pressed: Pressed(step, "1"),
            DialEnded: DialEnded(step, DialOutcome.BUSY),
            Rang: Rang(OURS, None, NOON),
        }
        move = proceed(rules, move.state, made[kind] if kind in made else kind(step))
        yield move


# The examples that the documents show, at several times of the year.

EXAMPLES = Path(__file__).parent.parent / "docs/answering"


@pytest.mark.parametrize(
    ("file", "number", "caller", "at", "switches", "flow"),
    [
        ("shop", "+6561234567", None, "2026-11-26 10:00+08:00", (), "counter"),
        ("shop", "+6561234567", None, "2026-11-26 18:00+08:00", (), "after hours"),
        ("shop", "+6561234567", None, "2026-11-28 13:59+08:00", (), "counter"),
        ("shop", "+6561234567", None, "2026-12-25 10:00+08:00", (), "after hours"),  # Christmas
        ("shop", "+6561234567", None, "2026-02-18 10:00+08:00", (), "after hours"),  # Chinese New Year
        ("shop", "+6561234567", None, "2026-11-26 10:00+08:00", ("on holiday",), "away"),
        ("clinic", "+6562345678", "+6590000000", "2026-11-26 08:30+08:00", (), "welcome"),
        ("clinic", "+6562345678", "+6590000000", "2026-11-26 13:00+08:00", (), "closed"),
        ("clinic", "+6562345678", "+6590000000", "2026-06-01 09:00+08:00", (), "holiday"),  # after Vesak Day
        ("clinic", "+6562345678", "+6590000000", "2026-12-24 09:00+08:00", (), "holiday"),  # our own
        ("clinic", "+6562345678", "+6567770000", "2026-12-24 03:00+08:00", (), "desk"),  # the hospital
        ("clinic", "+6562345678", "+6590000000", "2026-11-29 09:00+08:00", (), "emergency"),  # Sunday
        ("clinic", "+6562345678", None, "2026-11-26 09:00+08:00", ("doctor is out",), "out"),
        ("support", "+498912345678", "+4930123456", "2026-01-06 10:00+01:00", (), "menu"),
        ("support", "+498912345679", "+4930123456", "2026-01-06 10:00+01:00", (), "closed"),  # Bavaria only
        ("support", "+498912345679", "+4930123456", "2026-07-03 14:59+02:00", (), "operator"),
        ("support", "+498912345679", "+4930123456", "2026-07-03 15:00+02:00", (), "closed"),
        ("support", "+498912345678", None, "2026-12-28 10:00+01:00", (), "goodbye"),
        ("support", "+498912345678", "+4930123456", "2026-03-29 05:30Z", (), "menu"),  # summer time begins
        ("support", "+498912345678", "+4930123456", "2026-03-28 05:30Z", (), "closed"),
    ],
)
def test_the_examples_answer_by_the_season(*, file, number, caller, at, switches, flow) -> None:
    text = (EXAMPLES / f"{file}.toml").read_text(encoding="utf-8")
    assert read(text).problems == ()
    rang = Rang(number, caller, datetime.fromisoformat(at), frozenset(switches))
    assert begin(load(text, file), rang).state.flow == flow


def test_the_support_line_leads_back_three_times_and_no_more() -> None:
    rules = load((EXAMPLES / "support.toml").read_text(encoding="utf-8"), "support.toml")
    move = begin(rules, Rang("+498912345678", None, datetime(2026, 7, 1, 10, tzinfo=UTC)))
    for digits in ("2", "0") * 4:
        move = proceed(rules, move.state, Pressed(move.state.asked, digits))
    assert move.instruction == Dial("+498912345600")
    assert [why.cause for why in move.why] == [Cause.PRESSED, Cause.COUNTED]
