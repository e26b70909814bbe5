"""The rules in force, and the commands about them."""

from __future__ import annotations

import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from conftest import make_config, started
from flask import Flask
from sqlalchemy.exc import OperationalError
from test_keys import at_start
from waiting import until

from receiver import current
from receiver.answering import kept
from receiver.answering.in_force import RulesInForce
from receiver.answering.machine import begin, proceed
from receiver.answering.problems import RulesError
from receiver.answering.switches import switch, switched_on
from receiver.cli.events.removing import who
from receiver.db import asking
from receiver.db.engine import connect
from receiver.numbers import findings
from receiver.vocabulary.answering import Pressed, Rang

NOW = datetime(2026, 11, 26, 4, tzinfo=UTC)
EXAMPLES = Path(__file__).parent.parent / "docs/answering"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return Path(shutil.copy(EXAMPLES / "shop.toml", tmp_path / "rules.toml"))


@pytest.fixture
def app(database_url: str, tmp_path: Path, file: Path):
    yield from started(make_config(database_url, tmp_path, rules=file))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rules(app: Flask, file: Path, clock: Clock) -> RulesInForce:
    return RulesInForce(file, app.extensions["receiver"].engine, file.parent, clock)


def write(file: Path, old: str, new: str) -> None:
    file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    os.utime(file, ns=(1, file.stat().st_mtime_ns + 1))


def codes(app: Flask) -> dict[str, str]:
    found = findings.read(app.extensions["receiver"].engine)
    return {finding.code: finding.sentence for finding in found}


def test_a_change_is_in_force_within_a_second(rules: RulesInForce, file: Path, clock: Clock):
    before = rules.current()
    write(file, "Good day", "Good morning")
    assert rules.current() is before  # nobody looks more often
    clock.now += 1
    assert "Good morning" in rules.current().text
    assert rules.version(before.version) is before


def test_a_bad_file_leaves_the_rules_of_before_and_is_a_finding(
    app: Flask, rules: RulesInForce, file: Path, clock: Clock
):
    before = rules.current()
    rules.refresh()
    assert "rules-file" not in codes(app)
    write(file, "{ dial", "{ dail")
    clock.now += 1
    assert rules.current() is before
    rules.refresh()
    assert "line 25, column 5" in codes(app)["rules-file"]
    assert "The previous rules stay in force." in codes(app)["rules-file"]
    write(file, "{ dail", "{ dial")
    clock.now += 1
    rules.refresh()
    assert "rules-file" not in codes(app)


def test_a_restart_knows_the_rules_of_before(app: Flask, rules: RulesInForce, file: Path, clock: Clock):
    rules.refresh()
    began = rules.current().version
    write(file, "{ dial", "{ dail")
    again = RulesInForce(file, app.extensions["receiver"].engine, file.parent, clock)
    again.require()
    assert again.current().version == began
    write(file, "{ dail", "{ dial")
    write(file, "Good day", "Good morning")
    clock.now += 1
    other = RulesInForce(file, app.extensions["receiver"].engine, file.parent, clock)
    other.refresh()
    assert other.current().version != began
    assert other.version(began).version == began
    assert other.version("unknown") is None
    kept.keep(app.extensions["receiver"].engine, "stricter", "read = 'by an earlier release'", now=NOW)
    other.refresh()
    assert other.version("stricter") is None


def test_it_is_known_since_when_a_version_is_in_force(
    app: Flask, rules: RulesInForce, file: Path, clock: Clock
):
    engine, before = app.extensions["receiver"].engine, file.read_text(encoding="utf-8")
    began = []
    for text in (before, before, before + "# other", before):
        file.write_text(text, encoding="utf-8")
        os.utime(file, ns=(1, len(began) + 1))
        clock.now += 4000  # it says once an hour that it is still in force
        rules.refresh()
        began.append(kept.since(engine, rules.current().version))
    assert began[0] == began[1] < began[2] < began[3]
    assert rules.kept_version("unknown") is None


def test_the_first_file_must_be_right(app: Flask, rules: RulesInForce, file: Path):
    write(file, "{ dial", "{ dail")
    with pytest.raises(RulesError, match="line 25, column 5: there is no step 'dail'"):
        rules.require()
    file.unlink()
    with pytest.raises(RulesError, match="No such file or directory; a relative RULES is looked for") as told:
        RulesInForce(file, app.extensions["receiver"].engine, file.parent).require()
    assert str(file) in str(told.value)
    assert "line 1" not in str(told.value)


def test_without_a_file_there_are_no_rules(app: Flask, tmp_path: Path):
    none = RulesInForce(None, app.extensions["receiver"].engine, tmp_path)
    none.require()
    none.refresh()
    assert none.current() is None


def test_switches_reach_every_process(app: Flask, rules: RulesInForce):
    engine = app.extensions["receiver"].engine
    assert switch(engine, "on holiday", on=True, by="tests")
    assert not switch(engine, "on holiday", on=True, by="tests")
    rules.refresh()
    assert rules.switches == {"on holiday"}
    assert switch(engine, "on holiday", on=False, by="tests")
    rules.refresh()
    assert rules.switches == frozenset()


def test_switches_are_known_while_the_database_is_away(
    app: Flask, rules: RulesInForce, file: Path, tmp_path: Path
):
    copy = tmp_path / "switches.json"
    switch(app.extensions["receiver"].engine, "on holiday", on=True, by="tests")
    rules.refresh()
    assert copy.stat().st_mode & 0o777 == 0o600
    away = connect("postgresql+psycopg://nobody@127.0.0.1:1/nowhere", patience=1)
    assert RulesInForce(file, away, tmp_path).switches == {"on holiday"}
    copy.write_text("null")
    assert RulesInForce(file, away, tmp_path).switches == frozenset()


def test_the_copy_of_the_switches_follows_once_its_disk_is_well_again(
    app: Flask, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    engine, spool = app.extensions["receiver"].engine, tmp_path / "spool"
    spool.write_text("in the way")
    rules = RulesInForce(file, engine, spool)
    switch(engine, "on holiday", on=True, by="tests")
    rules.refresh()
    spool.unlink()
    rules.refresh()
    copy, aside = spool / "switches.json", spool / "aside"
    assert json.loads(copy.read_text()) == ["on holiday"]

    switch(engine, "on holiday", on=False, by="tests")
    copy.rename(aside)
    os.mkfifo(copy)
    never_ends = os.open(copy, os.O_RDWR)
    with monkeypatch.context() as patience:
        patience.setattr(asking, "PATIENCE", 0.05)
        rules = RulesInForce(file, engine, spool)
    aside.rename(copy)
    os.close(never_ends)
    until(lambda: rules.refresh() or json.loads(copy.read_text()) == [])


def test_a_server_asks_for_switches_before_its_first_callback_whatever_becomes_of_keys(
    app: Flask, monkeypatch: pytest.MonkeyPatch
):
    parts = app.extensions["receiver"]
    switch(parts.engine, "on holiday", on=True, by="tests")

    def away():
        raise OperationalError("", {}, Exception())

    monkeypatch.setattr(parts.keys, "refresh", away)
    assert at_start(app, lambda: parts.rules.switches) == {"on holiday"}


def test_a_watch_leaves_the_findings_alone(app: Flask, rules: RulesInForce, file: Path, clock: Clock):
    rules.refresh()
    write(file, "{ dial", "{ dail")
    clock.now += 1
    rules.refresh()
    app.extensions["receiver"].watch.look()
    assert "rules-file" in codes(app)


# Commands.


def test_check_tells_mistakes_and_exits_with_one(run, file: Path):
    assert "warning: nobody knows yet which numbers are ours" in run("rules", "check")
    write(file, "{ dial", "{ dail")
    said = run("rules", "check", str(file), exit_code=1)
    assert said == f"{file}, line 25, column 5: there is no step 'dail'; did you mean 'dial'?\n"
    [problem] = json.loads(run("rules", "check", "--json", exit_code=1))["problems"]
    assert (problem["line"], problem["column"], problem["warning"]) == (25, 5, False)


def test_check_warns_that_calls_go_on_nowhere(database_url: str, tmp_path: Path, file: Path):
    for app in started(make_config(database_url, tmp_path, rules=file, public_url=None)):
        result = app.test_cli_runner().invoke(args=("rules", "check"))
        assert "line 10, column 10: warning: PUBLIC_URL is not set" in result.stdout
        assert result.exit_code == 0


@pytest.mark.parametrize("name", ["shop", "clinic", "support"])
def test_show_fits_eighty_columns(run, file: Path, name: str):
    shutil.copy(EXAMPLES / f"{name}.toml", file)
    said = run("rules", "show")
    assert max(map(len, said.splitlines())) <= 80
    assert "  flow " in said


def test_show_draws_a_picture(run):
    assert run("rules", "show", "+65 6123 4567", "--svg") == (EXAMPLES / "shop.svg").read_text("utf-8")


def test_show_says_which_numbers_there_are(app: Flask):
    result = app.test_cli_runner().invoke(args=("rules", "show", "+6567654321"))
    assert "there are no rules for +65••••4321; there are some for +65••••4567" in result.output
    assert result.exit_code == 1


def test_try_walks_a_call_and_says_why(run):
    said = run("rules", "try", "--from", "+6590000000", "--to", "+6561234567", "--at", "2026-12-25 10:00")
    assert said.splitlines() == [
        "+6561234567, Fri 2026-12-25 10:00 Asia/Singapore",
        "  rule 3 (always) holds; not rule 1 (on holiday off), rule 2 (shop closed)",
        "    after hours 1: say \"Lim's Flowers is closed now. We are open from Monday to…",
        "  done",
        "  go voicemail",
        '    voicemail 1: record up to 120 s: say "Please leave a message, and your numb…',
        "  recorded",
        '    voicemail 2: say "Thank you. Good bye."',
        "  done",
        "    hang up",
        "An SMS is answered with \"Thank you! We read this when the shop opens. Lim's Flo…",
        "  rule 2 (always) holds; not rule 1 (shop closed)",
    ]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--at", "2026-12-25 10:00"], "rule 2 (always) holds: there is no number to reply to; not rule 1"),
        (["--at", "2026-12-24 10:00"], "rule 1 (shop open) holds: it says not to reply"),
        (
            ["--from", "+6590000000", "--at", "2026-12-25 10:00", "--text", " Stop.\n"],
            "rule 2 (always) holds: the sender asks for no more messages; not rule 1",
        ),
    ],
)
def test_try_says_why_an_sms_gets_no_reply(run, words: list[str], why: str):
    answered, said = run("rules", "try", "--to", "+6561234567", *words).splitlines()[-2:]
    assert answered == "An SMS is answered with nothing"
    assert why in said


@pytest.mark.parametrize("at", ["0001-01-01 00:00", "9999-12-31 23:59"])
def test_try_knows_no_time_that_is_too_far_away(run, at: str):
    run("rules", "try", "--to", "+6561234567", "--at", at, exit_code=2)


def test_try_presses_keys_and_tells_it_as_json(run, file: Path):
    shutil.copy(EXAMPLES / "support.toml", file)
    words = ("rules", "try", "--to", "+498912345678", "--at", "2026-07-01 10:00", "--json")
    told = json.loads(run(*words, "--press", "2", "--press", "1", "--dialled", "busy"))
    assert [move["instruction"] for move in told["call"]] == [
        *("Gather", "Gather", "Dial", "Dial", "Dial", "Dial", "Record", "Say", "HangUp"),
    ]
    assert told["call"][2]["parameters"]["number"] == "+498912345611"


def test_switch_sets_what_the_rules_ask_for(app: Flask, run):
    for _ in range(2):
        run("rules", "switch", "on holiday", "on")
    [on] = json.loads(run("events", "interventions", "--about", "rules", "--json"))["interventions"]
    assert (on["action"], on["who"], on["whom"]) == ("switch-on", who(), "on holiday")
    assert "on holiday" in run("rules", "switch")
    said = run("rules", "try", "--to", "+6561234567")
    assert "rule 1 (on holiday on) holds" in said
    result = app.test_cli_runner().invoke(args=("rules", "switch", "on hollyday", "on"))
    assert "did you mean 'on holiday'?" in result.output


def test_a_switch_is_set_while_the_file_is_broken(app: Flask, rules: RulesInForce, file: Path, run):
    """In the night, with a mistake in the file: by what is in force, or by what is on."""
    runner, engine = app.test_cli_runner(), app.extensions["receiver"].engine
    switch(engine, "by hand", on=True, by="tests")
    write(file, "{ dial", "{ dail")
    known = runner.invoke(args=("rules", "switch", "by hand", "off"))
    assert (known.exit_code, known.stderr.count("there is no step 'dail'")) == (0, 1)
    run("rules", "switch", "on holiday", "on", exit_code=1)
    write(file, "{ dail", "{ dial")
    rules.refresh()
    write(file, "{ dial", "{ dail")
    for words in (("switch", "on holiday", "on"), ("show",)):
        told = runner.invoke(args=("rules", *words))
        assert told.exit_code == 0, told.output
        assert "the previous rules are in force" in " ".join(told.stderr.split())
    assert "on holiday" in switched_on(engine)
    assert "dial +6591110001" in told.stdout


def test_a_call_goes_on_with_its_version_after_a_change(app: Flask, rules, file: Path, clock: Clock):
    shutil.copy(EXAMPLES / "support.toml", file)
    clock.now += 1
    rang = Rang("+498912345678", None, datetime(2026, 7, 1, 10, tzinfo=UTC))
    move = begin(rules.current(), rang)
    write(file, '1 = "invoices"', '1 = "goodbye"')
    clock.now += 1
    assert rules.current().version != move.state.version
    move = proceed(rules.version(move.state.version), move.state, Pressed(1, "1"))
    assert move.instruction.number == "+498912345601"


def test_commands_without_rules_say_what_to_set(database_url: str, tmp_path: Path):
    for app in started(make_config(database_url, tmp_path)):
        result = app.test_cli_runner().invoke(args=("rules", "show"))
        assert "RULES is not set" in result.output
        with app.app_context():
            assert current.rules().current() is None
