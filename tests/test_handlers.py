"""The owner's own functions: found, run in processes of their own, tried again, and no danger to others."""

import csv
import json
import os
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import cast, get_type_hints

import pytest
from conftest import KEY, ON_BOTH, make_config, on_sqlite, started
from receiving import Receiving
from test_relay import arrive, due_now, hook, sms, states, working
from test_relay import until as happens

from receiver import current
from receiver.doctor.check import Patient
from receiver.doctor.checks import handlers
from receiver.handlers import Event
from receiver.handlers.load import LoadError
from receiver.numbers.findings import Finding, Severity
from receiver.relay.delivery import DeliveryState
from receiver.relay.handlers import keeper, sender
from receiver.relay.handlers.keeper import GONE, keep_targets
from receiver.relay.handlers.learn import learn
from receiver.relay.sender import TargetError
from receiver.relay.target import TargetSort, TargetState
from receiver.relay.targets import Targets
from receiver.vocabulary.fields import FIELDS
from receiver.vocabulary.kinds import EventType, Kind
from receiver.vocabulary.notification import Params

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "docs/examples"
database_url = on_sqlite
until = partial(happens, seconds=30)  # processes start meanwhile


@pytest.fixture
def module(tmp_path: Path) -> Callable[[str], Path]:
    """Writes the owner's module, with a file `out` to append to."""
    path = tmp_path / "firm.py"

    def write(code: str) -> Path:
        head = f"""\
            import os, time
            from receiver.handlers import Event, Stop, on

            def note(word):
                with open({str(tmp_path / "out")!r}, "a") as out:
                    out.write(f"{{word}}\\n")
            """
        path.write_text(f"{textwrap.dedent(head)}\n{textwrap.dedent(code)}")
        return path

    return write


@pytest.fixture
def out(tmp_path: Path) -> Callable[[], list[str]]:
    path = tmp_path / "out"
    return lambda: path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def here(database_url, tmp_path):
    """The application, in its context, with the module above."""
    config = make_config(
        database_url, tmp_path, outbound_allow=("127.0.0.0/8",), handlers=str(tmp_path / "firm.py")
    )
    for app in started(config):
        with app.app_context():
            yield app


def targets() -> dict[str, TargetState]:
    return {one.name: one.state for one in current.targets().all()}


def last(name: str):
    """The newest delivery to a handler, and the attempts at it."""
    target = current.targets().get(name)
    delivery = current.deliveries().find(target_id=target.id).deliveries[0]
    return delivery, current.deliveries().attempts(delivery.id)


def attempted(name: str, times: int = 1) -> None:
    """Wait until so many attempts at the newest delivery are written down."""
    target = current.targets().get(name)
    until(
        lambda: any(
            one.attempts >= times for one in current.deliveries().find(target_id=target.id).deliveries
        )
    )


# --- the event ---


def test_an_event_has_every_field_with_its_type():
    own = {"params": Params, "attempt": int, "replay": bool, "test": bool}
    assert {field.name for field in fields(Event)} == FIELDS.keys() | own.keys()
    assert get_type_hints(Event) == {name: field.type for name, field in FIELDS.items()} | own


def test_a_print_of_an_event_shows_no_number_and_no_text():
    said = {"id": 3, "kind": "sms", "type": "sms.received", "sender": "+6591234567", "text": "secret"}
    event = Event.read(said, attempt=2)
    assert repr(event) == "Event(id=3, type='sms.received', attempt=2)"
    with pytest.raises(AttributeError):
        event.text = "other"  # type: ignore[misc]


def test_an_event_can_be_in_a_set_and_differs_by_all_that_came():
    events = [Event.read({"id": 3, "params": {"to": [to, "+6565110001"]}}) for to in ("a", "a", "b")]
    assert len(set(events)) == 2


@ON_BOTH
def test_an_event_comes_as_it_is_in_the_log(here, module, tmp_path):
    module("""
        import pickle

        @on("sms.received", "fax.received")
        def see(event: Event) -> None:
            with open(os.path.dirname(__file__) + "/event", "wb") as file:
                pickle.dump(event, file)
        """)
    text = "h\u00e9llo \u2028 \x1b[0m"
    said = {"from": "+6591234567", "to": "+6565110001", "txn_ref": "AA-1", "msg": text}
    with working():
        until(lambda: "firm.see" in targets())
        arrive(here, debit="0.0130", currency="SGD", **said)
        until(lambda: states() == ["delivered"])
    event = pickle.loads((tmp_path / "event").read_bytes())  # noqa: S301  # written by the module above
    assert (event.id, event.kind, event.type) == (1, Kind.SMS, EventType.SMS_RECEIVED)
    assert (event.text, event.debit, event.fax_pages) == (text, Decimal("0.0130"), None)
    assert event.params == said | {"debit": "0.0130", "currency": "SGD"}
    assert event.received_at.tzinfo is not None
    assert (event.attempt, event.replay, event.test) == (1, False, False)


# --- targets ---


@ON_BOTH
def test_each_handler_has_a_target_that_follows_the_code(here, module, out):
    module("""
        @on("sms.received", search="to:+6565110001", timeout=5)
        def reply(event): note("reply")

        @on("call.ended", "fax.received", lanes=2, ordered=True)
        def other(event): note("other")
        """)
    with working():
        until(lambda: len(targets()) == 2)
    reply, other = current.targets().get("firm.reply"), current.targets().get("firm.other")
    assert (reply.sort, str(reply.search)) == (TargetSort.HANDLER, "type:sms.received to:+6565110001")
    assert (str(other.search), other.ordered, other.settings["lanes"]) == ("", True, 2)
    current.targets().pause("firm.other", by="mei")
    # One is gone, one has another search; what a person paused stays so.
    module("""
        @on("sms.received", search="to:+6565110009")
        def reply(event): note("reply")
        """)
    with working():
        until(lambda: "6565110009" in str(current.targets().get("firm.reply").search))
    assert current.targets().get("firm.other").paused_why == "by mei"
    module("")
    with working():
        until(lambda: current.targets().get("firm.reply").paused_why == GONE)
        # The file changes while the worker runs.
        module("""
            @on("sms.received")
            def reply(event): note("back")
            """)
        until(lambda: targets()["firm.reply"] is TargetState.ACTIVE)
        sms(here, 1)
        until(lambda: states() == ["delivered"])
    assert out() == ["back"]


def test_a_handler_gets_only_the_types_that_it_names(here, module, out):
    module("""
        @on("call.ended", "sms.received")
        def see(event): note(event.type)
        """)
    with working():
        until(lambda: "firm.see" in targets())
        ends = {"from": "+6591234567", "to": "+6565110001", "session": "a", "txn_ref": "a"}
        arrive(here, "voice", call_state="ringing", **ends)
        arrive(here, "voice", call_state="ended", **ends)
        sms(here, 1)
        until(lambda: states() == ["delivered"] * 2)
    assert sorted(out()) == ["call.ended", "sms.received"]


def test_a_target_of_a_handler_cannot_be_made_or_changed_by_hand(here):
    with pytest.raises(TargetError, match="made and changed by their code"):
        current.targets().add("mine", TargetSort.HANDLER, {}, by="tests")


# --- how it can go wrong ---


@ON_BOTH
def test_an_exception_is_a_failed_attempt_and_tried_again(here, module, out):
    module("""
        def deeper(event):
            raise ValueError(event.text)

        @on("sms.received")
        def reply(event):
            note(event.attempt)
            if event.attempt == 1:
                deeper(event)
        """)
    with working():
        until(lambda: "firm.reply" in targets())
        sms(here, 1)
        attempted("firm.reply")
        delivery, (attempt,) = last("firm.reply")
        assert delivery.state is DeliveryState.WAITING
        assert attempt.reason == "ValueError in deeper, line 10"
        assert attempt.answer is None
        due_now()
        until(lambda: states() == ["delivered"])
    assert out() == ["1", "2"]


def test_stop_gives_the_event_up_and_does_not_count_against_the_handler(here, module):
    module("""
        @on("sms.received")
        def reply(event):
            raise Stop("not a customer\\x1b[0m")
        """)
    with working():
        until(lambda: "firm.reply" in targets())
        for number in range(7):
            sms(here, number)
        until(lambda: states() == ["dead"] * 7)
    delivery, (attempt,) = last("firm.reply")
    assert delivery.reason == "Stop in reply, line 11"
    assert attempt.answer == r"not a customer\x1b[0m"
    assert current.targets().get("firm.reply").failures == 0


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("os._exit(7)", "its process ended with status 7"),
        ("os.kill(os.getpid(), 11)", "its process was ended by SIGSEGV"),
        ("os.closerange(0, 1000); time.sleep(60)", "its process closed its files"),
        ("raise SystemExit", "SystemExit in bad, line 12"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt in bad, line 12"),
        ("bad(event)", "RecursionError in bad, line 12"),
        ("bytearray(2 << 30)", "MemoryError in bad, line 12"),
        ("time.sleep(600)", "took longer than 2 s"),
        ("while True: pass", "took longer than 2 s"),
        ("os.system('sleep 600')", "took longer than 2 s"),
    ],
)
def test_whatever_a_handler_does_hurts_only_its_delivery(here, module, out, body, reason):
    module(f"""
        @on("sms.received", timeout={2 if "took" in reason else 30})
        def bad(event):
            if event.text == "message 1":
                {body}
            note(event.text)
        """)
    with Receiving() as there, working():
        hook(there)
        until(lambda: "firm.bad" in targets())
        sms(here, 1)
        there.wait_for(1)
        attempted("firm.bad")
        _, (attempt,) = last("firm.bad")
        assert attempt.reason == reason
        sms(here, 2)
        until(lambda: out() == ["message 2"])
        there.wait_for(2)


def test_a_function_that_takes_too_long_is_killed_with_what_it_started(here, module, out):
    module("""
        import subprocess

        @on("sms.received", timeout=1)
        def slow(event):
            note(os.getpid())
            note(subprocess.Popen(["sleep", "600"]).pid)
            time.sleep(600)
        """)
    with working():
        until(lambda: "firm.slow" in targets())
        sms(here, 1)
        attempted("firm.slow")
        until(lambda: not any(alive(int(pid)) for pid in out()))
    assert len(out()) == 2


def test_two_handlers_and_a_webhook_do_not_wait_for_each_other(here, module, out):
    path = module("""
        @on("sms.received", timeout=60)
        def hangs(event):
            while not os.path.exists(__file__ + ".go"):
                time.sleep(0.02)

        @on("sms.received")
        def good(event): note(event.id)
        """)
    with Receiving() as there, working():
        hook(there)
        until(lambda: len(targets()) == 3)
        for number in range(20):
            sms(here, number)
        there.wait_for(20, seconds=30)
        until(lambda: len(out()) == 20)
        path.with_name("firm.py.go").touch()
        until(lambda: states(limit=100) == ["delivered"] * 60)


@ON_BOTH
def test_events_come_in_order_also_when_one_fails(here, module, out):
    module("""
        @on("sms.received", ordered=True, lanes=3)
        def reply(event):
            if event.text == "message 3" and event.attempt == 1:
                raise RuntimeError
            note(f"{event.sender} {event.text}")
        """)
    with working(2):
        until(lambda: "firm.reply" in targets())
        for number in range(8):
            sms(here, number)
            sms(here, 100 + number, sender="+6599999999")
        until(lambda: states(limit=50).count("delivered") >= 11)
        due_now()
        until(lambda: states(limit=50) == ["delivered"] * 16)
    for one, first in (("+6591234567", 0), ("+6599999999", 100)):
        said = [line.split("message ")[1] for line in out() if line.startswith(one)]
        assert said == [str(number) for number in range(first, first + 8)]


def test_what_a_handler_prints_is_marked_and_kept_apart(here, module, capfd):
    module("""
        import sys
        print("loading")

        @on("sms.received")
        def reply(event):
            print('{"done": false}\\x1b[31m')
            os.system("echo from a program")
            print("oops", file=sys.stderr)
            sys.stdin.read()
        """)
    with working():
        until(lambda: "firm.reply" in targets())
        sms(here, 1)
        until(lambda: states() == ["delivered"])
        shown = ""

        def all_there() -> bool:
            nonlocal shown
            shown += capfd.readouterr().err
            return "oops" in shown

        until(all_there)
    for line in ("loading", r'{"done": false}\x1b[31m', "from a program", "oops"):
        assert f"[firm.reply] {line}\n" in shown


def test_a_process_serves_several_events_and_ends_when_idle(here, module, out, monkeypatch):
    monkeypatch.setattr(sender, "IDLE", 0.5)
    module("""
        import atexit
        atexit.register(note, "bye")

        @on("sms.received")
        def reply(event): note(os.getpid())
        """)
    with working():
        until(lambda: "firm.reply" in targets())
        learnt = len(out())  # loading it to learn of it ends, too
        for number in range(3):
            sms(here, number)
        until(lambda: states() == ["delivered"] * 3)
        until(lambda: out()[-1] == "bye")
        pids = {int(line) for line in out()[learnt:] if line != "bye"}
        assert len(pids) == 1
        until(lambda: not alive(*pids))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # Somebody's orphan stays in the table until it is waited for.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_handler_does_not_outlive_its_worker(module, out, database_url, tmp_path):
    module("""
        @on("sms.received", timeout=600)
        def slow(event):
            note(os.getpid())
            time.sleep(600)
        """)
    config = make_config(database_url, tmp_path)
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    settings = {"CALLBACK_KEYS": KEY, "DATABASE_URL": database_url, "SPOOL_DIR": str(config.spool_dir)}
    with subprocess.Popen(
        [sys.executable, "-m", "receiver.cli", "work"],
        env=kept | settings | {"PYTHONPATH": str(ROOT), "HANDLERS": str(tmp_path / "firm.py")},
        stderr=subprocess.DEVNULL,
    ) as worker:
        for app in started(config):
            with app.app_context():
                until(lambda: "firm.slow" in targets())
                sms(app, 1)
                until(lambda: len(out()) == 1)
        (pid,) = map(int, out())
        assert alive(pid)
        worker.kill()
    until(lambda: not alive(pid))


# --- a module that cannot be loaded ---


@pytest.mark.parametrize(
    ("code", "what", "line"),
    [
        ("def f(:\n    pass", "SyntaxError: invalid syntax", 8),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'", 8),
        ("1 / 0", "ZeroDivisionError while loading", 8),
        ("os._exit(3)", "it cannot be loaded: its process ended with status 3", None),
        ('@on("sms.receved")\ndef f(event): pass', "there is no event type 'sms.receved'", 8),
        ('@on("sms.received")\nasync def f(event): pass', "f must be a plain function", 8),
        ('@on("sms.received")\ndef f(): pass', "f must take one argument, the event", 8),
        ('@on("sms.received", timeout=0)\ndef f(event): pass', "timeout must be", 8),
        ("@on()\ndef f(event): pass", "@on needs the type of event", 8),
        ('for i in 1, 2:\n  @on("sms.received")\n  class F: pass', "@on stands before functions", 9),
    ],
)
def test_what_is_wrong_with_a_module_is_told_with_its_place(module, code, what, line):
    path = module(code)
    with pytest.raises(LoadError) as caught:
        learn(str(path))
    assert caught.value.what.startswith(what)
    assert (caught.value.file, caught.value.line) == (str(path), line)


def test_a_module_has_a_name_and_may_have_parts(tmp_path, monkeypatch):
    package = tmp_path / "my_firm"
    package.mkdir()
    declared = 'from receiver.handlers import on\n@on("sms.received")\ndef {}(event): pass\n'
    (package / "sms.py").write_text(declared.format("reply"))
    (package / "handlers.py").write_text("import my_firm.sms\n" + declared.format("other"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert [one.name for one in learn("my_firm.handlers")] == ["my_firm.handlers.other", "my_firm.sms.reply"]
    (package / "sms.py").write_text("\n\nimport no_such_module\n")
    with pytest.raises(LoadError) as caught:
        learn("my_firm.handlers")
    assert (caught.value.file, caught.value.line) == (str(package / "sms.py"), 3)


def test_the_name_of_a_file_may_not_stand_for_another_module(tmp_path):
    (tmp_path / "json.py").write_text("")
    with pytest.raises(LoadError, match="give the file another name"):
        learn(str(tmp_path / "json.py"))
    with pytest.raises(LoadError, match="there is no such file"):
        learn(str(tmp_path / "nothing.py"))


def test_a_broken_module_stops_nothing_else_and_is_taken_once_it_is_mended(here, module, out, caplog):
    module("def f(:")
    with Receiving() as there, working():
        hook(there)
        sms(here, 1)
        there.wait_for(1)
        until(lambda: "the handlers cannot be loaded" in caplog.text)
        module("""
            @on("sms.received")
            def reply(event): note("mended")
            """)
        until(lambda: "firm.reply" in targets())
        sms(here, 2)
        until(lambda: out() == ["mended"])
    (record,) = [one for one in caplog.records if "cannot be loaded" in str(one.msg)]
    assert record.msg.fields["line"] == 8


def test_whatever_goes_wrong_with_learning_it_is_tried_again(here, module, monkeypatch):
    def fail(where):
        monkeypatch.setattr(keeper, "learn", learn)
        raise KeyError(where)

    module("""
        @on("sms.received")
        def reply(event): pass
        """)
    monkeypatch.setattr(keeper, "learn", fail)
    monkeypatch.setattr(keeper, "LOOK", 0.1)
    with working():
        until(lambda: "firm.reply" in targets())


def test_a_target_that_somebody_removes_need_not_be_paused(here):
    class Removed(Targets):
        def all(self):
            found = super().all()
            for one in found:
                self.remove(one.name, by="mei")
            return found

    settings = {"function": "firm.reply", "types": [], "timeout": 5.0, "lanes": 1, "code": ""}
    current.targets().add("firm.reply", TargetSort.HANDLER, {}, settings=settings, by="handlers")
    keep_targets(Removed(current.surroundings()), ())
    assert targets() == {}


def test_one_wrong_search_leaves_the_other_handlers_alone(here, module, caplog):
    module("""
        @on("sms.received", search="nonsense:x")
        def bad(event): pass

        @on("sms.received", search="type:fax.received")
        def contrary(event): pass

        @on("sms.received")
        def good(event): pass
        """)
    with working():
        until(lambda: "firm.good" in targets())
    assert targets().keys() == {"firm.good"}
    assert caplog.text.count("a handler cannot have a target") == 2
    result = here.test_cli_runner().invoke(args=["handlers", "check", "--json"])
    assert result.exit_code == 1
    said = {one["name"]: one["problem"] for one in json.loads(result.stdout)["handlers"]}
    assert said["firm.good"] is None
    assert "nonsense" in said["firm.bad"]


def test_the_command_lists_handlers_or_says_what_is_wrong(here, module):
    module("""
        @on("sms.received", search="to:+6565110001", timeout=2.5)
        def reply(event): pass
        """)
    result = here.test_cli_runner().invoke(args=["handlers", "check"])
    assert result.exit_code == 0
    assert "firm.reply  sms.received  to:+6565110001  2.5 s" in result.stdout
    module("")
    result = here.test_cli_runner().invoke(args=["handlers", "check"])
    assert result.exit_code == 0
    assert "no function with @on" in result.stderr
    path = module("import no_such_module")
    result = here.test_cli_runner().invoke(args=["handlers", "check"])
    assert result.exit_code == 1
    assert f"No module named 'no_such_module' ({path}, line 8)" in result.stderr


def test_the_doctor_finds_a_broken_module(here, module):
    patient = cast(Patient, SimpleNamespace(config=current.config()))
    found: list[Finding] = []
    module('@on("sms.received")\ndef reply(event): pass')
    assert handlers.CHECK.look(patient, found) == "1 in the module"
    module('@on("sms.received", search="nonsense:x")\ndef reply(event): pass')
    handlers.CHECK.look(patient, found)
    module("def f(:")
    handlers.CHECK.look(patient, found)
    assert [(one.code, one.severity) for one in found] == [("handlers-broken", Severity.ERROR)] * 2
    assert "firm.reply" in found[0].sentence
    assert "line 8" in found[1].sentence


# --- the examples ---


def example(name: str, tmp_path: Path) -> Path:
    path = tmp_path / "firm.py"
    path.write_text((EXAMPLES / name).read_text())
    return path


def test_the_example_appends_each_sms_to_a_file_once(here, tmp_path):
    path = example("sms_to_csv.py", tmp_path)
    with working():
        until(lambda: "firm.append" in targets())
        sms(here, 1)
        sms(here, 2)
        until(lambda: states() == ["delivered"] * 2)
        current.replays().ask_for(current.targets().get("firm.append"), [1], by="tests")
        until(lambda: states() == ["delivered"] * 3)
    with path.with_name("sms.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert [(row[0], row[2], row[3]) for row in rows] == [
        ("1", "+6591234567", "message 1"),
        ("2", "+6591234567", "message 2"),
    ]
    assert datetime.fromisoformat(rows[0][1]) <= datetime.now(UTC)


def test_the_example_opens_a_ticket_for_each_missed_call(here, tmp_path, monkeypatch):
    example("missed_call_ticket.py", tmp_path)
    with Receiving() as there:
        monkeypatch.setenv("TICKETS_URL", there.url)
        monkeypatch.setenv("TICKETS_TOKEN", "token")
        with working():
            until(lambda: "firm.open_ticket" in targets())
            for call, status in (("a", "answered"), ("b", "unanswered")):
                ends = {"from": "+6591234567", "to": "+6565110001", "session": call, "txn_ref": call}
                arrive(here, "voice", call_state="ringing", **ends)
                arrive(here, "voice", call_state="ongoing", ivr_block="dial", dial_status=status, **ends)
                arrive(here, "voice", call_state="ended", **ends)
            (got,) = there.wait_for(1)
            until(lambda: states() == ["delivered"])
            assert got.json["subject"] == "Missed call from +6591234567"
            assert got.headers["idempotency-key"] == "call-6"
            there.answer = lambda _: (422, {}, b"")
            current.replays().ask_for(current.targets().get("firm.open_ticket"), [6], by="tests")
            until(lambda: sorted(states()) == ["dead", "delivered"])
