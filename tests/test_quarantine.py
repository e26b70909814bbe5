"""The quarantine: what goes in, how much of it, and what an operator does about it."""

import json
import logging
import re
import time
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from conftest import API_TOKEN, KEY, ON_BOTH, make_config, on_sqlite, payload, signed, started
from sqlalchemy import text

from receiver.db import schema
from receiver.db.engine import writing
from receiver.intake.admission import STALE
from receiver.intake.distrust import explained
from receiver.intake.doubts import TELL_EVERY, Doubts
from receiver.numbers import known as numbers
from receiver.providers.numbers import SubscribedNumber
from receiver.providers.registry import PROVIDERS
from receiver.relay.planner import Planner
from receiver.retention.ours import OursReleased
from receiver.search.index import LogIndex
from receiver.vocabulary import distrust

database_url = on_sqlite

SMS = f"/callbacks/{KEY}/sms"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
WRONG = FORM | {"X-Hoiio-Signature": "0" * 64}
DOCUMENTED = payload("sms/documented")
OURS, ANOTHER = "+16501234567", "+6565311237"


@pytest.fixture
def parts(app):
    return app.extensions["receiver"]


@pytest.fixture
def know(parts):
    """Let the provider say which numbers are ours: `know(OURS)`."""

    def store(*held: str, ago: timedelta = timedelta()):
        now = datetime.now(UTC) - ago
        listed = [SubscribedNumber(number=number) for number in held]
        numbers.store(parts.engine, "hoiio", listed, now=now, is_here=lambda url: True)
        parts.admission.refresh()

    return store


def post(client, body: bytes = DOCUMENTED, path: str = SMS, headers=None) -> int:
    return client.post(path, data=body, headers=headers or signed(body)).status_code


def sms(number: int, to: str = "%2B16501234567") -> bytes:
    return (
        f"txn_ref=AA-SI-{number}&msg=hello&from=%2B6591234567&to={to}&date=2026-01-01+10%3A00%3A00".encode()
    )


def reasons(api) -> list[str | None]:
    return [event["quarantine_reason"] for event in reversed(api("/events")["events"])]


# What each reason means.


def test_every_reason_is_explained():
    reasons = [value for name, value in vars(distrust).items() if name.isupper()]
    assert distrust.UNREADABLE in reasons
    assert [reason for reason in reasons if not explained(reason, tuple(PROVIDERS.values()))] == []


def test_a_request_that_says_nothing_to_us_is_kept_and_explained(app, client):
    assert post(client, b"this=is&not=ours") == 200
    listed = app.test_cli_runner().invoke(args=["events", "quarantine"]).stderr
    shown = app.test_cli_runner().invoke(args=["events", "show", "1"]).stdout
    assert "unreadable: Nothing in it is what the provider sends." in listed
    assert re.search("^quarantine_means +Nothing in it is what", shown, re.MULTILINE)


def test_the_log_tells_what_was_quarantined_at_once_and_then_once_a_minute(client, parts, know, caplog):
    doubts = Doubts(parts.recorder.counters.doubted)

    def told() -> list[str]:
        doubts.tell()
        start = "callbacks are not trusted, they are in quarantine: "
        lines = [said.removeprefix(start) for said in caplog.messages if said.startswith(start)]
        caplog.clear()
        return sorted(said.removesuffix(" see=receiver events quarantine") for said in lines)

    know(ANOTHER)
    assert post(client, b"this=is&not=ours") == 200
    assert told() == ["reason=unreadable count=1"]
    for headers in (WRONG, WRONG, None):
        assert post(client, sms(1), headers=headers) == 200
    assert post(client, sms(2, "%2B6565311237")) == 200
    assert told() == []
    doubts._tell_at -= TELL_EVERY
    assert told() == ["reason=number not ours count=1", "reason=signature invalid count=2"]
    doubts._tell_at -= TELL_EVERY
    assert told() == []


# A number that is not ours.


def test_it_quarantines_what_is_about_a_number_that_is_not_ours(client, api, know):
    know(ANOTHER)
    assert post(client) == 200
    assert reasons(api) == ["number not ours"]


@pytest.mark.parametrize("to", ["%2B16501234567", "16501234567", "+16501234567", "001+650+123-4567"])
def test_it_knows_our_number_however_it_is_spelled(client, api, know, to):
    know(OURS, ANOTHER)
    post(client, sms(1, to))
    assert reasons(api) == [None]


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        (("voice", b"session=S1&txn_ref=T1&call_state=ringing&from=%2B6591234567&to=%2B16501234567"), None),
        (("voice", b"session=S1&txn_ref=T1&call_state=ringing&from=%2B6591234567&to=%2B16500000000"), "x"),
        # A call that we made: ours is the number that calls.
        (("voice", b"session=S1&txn_ref=T1&call_state=ended&from=%2B16501234567&to=%2B6591234567"), None),
        # Reports that name no recipient.
        (("voice", b"session=S1&txn_ref=T1&call_state=ongoing&dest=%2B6591234567"), None),
        (("voice", b"session=S1&txn_ref=T1&call_state=ended"), None),
        (("fax", b"txn_ref=F1&fax_status=answered&from=%2B6591234567&to=%2B16501234567&fax_url=x"), None),
        (("fax", b"txn_ref=F1&fax_status=answered&from=%2B16501234567&to=%2B6591234567&fax_url=x"), "x"),
        (("sms", b"txn_ref=S1&msg=x&from=%2B6591234567&to="), None),
        (("sms", b"txn_ref=S1&msg=x&from=%2B16501234567&to=%2B6591234567"), "x"),
        (("sms", b"txn_ref=S1&msg=x&from=%2B6591234567&to=nobody"), "x"),
    ],
)
def test_it_looks_for_our_number_where_each_kind_names_it(client, api, know, report, reason):
    path, body = report
    know(OURS)
    post(client, body, f"/callbacks/{KEY}/{path}")
    assert reasons(api) == [reason and "number not ours"]


def test_it_trusts_any_number_while_nobody_knows_which_are_ours(client, api, know):
    post(client, sms(1))
    know()
    post(client, sms(2))
    know(ANOTHER, ago=STALE + timedelta(hours=1))
    post(client, sms(3))
    assert reasons(api) == [None] * 3


@ON_BOTH
def test_it_goes_on_trusting_a_number_that_one_listing_leaves_out(client, api, know):
    know(OURS, ANOTHER)
    know(ANOTHER)
    post(client)
    assert reasons(api) == [None]


def test_it_asks_no_database_whose_number_it_is(client, parts, know):
    know(ANOTHER)
    with writing(parts.engine) as connection:
        connection.execute(text("DROP TABLE known_numbers"))
    assert post(client) == 200


@ON_BOTH
def test_it_releases_by_itself_what_came_before_the_number_was_known(client, api, parts, know):
    know(ANOTHER)
    post(client, sms(1))
    post(client, sms(2), headers=WRONG)
    know(ANOTHER, OURS)
    OursReleased(parts.engine, parts.admission).release()
    assert reasons(api) == [None, "signature invalid"]


@ON_BOTH
def test_it_releases_calls_that_we_made_and_no_others(client, api, parts, know):
    """Each as it would be trusted if it came now."""
    know(ANOTHER)
    made = b"session=S1&txn_ref=T%d&call_state=ended&from=%%2B16501234567&to=%%2B6591234567"
    dialled = b"session=S2&txn_ref=T%d&call_state=ongoing&to=%%2B6590000000&dest=16501234567"
    theirs = b"session=S3&txn_ref=T%d&call_state=ended&from=%%2B6591234567&to=%%2B6590000000"
    releasing = OursReleased(parts.engine, parts.admission)
    for body in (made, dialled, theirs):
        post(client, body % 1, f"/callbacks/{KEY}/voice")
    releasing.release()
    assert reasons(api) == ["number not ours"] * 3
    know(ANOTHER, OURS)
    releasing.release()
    for body in (made, dialled, theirs):
        post(client, body % 2, f"/callbacks/{KEY}/voice")
    assert reasons(api) == [None, None, "number not ours"] * 2


# Releasing and dropping.


def test_commands_say_why_it_may_be_and_what_to_do(client, app, run):
    post(client, headers=WRONG)
    why = "Somebody else sent it, or HOIIO_ACCESS_TOKEN is not the account's: receiver doctor."
    assert why in run("events", "show", "1")
    told = app.test_cli_runner().invoke(args=["events", "quarantine"]).stderr
    assert f"signature invalid: {why}" in told
    assert "receiver events release ID" in told


@ON_BOTH
def test_it_releases_an_event_which_then_counts_repeats_like_any_other(client, api, run):
    post(client, headers=WRONG)
    post(client, headers=WRONG)
    assert run("events", "release", "1", "--yes") == "released 1 event\n"
    post(client)
    (event,) = api("/events")["events"]
    assert (event["quarantined"], event["repeats"]) == (False, 2)


@ON_BOTH
def test_a_release_can_be_undone(client, api, run, parts):
    """What waits for a target is not sent, and what came again and is trusted stays."""
    run("targets", "add", "webhook", "shop", "--url", "https://93.184.216.34/hook")
    for number in (1, 2, 3):
        post(client, sms(number), headers=WRONG)
    post(client, sms(1), headers=WRONG)
    run("events", "release", "1", "2", "--yes")
    Planner(parts.engine).plan()
    assert len(api("/deliveries")["deliveries"]) == 2
    post(client, sms(2))
    told = json.loads(run("events", "release", "--undo", "--yes", "--json", "--why", "a mistake"))
    assert told == {"events": 1, "came_again": 1, "delivered": 0}
    assert reasons(api) == ["signature invalid", None, "signature invalid"]
    assert [one["event_id"] for one in api("/deliveries")["deliveries"]] == [2]
    assert api("/stats")["numbers"][0]["events"] == 1
    post(client, sms(1), headers=WRONG)
    assert [event["repeats"] for event in api("/events")["events"]] == [0, 1, 2]
    undone = json.loads(run("events", "interventions", "--json"))["interventions"][0]
    assert (undone["action"], undone["events"], undone["why"]) == ("undo", 1, "a mistake")
    # Another release delivers anew.
    run("events", "release", "1", "--yes")
    Planner(parts.engine).plan()
    assert [one["event_id"] for one in api("/deliveries")["deliveries"]] == [1, 2]


RANG = b"session=S1&txn_ref=C1&call_state=ringing&from=6591234567&to=16501234567"
LED_ON = b"session=S1&txn_ref=C1&call_state=ongoing&ivr_block=transfer&transfer_status=busy&from=6591234567"
OVER = b"session=S1&txn_ref=C1&call_state=ongoing&ivr_block=hangup&from=6591234567"
END = b"session=S1&txn_ref=C1&call_state=ended&duration=0&from=6591234567"
VOICE = f"/callbacks/{KEY}/voice"


@ON_BOTH
@pytest.mark.parametrize("act", ["drop", "release"])
def test_a_copy_that_goes_leaves_its_call_among_the_missed(client, api, run, parts, act):
    """A call whose end was lost: it is found by a table of those."""
    for body in (RANG, LED_ON, OVER):
        post(client, body, VOICE)
    post(client, RANG, VOICE, WRONG)
    LogIndex(parts.engine).catch_up()
    assert [call["session"] for call in api("/calls?q=state:missed")["calls"]] == ["S1"]
    run("events", act, "4", "--yes")
    assert [call["session"] for call in api("/calls?q=state:missed")["calls"]] == ["S1"]
    run("events", "erase", "--number", "+6591234567", "--yes")
    with parts.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM calls_without_end")) == 0


@ON_BOTH
@pytest.mark.parametrize("came_again", [False, True], ids=["once", "again"])
def test_a_call_whose_end_is_not_trusted_any_more_is_found_as_missed(client, api, run, parts, came_again):
    for body in (RANG, LED_ON, OVER):
        post(client, body, VOICE)
    post(client, END, VOICE, WRONG)
    run("events", "release", "4", "--yes")
    run("events", "handled", "4", "--note", "rang back")
    if came_again:
        post(client, END, VOICE, WRONG)
    LogIndex(parts.engine).catch_up()
    run("events", "release", "--undo", "--yes")
    assert [call["session"] for call in api("/calls?q=state:missed")["calls"]] == ["S1"]
    assert api("/events/1/duty")["note"] == "rang back"
    assert reasons(api) == [None, None, None, "signature invalid"]


@ON_BOTH
@pytest.mark.parametrize(("path", "body"), [(VOICE, RANG), (SMS, sms(1))], ids=["call", "conversation"])
def test_what_was_noted_goes_with_an_event_that_was_released_for_a_while(client, run, parts, path, body):
    post(client, body, path, WRONG)
    run("events", "release", "1", "--yes")
    run("events", "handled", "1", "--note", "rang +6591234567 back")
    run("events", "release", "--undo", "--yes")
    with parts.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM duty")) == 1
    run("events", "drop", "1", "--yes")
    with parts.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM duty")) == 0


@ON_BOTH
def test_an_upgrade_puts_right_what_an_earlier_version_dropped(client, api, run, parts):
    for body in (RANG, LED_ON, OVER):
        post(client, body, VOICE)
    for path, body in ((VOICE, RANG), (SMS, sms(1))):
        post(client, body, path, WRONG)
    LogIndex(parts.engine).catch_up()
    run("events", "release", "5", "--yes")
    for event in ("1", "5"):
        run("events", "handled", event, "--note", "rang back")
    run("events", "release", "--undo", "--yes")
    schema.downgrade(parts.engine, "0028")
    run("events", "drop", "4", "5", "--yes")
    with parts.engine.connect() as connection:  # queries of today need columns that are not there yet
        assert connection.scalars(text("SELECT session FROM calls_without_end")).all() == []
    schema.upgrade(parts.engine)
    assert [call["session"] for call in api("/calls?q=state:missed")["calls"]] == ["S1"]
    with parts.engine.connect() as connection:
        assert connection.scalars(text("SELECT key FROM duty")).all() == ["S1"]


@ON_BOTH
def test_a_copy_that_is_dropped_takes_no_note_along(client, api, run):
    for path, body in ((VOICE, RANG), (SMS, sms(1))):
        post(client, body, path)
        post(client, body, path, WRONG)
    for event in ("1", "3"):
        run("events", "handled", event, "--note", "rang back")
    run("events", "drop", "2", "4", "--yes")
    assert [api(f"/events/{event}/duty")["note"] for event in (1, 3)] == ["rang back"] * 2


def test_a_release_can_be_undone_through_the_api_once_and_for_an_hour(client):
    def ask(path, **asked):
        headers = {"Authorization": f"Bearer {API_TOKEN}"}
        answer = client.post(f"/api/v1/quarantine/{path}", json=asked, headers=headers)
        return answer.status_code, answer.json

    post(client, headers=WRONG)
    _, done = ask("release", ids=[1])
    back = ask("undo", release=done["release"])
    assert back == (200, {"events": 1, "came_again": 0, "delivered": 0})
    assert ask("undo", release=done["release"])[0] == 409
    _, done = ask("release", ids=[1])
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=61)):
        assert ask("undo", release=done["release"])[0] == 409


@ON_BOTH
def test_it_releases_a_twin_of_a_trusted_event_as_a_repeat_of_it(client, api, run):
    for headers in (WRONG, signed(DOCUMENTED), WRONG, signed(DOCUMENTED)):
        post(client, headers=headers)
    assert "; 1 repeat of what was in the log already" in run("events", "release", "1", "--yes")
    (event,) = api("/events")["events"]
    assert (event["id"], event["repeats"], event["signature"]) == (2, 3, "valid")


@ON_BOTH
def test_it_drops_an_event_and_its_repeats_for_good(client, api, run, parts):
    for _ in range(3):
        post(client, headers=WRONG)
    post(client)
    assert run("events", "drop", "1", "--yes", "--why", "forged") == "dropped 1 event and 2 repeats\n"
    assert reasons(api) == [None]
    with parts.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM repeats")) == 0
    (made,) = json.loads(run("events", "interventions", "--json"))["interventions"]
    assert (made["action"], made["events"], made["repeats"], made["why"]) == ("drop", 1, 2, "forged")
    assert made["who"]
    assert made["made_at"] >= made["last_at"] >= made["first_at"]


@ON_BOTH
@pytest.mark.parametrize("command", ["release", "drop"])
def test_it_leaves_alone_what_is_not_in_quarantine(client, api, run, command):
    post(client)
    done = json.loads(run("events", command, "1", "99", "--yes", "--json"))
    assert done["released" if command == "release" else "events"] == 0
    assert reasons(api) == [None]


@ON_BOTH
@pytest.mark.parametrize(("command", "left"), [("release", [None] * 3), ("drop", [None])])
def test_it_takes_all_that_match_a_search(client, api, run, command, left):
    post(client, sms(1))
    post(client, sms(2), headers=WRONG)
    post(client, sms(3), headers=WRONG)
    shown = json.loads(run("events", command, "--matching", "from:+6591234567", "--dry-run", "--json"))
    assert (shown["ids"], shown["reasons"]) == ([2, 3], {"signature invalid": 2})
    assert run("events", command, "--matching", "from:+6590000000", "--yes") == ""
    run("events", command, "--all", "--yes")
    assert reasons(api) == left


def test_it_changes_nothing_where_nobody_can_answer(client, api, run):
    post(client, headers=WRONG)
    for command in ("release", "drop"):
        run("events", command, "1", exit_code=1)
    assert reasons(api) == ["signature invalid"]


@pytest.mark.parametrize("words", [(), ("1", "--all"), ("--matching", "kind:letter")])
def test_it_says_what_is_wrong_with_what_was_asked(run, words):
    run("events", "drop", *words, exit_code=2)


# How much room it has.


@pytest.fixture
def small(database_url, tmp_path):
    """An application whose quarantine holds a megabyte."""
    yield from started(make_config(database_url, tmp_path, quarantine_limit_mb=1))


def fill(client) -> int:
    """Send what nobody trusts until it is refused; how many were kept."""
    for kept in range(100):
        status = post(client, sms(kept) + b"&x=" + b"x" * 60_000, headers=WRONG)
        if status != 200:
            assert status == 503
            return kept
    raise AssertionError("nothing was refused")


def stored(client) -> int:
    answer = client.get("/api/v1/events?limit=100", headers={"Authorization": f"Bearer {API_TOKEN}"})
    return len(answer.json["events"])


def test_it_refuses_what_it_cannot_keep_and_never_what_is_trusted(small, caplog):
    client = small.test_client()
    kept = fill(client)
    assert 10 < kept < 20
    assert post(client, b"", headers=FORM) == 503  # turns out unreadable only when it is read
    assert [post(client, sms(number)) for number in (1000, 1001)] == [200, 200]
    assert stored(client) == kept + 2
    ready = client.get("/health/ready")
    assert (ready.status_code, ready.json["quarantine"]) == (200, "full")
    loud = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert len(loud) == 1
    assert "QUARANTINE_LIMIT_MB" in loud[0].getMessage()


def test_it_keeps_what_the_provider_signed_however_full_it_is(small):
    client = small.test_client()
    kept = fill(client)
    assert post(client, b"nothing=that+anybody+documented") == 200
    assert stored(client) == kept + 1


@ON_BOTH
def test_it_counts_what_an_earlier_process_kept(small, database_url, tmp_path):
    kept = fill(small.test_client())
    for other in started(make_config(database_url, tmp_path, quarantine_limit_mb=1)):
        other.extensions["receiver"].admission.refresh()
        assert post(other.test_client(), sms(5000), headers=WRONG) == 503
        assert stored(other.test_client()) == kept


@ON_BOTH
def test_it_has_room_again_once_something_was_dropped(small):
    client, parts = small.test_client(), small.extensions["receiver"]
    kept = fill(client)
    shown = json.loads(small.test_cli_runner().invoke(args=["events", "quarantine", "--json"]).stdout)
    assert {event["quarantined"] for event in shown["held"]} == {True}
    assert (shown["events"], shown["full"], shown["limit"]) == (kept, True, 1024 * 1024)
    assert [reason["reason"] for reason in shown["reasons"]] == ["signature invalid"]
    small.test_cli_runner().invoke(args=["events", "drop", "--all", "--yes"])
    parts.admission.refresh()
    assert not parts.admission.full
    assert post(client, sms(1), headers=WRONG) == 200


@ON_BOTH
def test_it_counts_repeats_too(small):
    client = small.test_client()
    body = sms(1) + b"&x=" + b"x" * 60_000
    statuses = [post(client, body, headers=WRONG) for _ in range(30)]
    assert set(statuses[:10]) == {200}
    assert statuses[-1] == 503
    small.extensions["receiver"].admission.count()
    assert small.extensions["receiver"].admission.full


@ON_BOTH
def test_it_keeps_to_its_limit_while_the_database_is_away(small):
    client, parts = small.test_client(), small.extensions["receiver"]
    with writing(parts.engine) as connection:
        connection.execute(text("ALTER TABLE events RENAME TO hidden"))
    kept = fill(client)
    assert 10 < kept < 20
    assert post(client, sms(1000)) == 200
    assert parts.spool.state().waiting == kept + 1
    with writing(parts.engine) as connection:
        connection.execute(text("ALTER TABLE hidden RENAME TO events"))
    deadline = time.monotonic() + 30
    while parts.spool.state().waiting:
        parts.admission.count()
        assert parts.admission.full  # wherever they are at the moment
        assert time.monotonic() < deadline
        time.sleep(0.05)
    parts.admission.count()
    assert parts.admission.full
    assert stored(client) == kept + 1
