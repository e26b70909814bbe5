"""Calls that ring here are answered by the rules: three offices, at several times, over HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import databases
import pytest
from answered import CALLER, EXAMPLES, Service, dialled, found_as, service
from conftest import DATABASES, migrated_database

from receiver.answering.switches import switch
from receiver.answering.walk import walk
from receiver.providers.twilio.answers import SENTENCE
from receiver.search.calls import CallLog
from receiver.simulator.twilio.server import SimulatorServer
from receiver.vocabulary.answering import DialOutcome, Rang
from receiver.vocabulary.kinds import EventState

OURS = {"shop": "+6561234567", "clinic": "+6562345678", "support": "+498912345678"}
WELCOME = "Bukit Clinic. For an appointment press 1. For results press 2. If it is an emergency press 9."
EMERGENCY = "In an emergency hang up and call 9 9 5."
CLOSED = "The clinic is closed now."
MESSAGE = "Please say your name and your number."
VOICEMAIL = "Please leave a message, and your number."
THANKS = "Thank you. Good bye."
GREETING = "Good day, this is Lim's Flowers. One moment please."
MENU = "Welcome. For an invoice press 1. For technical help press 2. For everything else press 3."
HELP = "Does nothing work? Press 1. Is it slow? Press 2. To go back press 0."
NOBODY = "Nobody is free now. Please leave a message."


@pytest.fixture(scope="module")
def twilio():
    with SimulatorServer() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def numbers(twilio) -> dict[str, str]:
    return {name: twilio.buy() for name in OURS}


def opened(name: str, twilio, numbers, path, url: str):
    rules = (EXAMPLES / f"{name}.toml").read_text(encoding="utf-8").replace(OURS[name], numbers[name])
    return service(twilio, path, url, rules)


@pytest.fixture(scope="module", params=DATABASES)
def shop(request, tmp_path_factory, twilio, numbers):
    path = tmp_path_factory.mktemp("shop")
    with migrated_database(request, path) as url, opened("shop", twilio, numbers, path, url) as running:
        running.take(numbers["shop"])
        yield running


@pytest.fixture(scope="module")
def offices(tmp_path_factory, twilio, numbers):
    """The other two, on SQLite."""
    found = {}
    for name in ("clinic", "support"):
        path = tmp_path_factory.mktemp(name)
        url = databases.new_file(path / "receiver.db")
        found[name] = opened(name, twilio, numbers, path, url)
    with found["clinic"] as clinic, found["support"] as support:
        clinic.take(numbers["clinic"])
        support.take(numbers["support"])
        yield {"clinic": clinic, "support": support}


# --- The shop ---


@pytest.mark.parametrize(
    ("at", "caller", "heard", "rang"),
    [
        ("2026-11-26 10:00", {}, [GREETING], ["+6591110001"]),
        ("2026-11-26 10:00", {"dial": ["busy"]}, [GREETING], ["+6591110001", "+6591110002"]),
        (
            "2026-11-28 13:59",
            {"dial": ["no-answer", "failed"]},
            [GREETING, VOICEMAIL, THANKS],
            ["+6591110001", "+6591110002"],
        ),
        (
            "2026-11-28 14:00",
            {},
            ["Lim's Flowers is closed now. We are open from Monday to Saturday.", VOICEMAIL, THANKS],
            [],
        ),
        (  # a holiday on a Friday
            "2026-12-25 10:00",
            {},
            ["Lim's Flowers is closed now. We are open from Monday to Saturday.", VOICEMAIL, THANKS],
            [],
        ),
    ],
)
def test_the_shop(shop: Service, numbers, *, at, caller, heard, rang):
    shop.at(at)
    call = shop.twilio.control.call(CALLER, numbers["shop"], **caller)
    assert (call["heard"], dialled(call), call["ended"]) == (heard, rang, "hung up on")


def test_a_switch_changes_what_callers_hear(shop: Service, numbers):
    shop.at("2026-11-26 10:00")
    switch(shop.parts.engine, "on holiday", on=True, by="tests")
    shop.parts.rules.refresh()
    call = shop.twilio.control.call(CALLER, numbers["shop"])
    switch(shop.parts.engine, "on holiday", on=False, by="tests")
    shop.parts.rules.refresh()
    assert call["heard"] == ["We are on holiday, and back soon. Please send us an SMS."]
    assert found_as(shop, call["sid"]) == (EventState.MISSED, "missed")


def test_why_a_call_went_its_way_is_noted_with_its_events(shop: Service, numbers):
    shop.at("2026-11-26 10:00")
    call = shop.twilio.control.call(CALLER, numbers["shop"], dial=["busy", "no-answer"])
    assert shop.why(call["sid"]) == [
        "rule 2 (shop open) holds; not rule 1 (on holiday off)",
        "done",
        "busy +6591110001",
        "no answer +6591110002",
        "go voicemail",
        "recorded",
        "done",
    ]
    noted = shop.decided(call["sid"])
    assert [each.told for each in noted][-3:] == [
        f'record up to 120 s: say "{VOICEMAIL}"',
        f'say "{THANKS}"',
        "hang up",
    ]
    found = CallLog(shop.parts.engine).get(call["sid"])
    assert {each.identity for each in noted} < {event.identity for event in found.events}
    assert found_as(shop, call["sid"]) == (EventState.VOICEMAIL, "voicemail")
    assert [event.problems for event in found.events if event.problems] == []


@pytest.mark.parametrize(("seconds", "last"), [(1, "caller hung up"), (55, "caller hung up")])
def test_a_caller_who_hangs_up_ends_the_call(shop: Service, numbers, seconds, last):
    """In the greeting, and while recorded."""
    shop.at("2026-11-26 10:00")
    call = shop.twilio.control.call(
        CALLER, numbers["shop"], dial=["busy", "no-answer"], record_seconds=60, hangs_up_after=seconds
    )
    assert call["ended"] == "caller hung up"
    assert shop.why(call["sid"])[-1] == last
    assert shop.decided(call["sid"])[-1].state.over


def test_a_call_to_a_number_without_rules_hears_the_sentence(shop: Service):
    other = shop.twilio.buy()
    shop.take(other)
    call = shop.twilio.control.call(CALLER, other)
    assert call["heard"][0] in SENTENCE.body.decode()
    assert shop.decided(call["sid"]) == []


# --- The clinic and the support line ---

SUPPORT_DESK = "+498912345600"
HOTLINE = ["+498912345611", "+498912345612", "+498912345613"]


@pytest.mark.parametrize(
    ("at", "caller", "heard", "rang"),
    [
        ("2026-11-26 09:00", {"digits": ["1"]}, [WELCOME], ["+6591113333"]),
        ("2026-11-26 09:00", {"digits": ["1"], "dial": ["failed"]}, [WELCOME, MESSAGE], ["+6591113333"]),
        (
            "2026-11-26 09:00",
            {"digits": ["2"]},
            [WELCOME, "Results are given between two and four in the afternoon."],
            ["+6591113333"],
        ),
        ("2026-11-26 09:00", {"digits": ["9"]}, [WELCOME, EMERGENCY], []),
        ("2026-11-26 09:00", {"digits": ["5", "9"]}, [WELCOME, WELCOME, EMERGENCY], []),
        ("2026-11-26 09:00", {"digits": ["5", "7"]}, [WELCOME, WELCOME], ["+6591113333"]),
        ("2026-11-26 09:00", {"digits": []}, [WELCOME, WELCOME], ["+6591113333"]),
        ("2026-11-26 13:00", {}, [CLOSED, EMERGENCY], []),  # lunch
        ("2026-11-29 10:00", {}, [EMERGENCY], []),  # a Sunday
        ("2026-12-24 10:00", {}, ["The clinic is closed for the holiday.", "诊所今天休息。", EMERGENCY], []),
        ("2026-12-25 10:00", {}, ["The clinic is closed for the holiday.", "诊所今天休息。", EMERGENCY], []),
    ],
)
def test_the_clinic(offices, numbers, *, at, caller, heard, rang):
    clinic: Service = offices["clinic"]
    clinic.at(at)
    call = clinic.twilio.control.call(CALLER, numbers["clinic"], **caller)
    assert (call["heard"], dialled(call), call["ended"]) == (heard, rang, "hung up on")


def test_the_hospital_comes_through_at_any_time(offices, numbers):
    offices["clinic"].at("2026-12-25 03:00")
    call = offices["clinic"].twilio.control.call("+6567771234", numbers["clinic"], dial=["busy"])
    assert (call["heard"], dialled(call)) == ([MESSAGE], ["+6591113333"])


def test_a_caller_who_hangs_up_in_a_menu_has_abandoned_the_call(offices, numbers):
    clinic: Service = offices["clinic"]
    clinic.at("2026-11-26 09:00")
    for menu in (8, 18):  # seconds: the first time that it asks, of which Twilio says nothing, and the second
        call = clinic.twilio.control.call(CALLER, numbers["clinic"], hangs_up_after=menu)
        assert clinic.why(call["sid"])[-1] == "caller hung up"
        assert found_as(clinic, call["sid"]) == (EventState.ANSWERED, "abandoned")


@pytest.mark.parametrize(
    ("at", "caller", "heard", "rang"),
    [
        ("2026-07-15 08:00", {"digits": ["1"]}, [MENU, "I connect you with accounting."], ["+498912345601"]),
        ("2026-07-15 08:00", {"digits": ["2", "1"], "dial": ["busy"] * 3 + ["answered"]},
         [MENU, HELP], [*HOTLINE, SUPPORT_DESK]),
        ("2026-07-15 08:00", {"digits": ["2", "2"]},
         [MENU, HELP, "[https://files.example.com/slow.mp3]"], HOTLINE[:1]),
        ("2026-07-15 08:00", {"digits": ["2", "0"] * 3 + ["3"]}, [MENU, HELP] * 3 + [MENU], [SUPPORT_DESK]),
        ("2026-07-15 08:00", {"digits": ["2", "0"] * 4}, [MENU, HELP] * 4, [SUPPORT_DESK]),
        ("2026-07-15 08:00", {"digits": ["4", "", "7"]}, [MENU] * 3 + ["Good bye."], []),
        ("2026-07-15 08:00", {"dial": ["no-answer"]}, [MENU] * 3 + [NOBODY, "Good bye."], [SUPPORT_DESK]),
        ("2026-12-25 21:59", {"digits": ["3"]}, [MENU], [SUPPORT_DESK]),
        ("2026-12-25 22:00", {}, [NOBODY, "Good bye."], []),
    ],
)  # fmt: skip
def test_the_support_line(offices, numbers, *, at, caller, heard, rang):
    support: Service = offices["support"]
    support.at(at, "Europe/Berlin")
    call = support.twilio.control.call(CALLER, numbers["support"], **caller)
    assert (call["heard"], dialled(call), call["ended"]) == (heard, rang, "hung up on")


@pytest.mark.parametrize(
    ("caller", "heard"),
    [
        ("anonymous", ["Good bye."]),
        ("sip:anonymous@anonymous.invalid", ["Good bye."]),
        ("sip:alice@example.com", [NOBODY, "Good bye."]),
        ("client:alice", [NOBODY, "Good bye."]),
    ],
)
def test_a_withheld_number_is_none_and_an_address_is_not_withheld(offices, numbers, caller, heard):
    offices["support"].at("2026-12-25 23:00", "Europe/Berlin")
    call = offices["support"].twilio.control.call(caller, numbers["support"])
    assert call["heard"] == heard


def test_a_hundred_calls_at_once_each_go_their_own_way(offices, numbers):
    clinic: Service = offices["clinic"]
    clinic.at("2026-11-26 09:00")
    keys = [["1"], ["2"], ["9"], ["5", "1"], [], ["5", "9"], ["7", "7"], ["", "2"]]
    rules, moment = clinic.parts.rules.current(), datetime(2026, 11, 26, 1, tzinfo=UTC)

    def ring(place: int) -> tuple[int, dict]:
        digits = keys[place % len(keys)]
        return place, clinic.twilio.control.call(f"+659000{place:04}", numbers["clinic"], digits=digits)

    with ThreadPoolExecutor(25) as pool:
        calls = list(pool.map(ring, range(100)))
    for place, call in calls:
        rang = Rang(numbers["clinic"], f"+659000{place:04}", moment)
        moves = list(walk(rules, rang, keys[place % len(keys)], DialOutcome.ANSWERED))
        assert clinic.why(call["sid"]) == [str(why) for move in moves for why in move.why]
