"""What leaves the log: a person by telephone number, and what is too old. And its room on disk."""

import json
import re
import sqlite3
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from conftest import KEY, ON_BOTH, make_config, on_sqlite, signed, started
from pydantic import ValidationError
from sqlalchemy import func, select, text, update

from receiver.background.schedule import Schedule
from receiver.db import space
from receiver.db.engine import connect, writing
from receiver.models import Event, JobState
from receiver.numbers import findings
from receiver.retention import prune
from receiver.search.index import LogIndex

database_url = on_sqlite

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
THEM, SOMEBODY, OURS = "6591234567", "6598887777", "16501234567"


@pytest.fixture
def parts(app):
    return app.extensions["receiver"]


def post(client, body: bytes, kind: str = "sms", headers=None) -> None:
    answer = client.post(f"/callbacks/{KEY}/{kind}", data=body, headers=headers or signed(body))
    assert answer.status_code == 200


def sms(number: int, sender: str = "%2B" + THEM, to: str = "%2B" + OURS, msg: str = "hello") -> bytes:
    return f"txn_ref=AA-SI-{number}&msg={msg}&from={sender}&to={to}&date=2026-01-01+10%3A00%3A00".encode()


def references(api) -> list[str]:
    return sorted(event["txn_ref"] or "-" for event in api("/events?limit=100")["events"])


def count(engine, table: str) -> int:
    with engine.connect() as connection:
        return connection.scalar(text(f"SELECT count(*) FROM {table}"))


# Erasing a person.


@ON_BOTH
@pytest.mark.parametrize(
    ("option", "left"),
    [
        ("--sender", ["AA-SI-2", "AA-SI-3"]),
        ("--recipient", ["AA-SI-1", "AA-SI-2"]),
        ("--number", ["AA-SI-2"]),
    ],
)
def test_it_erases_what_has_the_number_at_that_end(client, api, run, option, left):
    post(client, sms(1))
    post(client, sms(2, sender="%2B" + SOMEBODY))
    post(client, sms(3, sender="%2B" + SOMEBODY, to="%2B" + THEM))
    run("events", "erase", option, "+" + THEM, "--yes")
    assert references(api) == left


@pytest.mark.parametrize(
    "spelling", ["%2B6591234567", "6591234567", "+6591234567", "0065+9123+4567", "65-9123-4567"]
)
def test_it_finds_the_number_however_it_came_and_however_it_is_asked_for(client, api, run, spelling):
    post(client, sms(1, sender=spelling))
    run("events", "erase", "--sender", "+65 9123-4567", "--yes")
    assert references(api) == []


@ON_BOTH
@pytest.mark.parametrize(
    "end", ["whatsapp:+6591234567", "WhatsApp:+65 9123 4567", "sip:+6591234567@10.0.0.1", "tel:+65-9123-4567"]
)
@pytest.mark.parametrize("asked", ["+6591234567", "whatsapp:+6591234567"])
def test_a_number_is_erased_behind_a_channel_and_in_an_address(client, api, run, end, asked):
    post(client, sms(1, sender=quote(end)))
    post(client, sms(2, sender=quote(end.replace("4567", "4568"))))
    run("events", "erase", "--number", asked, "--yes")
    assert references(api) == ["AA-SI-2"]


@ON_BOTH
def test_it_erases_calls_that_the_number_forwarded(client, api, run):
    for at, by in enumerate((THEM, SOMEBODY)):
        said = {"CallSid": f"CA{at}", "CallStatus": "ringing", "From": "+" + SOMEBODY, "To": "+" + OURS}
        body = urlencode(said | {"ForwardedFrom": "+" + by}).encode()
        assert client.post(f"/callbacks/{KEY}/twilio/voice", data=body, headers=FORM).status_code == 200
    run("events", "erase", "--sender", THEM, "--yes")
    assert references(api) == ["CA0", "CA1"]
    run("events", "erase", "--number", THEM, "--yes")
    assert references(api) == ["CA1"]


@ON_BOTH
def test_it_shows_first_what_it_would_erase_and_changes_nothing(client, api, run):
    post(client, sms(1))
    post(client, sms(1))
    post(client, f"txn_ref=F1&fax_status=answered&from=%2B{THEM}&to=%2B{OURS}&fax_url=x".encode(), "fax")
    shown = json.loads(run("events", "erase", "--number", THEM, "--dry-run", "--json"))
    assert {kind: (part["events"], part["repeats"]) for kind, part in shown["kinds"].items()} == {
        "sms": (1, 1),
        "fax": (1, 0),
    }
    assert shown["kinds"]["sms"]["first_at"] <= shown["kinds"]["sms"]["last_at"]
    run("events", "erase", "--number", THEM, exit_code=1)  # nobody can answer here
    assert references(api) == ["AA-SI-1", "F1"]


@ON_BOTH
def test_it_erases_the_whole_of_their_calls_and_of_no_other(client, api, run):
    call = "session={0}&txn_ref=T{1}&call_state={2}".format
    ends = f"&from=%2B{{0}}&to=%2B{OURS}".format
    post(client, (call("S1", 1, "ringing") + ends(THEM)).encode(), "voice")
    post(client, (call("S1", 2, "ongoing") + "&record_url=https%3A%2F%2Fx%2Fr.mp3").encode(), "voice")
    post(client, (call("S2", 3, "ringing") + ends(SOMEBODY)).encode(), "voice")
    post(client, (call("S2", 4, "ended")).encode(), "voice")
    # A forged event says that they were in somebody else's call.
    forged = (call("S2", 5, "ongoing") + ends(THEM)).encode()
    post(client, forged, "voice", FORM | {"X-Hoiio-Signature": "0" * 64})
    run("events", "erase", "--sender", THEM, "--yes")
    assert references(api) == ["T3", "T4"]


@ON_BOTH
def test_it_erases_calls_in_which_the_number_was_dialled(client, api, run):
    for number, dest in enumerate((THEM, SOMEBODY)):
        post(
            client,
            f"session=S{number}&txn_ref=T{number}&call_state=ongoing&ivr_block=dial&dest=%2B{dest}"
            f"&from=%2B{SOMEBODY}&to=%2B{OURS}".encode(),
            "voice",
        )
    run("events", "erase", "--number", THEM, "--yes")
    assert references(api) == ["T1"]


@ON_BOTH
def test_it_erases_what_could_not_be_read_but_holds_the_number(client, api, run):
    post(client, f"a letter from {THEM}".encode())
    post(client, f"a letter from {SOMEBODY}".encode())
    run("events", "erase", "--sender", THEM, "--yes")
    (event,) = api("/events")["events"]
    assert SOMEBODY in json.dumps(event["params"])


@ON_BOTH
def test_it_erases_what_waits_in_the_spool_and_what_was_set_aside_there(client, run, parts):
    with writing(parts.engine) as connection:
        connection.execute(text("ALTER TABLE events RENAME TO hidden"))
    post(client, sms(1))
    post(client, sms(2, sender="%2B" + SOMEBODY))
    post(client, sms(3))
    parts.recorder.close(5)
    with sqlite3.connect(parts.config.spool_dir / "spool.db") as spool:
        spool.execute("UPDATE arrivals SET set_aside = 'refused' WHERE position = 1")
    with writing(parts.engine) as connection:
        connection.execute(text("ALTER TABLE hidden RENAME TO events"))
    assert json.loads(run("events", "erase", "--sender", THEM, "--dry-run", "--json"))["spooled"] == 2
    assert json.loads(run("events", "erase", "--sender", THEM, "--yes", "--json"))["spooled"] == 2
    assert (parts.spool.state().waiting, parts.spool.state().set_aside) == (1, 0)


@ON_BOTH
def test_it_keeps_on_record_that_it_was_done_and_not_to_whom(client, run, parts):
    post(client, sms(1))
    post(client, sms(1))
    run("events", "erase", "--sender", THEM, "--yes")
    (made,) = json.loads(run("events", "interventions", "--json"))["interventions"]
    assert (made["action"], made["events"], made["repeats"]) == ("erase", 1, 1)
    with parts.engine.connect() as connection:
        (row,) = connection.execute(text("SELECT * FROM interventions"))
    assert not re.search(THEM[2:], str(row))
    assert "erase" in run("events", "interventions", "--number", "+" + THEM)
    assert run("events", "interventions", "--number", SOMEBODY) == ""


@ON_BOTH
def test_it_leaves_neither_words_nor_conversations_to_be_found(client, run, parts):
    post(client, sms(1, msg="marzipan"))
    post(client, sms(2, sender="%2B" + SOMEBODY))
    LogIndex(parts.engine).run(5)
    assert count(parts.engine, "conversations") == 2
    run("events", "erase", "--sender", THEM, "--yes")
    assert count(parts.engine, "conversations") == count(parts.engine, "event_words") == 1


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--sender", THEM, "--recipient", OURS),
        ("--sender", "Bob"),
        ("--sender", "123"),
        ("--number", "+" * 99),
    ],
)
def test_it_asks_for_one_telephone_number(run, words):
    assert run("events", "erase", *words, "--yes", exit_code=1 if words[:1] and len(words) == 2 else 2) == ""


def test_it_leaves_no_byte_of_the_text_in_any_file(tmp_path):
    config = make_config(f"sqlite:///{tmp_path}/receiver.db", tmp_path)
    secret = "xylophone"
    for app in started(config):
        client, parts = app.test_client(), app.extensions["receiver"]
        for number in range(300):
            post(
                client,
                sms(number, "%2B" + (THEM if number % 3 else SOMEBODY), msg=secret if number % 3 else "x"),
            )
        LogIndex(parts.engine).run(10)
        with writing(parts.engine) as connection:
            connection.execute(text("ALTER TABLE events RENAME TO hidden"))
        post(client, sms(1000, msg=secret))
        with writing(parts.engine) as connection:
            connection.execute(text("ALTER TABLE hidden RENAME TO events"))
        assert any(secret.encode() in file.read_bytes() for file in files(tmp_path))
        result = app.test_cli_runner().invoke(args=["events", "erase", "--number", THEM, "--yes"])
        assert result.exit_code == 0, result.output
        for file in files(tmp_path):
            assert secret.encode() not in file.read_bytes(), file
            assert THEM[2:].encode() not in file.read_bytes(), file
        with parts.engine.connect() as connection:
            assert connection.scalar(select(func.count()).select_from(Event)) == 100


def files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


# What is older than it should be.


def age(engine, references: dict[str, int]) -> None:
    """Let events have been received so many days ago."""
    with writing(engine) as connection:
        for reference, days in references.items():
            when = datetime.now(UTC) - timedelta(days=days)
            connection.execute(update(Event).where(Event.txn_ref == reference).values(received_at=when))


@pytest.fixture
def aged(client, parts):
    for number in range(4):
        post(client, sms(number))
    post(client, sms(0))
    post(client, f"txn_ref=F1&fax_status=answered&from=%2B{THEM}&to=%2B{OURS}&fax_url=x".encode(), "fax")
    age(parts.engine, {"AA-SI-0": 500, "AA-SI-1": 100, "AA-SI-2": 99, "F1": 500})


@ON_BOTH
def test_it_prunes_what_is_older_with_its_repeats(aged, api, run, parts):
    shown = json.loads(run("events", "prune", "--older-than", "100d", "--dry-run", "--json"))
    assert {kind: part["events"] for kind, part in shown["kinds"].items()} == {"voice": 0, "fax": 1, "sms": 2}
    run("events", "prune", "--older-than", "100d", exit_code=1)
    assert len(references(api)) == 5
    assert run("events", "prune", "--older-than", "100d", "--yes").endswith("deleted 3 events and 1 repeat\n")
    assert references(api) == ["AA-SI-2", "AA-SI-3"]
    assert count(parts.engine, "repeats") == 0


@ON_BOTH
def test_it_prunes_only_the_kind_that_was_asked_for(aged, api, run):
    run("events", "prune", "--older-than", "14w", "--kind", "sms", "--yes")
    assert references(api) == ["AA-SI-3", "F1"]
    actions = json.loads(run("events", "interventions", "--json"))["interventions"]
    assert [(made["action"], made["events"]) for made in actions] == [("prune", 3)]


def test_it_prunes_nothing_unless_told_how_old(aged, api, run, parts):
    assert "RETENTION" in run_error(run, "events", "prune")
    parts.schedule.run_due()
    assert len(references(api)) == 5


def run_error(run, *words: str) -> str:
    with pytest.raises(AssertionError) as raised:
        run(*words)
    return str(raised.value)


@ON_BOTH
def test_it_prunes_by_itself_as_the_settings_say(database_url, tmp_path):
    retention = {"sms": timedelta(days=90), "voice": timedelta(days=1)}
    for app in started(make_config(database_url, tmp_path, retention=retention)):
        client, parts = app.test_client(), app.extensions["receiver"]
        for number in range(3):
            post(client, sms(number))
        post(client, f"txn_ref=F1&fax_status=answered&from=%2B{THEM}&to=%2B{OURS}&fax_url=x".encode(), "fax")
        age(parts.engine, {"AA-SI-0": 92, "AA-SI-1": 90, "F1": 500})
        parts.schedule.run_due()
        with parts.engine.connect() as connection:
            left = connection.scalars(select(Event.txn_ref).order_by(Event.txn_ref)).all()
        assert left == ["AA-SI-2", "F1"]


def jump(engine, days: int) -> None:
    """What a clock that jumps ahead looks like: all that was written down is so much older."""
    gone = timedelta(days=days)
    with writing(engine) as connection:
        for row in connection.execute(select(Event.id, Event.received_at)).all():
            aged = update(Event).where(Event.id == row.id).values(received_at=row.received_at - gone)
            connection.execute(aged)
        for row in connection.execute(select(JobState.name, JobState.due_at, JobState.ran_at)).all():
            times = {"due_at": row.due_at - gone, "ran_at": row.ran_at and row.ran_at - gone}
            connection.execute(update(JobState).where(JobState.name == row.name).values(times))


def next_minute(parts) -> None:
    """Run the jobs as if their time had come."""
    with writing(parts.engine) as connection:
        past = {"due_at": datetime.now(UTC) - timedelta(seconds=1)}
        connection.execute(update(JobState).where(JobState.name != "clock").values(past))
    Schedule(parts.engine, prune.jobs(parts.engine, parts.config.retention)).run_due()


def left(parts) -> int:
    return count(parts.engine, "events")


@pytest.fixture
def kept_90_days(database_url, tmp_path):
    retention = {"sms": timedelta(days=90)}
    for app in started(make_config(database_url, tmp_path, retention=retention)):
        client, parts = app.test_client(), app.extensions["receiver"]
        for number in range(3):
            post(client, sms(number))
        next_minute(parts)
        yield app


def findings_of(app) -> list[str]:
    result = app.test_cli_runner().invoke(args=["doctor", "--json"])
    return re.findall(r'"code": "([a-z-]+)"', result.stdout)


@ON_BOTH
def test_a_jump_of_the_clock_deletes_nothing_and_is_said(kept_90_days, caplog):
    parts, client = kept_90_days.extensions["receiver"], kept_90_days.test_client()
    jump(parts.engine, 200)
    next_minute(parts)
    post(client, sms(7))  # what comes in the new time proves nothing by itself
    next_minute(parts)
    assert left(parts) == 4
    assert "the clock jumped ahead" in caplog.text
    assert "clock-jumped" in [found.code for found in findings.read(parts.engine)]
    assert "clock-jumped" in findings_of(kept_90_days)
    result = kept_90_days.test_cli_runner().invoke(args=["events", "prune", "--yes"])
    assert result.exit_code == 1
    assert "--trust-clock" in result.stderr
    assert left(parts) == 4


@ON_BOTH
def test_a_jump_before_the_first_heartbeat_is_seen_by_the_events(database_url, tmp_path):
    retention = {"sms": timedelta(days=90)}
    for app in started(make_config(database_url, tmp_path, retention=retention)):
        parts = app.extensions["receiver"]
        post(app.test_client(), sms(1))
        jump(parts.engine, 200)
        next_minute(parts)
        assert left(parts) == 1


def test_it_goes_on_when_a_person_says_that_the_clock_is_right(kept_90_days, caplog):
    caplog.set_level("INFO")
    parts = kept_90_days.extensions["receiver"]
    jump(parts.engine, 200)
    next_minute(parts)
    runner = kept_90_days.test_cli_runner()
    result = runner.invoke(args=["events", "prune", "--kind", "voice", "--older-than", "1d", "--trust-clock"])
    assert (result.exit_code, left(parts)) == (0, 3)
    next_minute(parts)
    assert left(parts) == 0
    assert findings.read(parts.engine) == ()
    (line,) = [r.msg for r in caplog.records if getattr(r.msg, "event", "") == "changed what is kept"]
    assert (line.fields["action"], line.fields["events"], line.fields["repeats"]) == ("prune", 3, 0)


def test_it_goes_on_when_the_clock_is_put_right(kept_90_days):
    parts = kept_90_days.extensions["receiver"]
    jump(parts.engine, 200)
    next_minute(parts)
    jump(parts.engine, -200)
    age(parts.engine, {"AA-SI-0": 92})
    next_minute(parts)
    assert left(parts) == 2
    assert findings.read(parts.engine) == ()


def test_it_goes_on_when_the_new_time_has_lasted_although_nothing_arrives(kept_90_days):
    parts = kept_90_days.extensions["receiver"]
    jump(parts.engine, 200)
    next_minute(parts)
    for _ in range(6):
        assert left(parts) == 3
        with writing(parts.engine) as connection:  # half a day of minutes
            for row in connection.execute(select(JobState).where(JobState.name == "clock")).all():
                half = timedelta(hours=12)
                times = {"due_at": row.due_at - half, "ran_at": row.ran_at - half}
                connection.execute(update(JobState).where(JobState.name == "clock").values(times))
        next_minute(parts)
    assert left(parts) == 0


def test_a_quiet_log_is_pruned_all_the_same(kept_90_days):
    parts = kept_90_days.extensions["receiver"]
    age(parts.engine, {f"AA-SI-{number}": 200 for number in range(3)})
    next_minute(parts)
    assert left(parts) == 0


@pytest.mark.parametrize("words", ["sms=90", "sms=0d", "letters=3d", "sms=3d,sms=4d", "90d", "sms=-1d"])
def test_it_refuses_a_retention_that_makes_no_sense(tmp_path, words):
    with pytest.raises(ValidationError, match="must look like"):
        make_config("sqlite:///x.db", tmp_path, retention=words)


def test_it_reads_how_long_to_keep_each_kind(tmp_path):
    config = make_config("sqlite:///x.db", tmp_path, retention="voice=400d, FAX=30d")
    assert config.retention == {"voice": timedelta(days=400), "fax": timedelta(days=30)}


@ON_BOTH
def test_it_holds_callbacks_while_it_prunes(client, api, run, parts):
    for number in range(150):
        post(client, sms(number))
    age(parts.engine, {f"AA-SI-{number}": 10 for number in range(150)})
    took: list[float] = []
    done = threading.Event()

    def arrive():
        number = 1000
        while not done.is_set():
            began = time.monotonic()
            post(client, sms(number))
            took.append(time.monotonic() - began)
            number += 1

    thread = threading.Thread(target=arrive)
    thread.start()
    try:
        run("events", "prune", "--older-than", "7d", "--yes")
    finally:
        done.set()
        thread.join()
    assert count(parts.engine, "events") == len(took) > 1
    assert parts.spool.state().waiting == 0
    assert max(took) < parts.config.commit_deadline


def test_it_prunes_all_kinds_of_one_age_in_one_act(aged, run):
    run("events", "prune", "--older-than", "100d", "--yes")
    (made,) = json.loads(run("events", "interventions", "--json"))["interventions"]
    assert (made["action"], made["events"], made["repeats"]) == ("prune", 3, 1)


@ON_BOTH
def test_a_conversation_keeps_its_newest_message_that_is_left(client, run, parts):
    for number in range(3):
        post(client, sms(number))
    post(client, sms(9, to="%2B16509999999"))
    LogIndex(parts.engine).run(5)
    talks = text("SELECT messages, last_id FROM conversations ORDER BY last_id")
    age(parts.engine, {"AA-SI-2": 10})
    run("events", "prune", "--older-than", "7d", "--yes")
    with parts.engine.connect() as connection:
        assert [tuple(row) for row in connection.execute(talks)] == [(2, 2), (1, 4)]
    age(parts.engine, {"AA-SI-0": 10, "AA-SI-1": 10})
    run("events", "prune", "--older-than", "7d", "--yes")
    with parts.engine.connect() as connection:
        assert [tuple(row) for row in connection.execute(talks)] == [(1, 4)]


@ON_BOTH
def test_it_prunes_although_somebody_writes_for_a_while(client, api, run, parts):
    post(client, sms(1))
    age(parts.engine, {"AA-SI-1": 10})
    writes, written = threading.Event(), threading.Event()

    def write():
        with writing(parts.engine) as connection:
            connection.execute(update(Event).values(tag="x"))
            writes.set()
            time.sleep(0.3)
        written.set()

    thread = threading.Thread(target=write)
    thread.start()
    writes.wait(5)
    run("events", "prune", "--older-than", "7d", "--yes")
    assert written.is_set()
    thread.join()
    assert references(api) == []


# Room on disk.


def test_it_gives_the_room_of_what_was_deleted_back(tmp_path):
    config = make_config(f"sqlite:///{tmp_path}/receiver.db", tmp_path)
    for app in started(config):
        client, parts = app.test_client(), app.extensions["receiver"]
        for number in range(200):
            post(client, sms(number, msg="x" * 4000))
        age(parts.engine, {f"AA-SI-{number}": 10 for number in range(200)})
        before = pages(parts.engine)
        app.test_cli_runner().invoke(args=["events", "prune", "--older-than", "7d", "--yes"])
        assert pages(parts.engine) < before / 2


def test_it_gives_room_back_in_an_older_file_once_that_was_compacted(tmp_path):
    path = tmp_path / "receiver.db"
    with sqlite3.connect(path) as old:
        old.execute("PRAGMA journal_mode=WAL")
        old.execute("CREATE TABLE t (x BLOB)")
        old.execute("INSERT INTO t VALUES (zeroblob(1000000))")
    engine = connect(f"sqlite:///{path}")
    with writing(engine) as connection:
        connection.execute(text("DELETE FROM t"))
    full = pages(engine)
    space.give_back(engine)
    assert pages(engine) == full
    for app in started(make_config(f"sqlite:///{path}", tmp_path)):
        assert app.test_cli_runner().invoke(args=["db", "compact", "--yes"]).stdout == "compacted\n"
    with writing(engine) as connection:
        connection.execute(text("INSERT INTO t VALUES (zeroblob(1000000))"))
        connection.execute(text("DELETE FROM t"))
    full = pages(engine)
    space.give_back(engine)
    assert pages(engine) < full - 200
    engine.dispose()


@ON_BOTH
def test_it_compacts_a_log_on_either_database(client, api, run):
    post(client, sms(1))
    assert run("db", "compact", "--yes") == "compacted\n"
    post(client, sms(2))
    assert references(api) == ["AA-SI-1", "AA-SI-2"]


def pages(engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(text("PRAGMA page_count"))
