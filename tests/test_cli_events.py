"""The log on the command line: one search language, tables that fit, forms that can be piped."""

import csv
import io
import json
import os
import pty
import re
import select
import sys
import time
from datetime import UTC, datetime, timedelta

import forks
import pytest
from conftest import KEY, make_config, started
from test_serve import ROOT

from receiver.cli.columns import Column, fitted
from receiver.cli.searching import Shown
from receiver.cli.sparklines import sparklines
from receiver.search.counts import HourOfKind
from receiver.vocabulary.json_text import json_string, json_text
from receiver.vocabulary.printable import printable

THEM, US = "+6591110001", "+6560000001"


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A log with a call, faxes, a long SMS in two parts and something unreadable; ids rise in this order."""
    path = tmp_path_factory.mktemp("log")
    for app in started(make_config(f"sqlite:///{path}/receiver.db", path)):
        client = app.test_client()
        long = "The invoice for the third of the month " * 7
        for kind, data in [
            ("voice", {"call_state": "ringing", "ivr_block": "answer", "from": THEM, "to": US}),
            ("voice", {"call_state": "ongoing", "ivr_block": "gather", "digits": "12#"}),
            ("voice", {"call_state": "ended", "ivr_block": "hangup", "duration": "2", "debit": "0.04"}),
            (
                "fax",
                {"fax_status": "answered", "fax_url": "https://example.com/1.pdf", "from": THEM, "to": US},
            ),
            ("fax", {"fax_status": "failed", "fax_error_code": "busy", "from": "+6591110003", "to": US}),
            ("sms", {"msg": "please call back", "from": THEM, "to": US, "date": "2026-01-01 10:00:00"}),
            ("sms", {"msg": long[:152], "from": THEM, "to": US, "date": "2026-01-01 10:01:00"}),
            ("sms", {"msg": long[152:], "from": THEM, "to": US, "date": "2026-01-01 10:01:00"}),
            ("sms", {"nothing": "known"}),
        ]:
            given = {"txn_ref": f"AA-{kind}-{len(data)}-{data.get('msg', '')[:8]}", **data}
            if kind == "voice":
                given |= {"session": "S1", "txn_ref": "AA-C-1"}
            if "nothing" in data:
                given = data
            assert client.post(f"/callbacks/{KEY}/{kind}", data=given).status_code == 200
        yield client


@pytest.fixture
def run(client):
    def run(*words: str, exit_code: int = 0) -> str:
        done = client.application.test_cli_runner().invoke(args=words)
        assert done.exit_code == exit_code, done.output
        return done.stdout if exit_code == 0 else done.stderr

    return run


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ([], [9, 8, 7, 6, 5, 4, 3, 2, 1]),
        (["kind:sms", "invoice"], [8, 7]),
        (["third of the month"], [8, 7]),
        (["from:" + THEM, "kind:fax"], [4]),
        (["--kind", "fax", "--", "-is:quarantined"], [5, 4]),
        (["--sender", "6591110003"], [5]),
        (["has:problems", "kind:sms"], [9]),
        (["session:S1", "--limit", "2"], [3, 2]),
        (["since:1h", "--before", "3"], [2, 1]),
    ],
)
def test_it_finds_by_words_and_options(run, words, ids):
    assert [event["id"] for event in json.loads(run("events", "list", "--json", *words))["events"]] == ids


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["colour:red"], "colour: unknown filter"),
        (["kind:sms", "--kind", "fax"], "--kind: is given twice"),
        (["--since", "tomorrow"], "--since: 'tomorrow' is not a time"),
        (["since:1h", "--until", "2h"], "until: is before since: ("),
    ],
)
def test_it_says_what_it_did_not_understand(run, words, said):
    assert said in run("events", "list", *words, exit_code=2)


def test_it_says_at_once_all_that_it_did_not_understand(run):
    said = run("events", "list", "form:x", "is:new", "--kind", "smss", "--since", "soon", exit_code=2)
    lines = [line.strip().removeprefix("Error: ") for line in said.splitlines()]
    for begins in (
        "form: unknown filter; did you mean from:?",
        "is: 'new'",
        "--kind: 'smss'",
        "--since: 'soon'",
    ):
        assert any(line.startswith(begins) for line in lines), said


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["events", "7"], "to see the event with this id: receiver events show 7\n"),
        (["events", "4711"], ""),
        (["calls", "from:mei"], "to look for a name among the contacts: contact:mei\n"),
        (["events", "from:+6591119999"], ""),
        (["calls", "is:handled"], ""),
    ],
)
def test_who_finds_nothing_is_told_what_may_be_meant(client, words, hint):
    done = client.application.test_cli_runner().invoke(args=words)
    assert (done.exit_code, done.stderr) == (0, f"no {words[0]} match\n{hint}")


def test_an_event_is_shown_in_words_and_units(run):
    shown = run("events", "show", "3")
    assert re.search(r"^quarantined +no$", shown, re.MULTILINE)
    assert re.search(r"^duration +2 min$", shown, re.MULTILINE)
    assert re.search(r"^raw\.request +POST$", shown, re.MULTILINE)


def test_it_lists_unless_told_otherwise(run):
    assert run("events", "kind:fax", "--json") == run("events", "list", "kind:fax", "--json")


def test_it_shows_each_repeat_with_its_own_request(tmp_path):
    for app in started(make_config(f"sqlite:///{tmp_path}/receiver.db", tmp_path)):
        for text in ("come+again", "come%20again", "come+again"):
            data = f"txn_ref=AA-SI-1&msg={text}&from=%2B6591110001&to=%2B6560000001"
            assert app.test_client().post(f"/callbacks/{KEY}/sms", data=data).status_code == 200
        shown = app.test_cli_runner().invoke(args=["events", "show", "1"]).output
        assert re.findall(r"^(raw|repeat\.\d)\.body +\S+msg=(\S+?)&", shown, re.MULTILINE) == [
            ("raw", "come+again"),
            ("repeat.1", "come%20again"),
            ("repeat.2", "come+again"),
        ]
        assert shown.count(".peer") == shown.count(".request") == 3
        masked = app.test_cli_runner().invoke(args=["events", "show", "1", "--mask"]).output
        assert "again" not in masked
        assert "repeat.2.received_at" in masked


def test_the_forms_for_pipes_agree(run):
    lines = [json.loads(line) for line in run("events", "list", "kind:sms", "--ndjson").splitlines()]
    rows = list(csv.DictReader(io.StringIO(run("events", "list", "kind:sms", "--csv"))))
    assert [row["id"] for row in rows] == [str(line["id"]) for line in lines] == ["9", "8", "7", "6"]
    assert [row["text"] for row in rows[1:]] == [line["text"] for line in lines[1:]]
    exported = run("events", "export", "kind:sms", "--fields", "id,text").splitlines()
    assert [json.loads(line)["id"] for line in exported] == [9, 8, 7, 6]


def test_a_call_is_drawn_as_a_time_line(run):
    assert "S1" in run("calls")
    assert run("calls", "from:" + THEM) == run("calls", "list", "from:" + THEM)
    drawn = run("calls", "show", "S1", "--utc")
    assert re.search(r"call S1: answered\nfrom \+6591110001 to \+6560000001, .* UTC\n2 min, 0\.04\n", drawn)
    assert re.findall(r"● (.*)", drawn) == [
        "ringing (answer)",
        "ongoing (gather): keys 12#",
        "call ended (hangup): 2 min, 0.04",
    ]
    assert "`receiver calls` lists them" in run("calls", "show", "S2", exit_code=1)


def test_a_conversation_reads_as_it_was_written(run):
    assert THEM in run("conversations")
    shown = run("conversations", "show", US, THEM)
    assert shown.index("please call back") < shown.index("The invoice")
    assert "(events 7, 8 put together)" in shown
    nobody = run("conversations", "show", US, "+6590000000", exit_code=1)
    assert "+65••••0001 and +65••••0000 have no conversation" in nobody


@pytest.mark.parametrize(
    "words",
    [
        ["events", "list"],
        ["events", "list", "--json"],
        ["events", "list", "--csv"],
        ["events", "list", "--ndjson"],
        ["events", "show", "6"],
        ["events", "export"],
        ["calls"],
        ["calls", "show", "S1"],
        ["conversations"],
        ["conversations", "show", US, THEM],
    ],
)
def test_masked_neither_numbers_nor_texts_can_be_read(run, words):
    shown = run(*words, "--mask")
    assert shown
    for private in (THEM, THEM[1:], US[1:], "please call back", "invoice", "12#", "1.pdf"):
        assert private not in shown.replace(" ".join(words), "")


def test_it_counts(run):
    counted = json.loads(run("events", "stats", "kind:fax", "--json"))["stats"]
    assert [(row["type"], row["events"]) for row in counted] == [("fax.failed", 1), ("fax.received", 1)]
    shown = run("events", "stats", "kind:fax")
    assert "█" in shown
    assert re.search(r"^fax    █  2, at most 2 in an hour$", shown, re.MULTILINE)
    hours = json.loads(run("events", "stats", "kind:fax", "--json"))["hours"]
    assert [(hour["kind"], hour["events"]) for hour in hours] == [("fax", 2)]
    assert run("events", "stats", "--json")


@pytest.mark.parametrize(
    ("apart", "said"),
    [
        (timedelta(hours=1), "30, at most 1 in an hour"),
        (timedelta(days=1), "30, at most 1 in a day"),
        (timedelta(days=40), "30, at most 1 in 39 days"),
        (timedelta(minutes=1), "30, at most 30 in an hour"),
    ],
)
def test_a_line_of_any_span_fits(apart, said):
    first = datetime(2026, 3, 1, 12, tzinfo=UTC)
    hours: dict[datetime, int] = {}
    for at in range(30):
        hour = (first + at * apart).replace(minute=0)
        hours[hour] = hours.get(hour, 0) + 1
    counted = [HourOfKind(hour, "voice", events) for hour, events in hours.items()]
    lines = list(sparklines(counted, Shown(utc=True)))
    assert lines[0].endswith(said)
    assert max(map(len, lines)) <= 80


def test_times_are_local_and_say_so(run, monkeypatch):
    with monkeypatch.context() as there:
        there.setenv("TZ", "Asia/Singapore")
        time.tzset()
        shown = run("events", "list", "--limit", "1")
        assert "received (UTC)" in run("events", "list", "--limit", "1", "--utc")
    time.tzset()
    assert "received (+08)" in shown
    assert f"{datetime.now(UTC) + timedelta(hours=8):%m-%d %H:}" in shown


@pytest.mark.parametrize(
    ("command", "shows"),
    [(["events", "tail"], b"fax failed"), (["events", "drop", "--all"], b"[y/N]")],
)
def test_ctrl_c_ends_the_line_and_the_command_as_shells_expect(client, tmp_path, command, shows):
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "CALLBACK_KEYS": KEY,
        "DATABASE_URL": client.application.extensions["receiver"].config.database_url,
        "SPOOL_DIR": str(tmp_path / "spool"),
    }
    pid, terminal = pty.fork()
    if not pid:
        os.execve(sys.executable, [sys.executable, "-m", "receiver.cli", *command], environ)  # noqa: S606
    shown = b""
    while shows not in shown:
        piece = _read(terminal)
        assert piece, shown
        shown += piece
    os.write(terminal, b"\x03")
    while True:
        # A signal that comes just before Python waits for a line is seen with the next key only.
        while not select.select([terminal], [], [], 5)[0]:
            os.write(terminal, b"\x03")
        if not (piece := _read(terminal)):
            break
        shown += piece
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    assert shown.endswith(b"^C\r\n")


def test_json_shows_letters_and_escapes_what_steers_a_terminal():
    text = "日本語 é \U0001f600 \x9b\u202e\x7f\ud800\U000e0041 \x1b\n"
    for written in (json_text({"text": text}), f'{{"text": {json_string(text)}}}'):
        assert printable(written) == written
        assert "日本語 é \U0001f600" in written
        assert json.loads(written) == {"text": text}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("columns", "command", "colours"),
    [(80, ["events", "list"], True), (80, ["conversations"], True), (120, ["calls"], False)],
)
def test_tables_fit_the_terminal(client, tmp_path, columns, command, colours):
    """On a real terminal, with colours and without."""
    environ = {
        "PATH": os.environ["PATH"],
        "CALLBACK_KEYS": KEY,
        "DATABASE_URL": client.application.extensions["receiver"].config.database_url,
        "SPOOL_DIR": str(tmp_path / "spool"),
        "COLUMNS": str(columns),
        "TERM": "xterm-256color",
    }
    ours, theirs = pty.openpty()
    process = forks.begin(command, environ if colours else environ | {"NO_COLOR": "1"}, (0, theirs, 2))
    os.close(theirs)
    shown = b""
    while piece := _read(ours):
        shown += piece
    process.join(30)
    assert process.exitcode == 0
    text = shown.decode()
    assert ("\x1b[32m" in text) is (command == ["events", "list"])
    lines = re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
    assert len(lines) > 1
    assert max(map(len, lines)) <= columns


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


HEADINGS = ("session", "began", "outcome", Column("min", goes=3), "from", Column("cost", goes=1), "text")


@pytest.mark.parametrize(
    ("width", "left"),
    [
        (120, [11, 11, 9, 3, 13, 9, 52]),
        (100, [11, 11, 9, 3, 13, 9, 32]),
        (92, [11, 11, 9, 3, 13, 9, 24]),
        (91, [11, 11, 9, 3, 13, 0, 34]),
        (80, [11, 11, 9, 0, 13, 0, 28]),
        (60, [11, 11, 9, 0, 13, 0, 8]),
    ],
)
def test_columns_leave_in_the_order_declared_and_what_stays_is_whole(width, left):
    assert fitted(HEADINGS, [11, 11, 9, 3, 13, 9, 300], width) == left
