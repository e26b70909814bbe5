"""Targets, deliveries and replays on the command line and in the API."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import timedelta

import pytest
from conftest import API_TOKEN, KEY, ON_BOTH, make_config, on_sqlite, started
from receiving import Receiving
from sqlalchemy import insert, update
from standardwebhooks import Webhook as Library
from test_metrics import scrape
from waiting import until

from receiver import current
from receiver.access.scopes import Scope
from receiver.db.engine import writing
from receiver.models import AttemptRow, DeliveryRow, TargetRow
from receiver.numbers import findings as kept
from receiver.relay import findings
from receiver.relay.deliveries import forget
from receiver.relay.planner import Planner
from receiver.relay.worker import Worker

database_url = on_sqlite

pytestmark = pytest.mark.slow


@pytest.fixture
def config(database_url, tmp_path):
    return make_config(database_url, tmp_path, outbound_allow=("127.0.0.0/8",))


@pytest.fixture
def app(config):
    for app in started(config):
        with app.app_context():
            yield app


@pytest.fixture
def there():
    with Receiving() as server:
        yield server


@pytest.fixture
def ask(app):
    """Ask the API: `ask("GET", "/targets")` gives the JSON of a 200."""

    def send(method: str, path: str, body: object = None, *, status: int = 200, token: str = API_TOKEN):
        given = {} if body is None else {"json": body}
        answer = app.test_client().open(
            f"/api/v1{path}", method=method, headers={"Authorization": f"Bearer {token}"}, **given
        )
        assert answer.status_code == status, answer.text
        return answer.json

    return send


def sms(app, number: int, text: str = "hello") -> None:
    said = {"txn_ref": f"AA-SI-{number}", "msg": text, "from": "+6591234567", "to": "+6565110001"}
    assert app.test_client().post(f"/callbacks/{KEY}/sms", data=said).status_code == 200


@contextmanager
def working():
    worker = Worker(current.surroundings())
    thread = threading.Thread(target=worker.run)
    thread.start()
    yield
    worker.stop()
    thread.join(15)


def stderr(app, *words: str, exit_code: int = 0, stdin: str | None = None) -> str:
    result = app.test_cli_runner().invoke(args=words, input=stdin)
    assert result.exit_code == exit_code, result.output
    return result.stderr


def settled() -> bool:
    return Planner(current.engine()).behind() == 0 and not current.deliveries().oldest_waiting()


def fail_all() -> None:
    """As if all attempts had failed."""
    with writing(current.engine()) as connection:
        connection.execute(update(DeliveryRow).values(state="dead", reason="answered 500", attempts=10))


# The command line


def test_a_webhook_is_added_shown_and_its_secret_only_once(app, run, there):
    made = json.loads(
        run("targets", "add", "webhook", "shop", "--url", f"{there.url}?key=hidden", "--header", "X-Key: abc",
            "--search", "kind:sms", "--ordered", "--json")
    )  # fmt: skip
    assert made["secret"].startswith("whsec_")
    assert (made["search"], made["ordered"], made["state"]) == ("kind:sms", True, "active")
    listed = run("targets", "list")
    shown = run("targets", "show", "shop") + run("targets", "show", "shop", "--json")
    assert "shop" in listed
    assert "active" in listed
    assert all(len(line) <= 80 for line in listed.splitlines())
    for secret in (made["secret"], "hidden", "abc"):
        assert secret not in listed + shown
    assert made["secret"] in run("targets", "show", "shop", "--secret")


def test_secrets_come_from_a_file_and_from_standard_input(app, run, there, tmp_path):
    (tmp_path / "headers").write_text("X-Key: from-a-file\nX-Other: 2\n")
    stderr(app, "targets", "add", "webhook", "shop", "--url", "-", "--header", f"@{tmp_path}/headers",
           stdin=f"{there.url}\n")  # fmt: skip
    run("targets", "test", "shop")
    (got,) = there.wait_for(1)
    assert (got.headers["x-key"], got.headers["x-other"]) == ("from-a-file", "2")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("webhook", "shop"), "needs the address"),
        (("webhook", "shop", "--url", "http://10.0.0.1/"), "10.0.0.1"),
        (
            ("webhook", "shop", "--url", "http://127.0.0.1:9/", "--header", "secret-without-colon"),
            "Name: value",
        ),
        (("webhook", "shop", "--url", "http://127.0.0.1:9/", "--search", "kind:letter"), "kind"),
        (("webhook", "7", "--url", "http://127.0.0.1:9/"), "name"),
        (("handler", "shop"), "are made and changed by their code"),
    ],
)
def test_what_is_wrong_with_a_new_target_is_said_in_a_sentence(app, words, sentence):
    result = app.test_cli_runner().invoke(args=("targets", "add", *words))
    assert result.exit_code in (1, 2)
    assert sentence in result.stderr
    assert "secret-without" not in result.stderr
    assert current.targets().all() == []


def test_help_says_what_is_so(run):
    shown = " ".join(run("targets", "edit", "--help").split())
    assert "Webhook: Where it is POSTed to. Chat: The address of the channel's incoming webhook." in shown
    assert "one is made" not in shown  # a change keeps the secret
    shown = " ".join(run("targets", "add", "webhook", "--help").split())
    assert "as whsec_ and base64. Without this, one is made." in shown
    assert "handler" not in run("targets", "add", "--help")


def test_a_target_is_changed_paused_resumed_rotated_and_removed(app, run, there):
    run("targets", "add", "webhook", "shop", "--url", there.url)
    old = current.targets().get("shop").settings["secret"]
    run("targets", "edit", "shop", "--name", "the shop", "--search", "kind:fax", "--unordered")
    run("targets", "pause", "the shop", "--why", "moving house")
    assert "moving house" in run("targets", "list")
    assert json.loads(run("targets", "show", "the shop", "--json"))["state"] == "paused"
    run("targets", "resume", "the shop")
    new = run("targets", "rotate", "the shop").strip()
    assert new.startswith("whsec_")
    assert new != old
    assert (
        "no such option" in stderr(app, "targets", "edit", "the shop", "--nonsense", "x", exit_code=2).lower()
    )
    assert "Say what to change" in stderr(app, "targets", "edit", "the shop", exit_code=2)
    run("targets", "remove", "the shop", "--yes")
    assert "there is no target" in stderr(app, "targets", "show", "the shop", exit_code=1)


@pytest.mark.parametrize(
    ("search", "type_"),
    [("", "sms.received"), ("kind:fax", "fax.received"), ("state:failed", "fax.failed"),
     ("state:missed", "call.ended"), ("type:call.ringing", "call.ringing"), ("kind:voice", "call.ended")],
)  # fmt: skip
def test_a_test_is_of_the_kind_that_is_asked_for(app, run, there, search, type_):
    secret = json.loads(
        run("targets", "add", "webhook", "shop", "--url", there.url, "--search", search, "--json")
    )["secret"]
    run("targets", "pause", "shop")
    said = json.loads(run("targets", "test", "shop", "--json"))
    (got,) = there.wait_for(1)
    body = Library(secret).verify(got.body, got.headers)
    assert (body["type"], body["test"]) == (type_, True)
    assert (said["delivered"], said["status"]) == (True, 204)
    assert current.deliveries().find().deliveries == []


def test_a_test_that_fails_says_why(app, there):
    there.answer = lambda _: (503, {}, b"closed for lunch")
    app.test_cli_runner().invoke(args=("targets", "add", "webhook", "shop", "--url", there.url))
    result = app.test_cli_runner().invoke(args=("targets", "test", "shop"))
    assert result.exit_code == 1
    assert "answered 503" in result.stdout
    assert "closed for lunch" in result.stdout


@ON_BOTH
def test_deliveries_are_listed_shown_retried_and_cancelled(app, run, there):
    there.answer = lambda _: (200, {}, b"thank you")
    run("targets", "add", "webhook", "shop", "--url", there.url)
    for number in range(3):
        sms(app, number)
    Planner(current.engine()).plan()
    ids = [str(one.id) for one in current.deliveries().find().deliveries]
    run("deliveries", "cancel", ids[0], "--why", "a test")
    assert "cancelled by" in run("deliveries", "show", ids[0])
    assert "there is no delivery 9999" in stderr(app, "deliveries", "retry", ids[0], "9999", exit_code=1)
    fail_all()
    listed = run("deliveries", "list", "--target", "shop", "--state", "dead")
    assert listed.count("dead: answered 500") == 3
    assert all(len(line) <= 80 for line in listed.splitlines())
    assert "retried 1 delivery" in run("deliveries", "retry", ids[2])
    assert "retried 2 deliveries" in run("deliveries", "retry", "--target", "shop", "--dead", "--yes")
    with working():
        until(settled)
    shown = run("deliveries", "show", ids[1])
    assert "thank you" in shown
    assert int(re.search(r"^attempts +(\d+)$", shown, re.MULTILINE)[1]) == shown.count("\nattempt ")
    assert "receiver replay --event 2 --to shop\n" in stderr(app, "deliveries", "retry", ids[1], exit_code=0)
    assert "thank you" not in run("deliveries", "show", ids[1], "--mask")
    assert (
        json.loads(run("deliveries", "list", "--event", "1", "--json"))["deliveries"][0]["state"]
        == "delivered"
    )


@ON_BOTH
def test_a_replay_says_how_many_asks_is_followed_and_listed(app, run, there):
    for number in range(4):
        sms(app, number, "an invoice" if number else "something else")
    run("targets", "add", "webhook", "shop", "--url", there.url, "--search", "kind:fax")
    assert run("replay", "invoice", "--to", "shop", "--dry-run") == "3 events would be sent to shop\n"
    assert json.loads(run("replay", "start", "since:1h", "--to", "shop", "--dry-run", "--json")) == {
        "events": 4
    }
    assert "add --yes" in stderr(app, "replay", "invoice", "--to", "shop", exit_code=1)
    assert "no events match" in stderr(app, "replay", "nowhere", "--to", "shop", "--yes", exit_code=1)
    assert there.got == []
    with working():
        told = json.loads(run("replay", "invoice", "--to", "shop", "--yes", "--follow", "--json"))
        assert (told["state"], told["delivered"], told["planned"]) == ("done", 3, 3)
        run("replay", "--event", "1", "--to", "shop", "--yes", "--follow")
    got = there.wait_for(4)
    assert [one.json["replay"] for one in got] == [True] * 4
    assert "done" in run("replay", "list")
    assert "there is no event 99" in stderr(
        app, "replay", "--event", "99", "--to", "shop", "--yes", exit_code=1
    )


@ON_BOTH
def test_a_replay_is_stopped(app, run, there):
    for number in range(3):
        sms(app, number)
    run("targets", "add", "webhook", "shop", "--url", there.url)
    run("targets", "pause", "shop")
    told = app.test_cli_runner().invoke(args=("replay", "since:1h", "--to", "shop", "--yes"))
    assert "paused" in told.stderr
    assert "receiver replay stop 1" in told.stderr
    current.replays().step()
    assert "stopped, 0 of 3 delivered, 3 cancelled" in run("replay", "stop", "1")
    assert json.loads(run("replay", "show", "1", "--json"))["state"] == "stopped"
    assert re.search(r"since:\S+T\d\d:\d\d:\d\dZ", run("replay", "list"))


def test_ctrl_c_ends_the_watching_and_not_the_replay(app, run, there, tmp_path):
    sms(app, 1)
    run("targets", "add", "webhook", "shop", "--url", there.url)
    run("targets", "pause", "shop")
    (tmp_path / "env").write_text(
        f"DATABASE_URL={current.config().database_url}\nCALLBACK_KEYS={KEY}\nSPOOL_DIR={tmp_path}/other\n"
    )
    words = ["-e", str(tmp_path / "env"), "replay", "start", "--to", "shop", "--yes", "--follow"]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "receiver.cli", *words], stdout=subprocess.PIPE, stderr=theirs
    )
    os.close(theirs)
    talk = b""
    while b"planning" not in talk:  # it is drawn, so it is being followed
        talk += os.read(ours, 4096)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    while True:
        try:
            talk += os.read(ours, 4096)
        except OSError:
            break
    os.close(ours)
    assert process.returncode == 0, talk
    assert b"paused: by" in talk
    assert b"receiver replay show 1 --follow" in talk
    assert b"receiver replay stop 1" in talk
    assert b"planning" in out
    assert current.replays().get(1).stopped_by is None


@ON_BOTH
def test_what_is_quarantined_is_replayed_only_if_it_is_asked_for(app, run, there):
    assert (
        app.test_client().post(f"/callbacks/{KEY}/nonsense", data={"txn_ref": "AA-SI-1"}).status_code == 200
    )
    run("targets", "add", "webhook", "shop", "--url", there.url)
    assert "no events match" in stderr(app, "replay", "--to", "shop", "--yes", exit_code=1)
    assert "quarantine" in stderr(app, "replay", "--event", "1", "--to", "shop", "--yes", exit_code=1)
    with working():
        run("replay", "is:quarantined", "--to", "shop", "--yes", "--follow")
    there.wait_for(1)


# The API


@ON_BOTH
def test_a_program_makes_changes_and_removes_a_target(app, ask, there):
    settings = {"url": f"{there.url}?key=hidden", "headers": {"X-Key": "abc"}}
    made = ask("POST", "/targets", {"name": "shop", "sort": "webhook", "settings": settings})
    assert made["secret"].startswith("whsec_")
    shown = ask("GET", "/targets/shop")
    assert "secret" not in shown
    for secret in (made["secret"], "hidden", "abc"):
        assert secret not in json.dumps(shown)
    assert ask("PATCH", "/targets/shop", {"search": "from:+6591234567"})["search"] == "from:+6591234567"
    assert "91234567" not in json.dumps(ask("GET", "/targets?mask=true"))
    assert ask("POST", "/targets/shop/test")["status"] == 204
    assert ask("POST", "/targets/shop/pause", {"why": "later"})["paused_why"].endswith(": later")
    assert ask("POST", "/targets/shop/resume")["state"] == "active"
    assert ask("POST", "/targets/shop/rotate")["secret"] != made["secret"]
    assert ask("DELETE", "/targets/shop") == {"removed": "shop"}
    assert ask("GET", "/targets/shop", status=404)["error"]["code"] == "not_found"


def test_the_description_leaves_out_no_name_that_a_target_can_have(ask, there):
    ask("POST", "/targets", {"name": "Österreich 1", "sort": "webhook", "settings": {"url": there.url}})
    assert ask("GET", "/targets/Österreich 1")["name"] == "Österreich 1"
    described = ask("GET", "/openapi.json")["paths"]["/targets/{name}"]["get"]["parameters"]
    (pattern,) = [one["schema"]["pattern"] for one in described if one["name"] == "name"]
    # JavaScript takes ASCII for all letters that there are.
    assert re.search(pattern, "Österreich 1", re.ASCII)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"name": "shop", "sort": "webhook", "settings": {}}, "address"),
        ({"name": "shop", "sort": "webhook", "settings": {"url": "http://10.0.0.1/"}}, "10.0.0.1"),
        ({"name": "shop", "sort": "webhook", "settings": {"url": 7}}, "url"),
        ({"name": "shop", "sort": "webhook", "settings": {"rotate": True}}, "rotate"),
        ({"name": "shop", "sort": "pigeon", "settings": {}}, "sort"),
        ({"name": "shop", "sort": "webhook", "settings": {}, "more": 1}, "more"),
    ],
)
def test_what_is_wrong_with_it_is_named(ask, body, named):
    said = ask("POST", "/targets", body, status=400)["error"]
    assert said["code"] == "bad_request"
    assert named in said["message"]


@ON_BOTH
def test_a_program_looks_at_deliveries_retries_and_cancels(app, ask, there):
    there.answer = lambda _: (200, {}, b"the text was hello")
    ask("POST", "/targets", {"name": "shop", "sort": "webhook", "settings": {"url": there.url}})
    for number in range(3):
        sms(app, number)
    Planner(current.engine()).plan()
    page = ask("GET", "/deliveries?limit=2&target=shop&state=waiting")
    assert [one["event_id"] for one in page["deliveries"]] == [3, 2]
    (oldest,) = ask("GET", f"/deliveries?before={page['next']}")["deliveries"]
    assert ask("POST", "/deliveries/cancel", {"ids": [oldest["id"]]}) == {"cancelled": 1}
    said = ask("POST", "/deliveries/retry", {}, status=400)["error"]["message"]
    assert said == "body: give either ids or dead_of"
    said = ask("POST", "/deliveries/retry", {"ids": [oldest["id"], 4711]}, status=404)["error"]["message"]
    assert "4711" in said
    assert ask("POST", "/deliveries/retry", {"ids": [oldest["id"]]}) == {"retried": 1}
    fail_all()
    assert ask("POST", "/deliveries/retry", {"dead_of": "shop"}) == {"retried": 3}
    with working():
        until(settled)
    (attempt,) = ask("GET", f"/deliveries/{oldest['id']}")["log"]
    assert attempt["answer"] == "the text was hello"
    (masked,) = ask("GET", f"/deliveries/{oldest['id']}?mask=true")["log"]
    assert "hello" not in masked["answer"]
    assert ask("GET", "/deliveries?target=nowhere", status=400)["error"]["message"].startswith("target")


def test_who_masks_reads_no_number_and_no_mailbox_of_what_goes_out(app, ask, run, there):
    hidden = ("91234567", "9123 4567", "9123-4567", "mei@")
    told = "no +6591234567, 65 9123 4567, +65-9123-4567 at mei@example.com since 2026-11-26 10:12"
    settings = {"url": there.url, "headers": {"To": "x"}}
    ask("POST", "/targets", {"name": "shop", "sort": "webhook", "settings": settings})
    sms(app, 0)
    Planner(current.engine()).plan()
    with writing(current.engine()) as connection:
        connection.execute(update(TargetRow).values(failures=9, failure=told, paused_why=told))
        connection.execute(update(DeliveryRow).values(state="dead", reason=told))
        ends = {"status": 500, "delivered": False, "milliseconds": 1}
        said = ends | {"request": told, "answer": told, "reason": told}
        began = current.deliveries().get(1).created_at
        connection.execute(insert(AttemptRow).values(delivery_id=1, began_at=began, **said))
    for path in ("/targets", "/targets/shop", "/deliveries", "/deliveries/1"):
        masked = json.dumps(ask("GET", f"{path}?mask=true"))
        assert all(word in json.dumps(ask("GET", path)) for word in hidden)
        assert not [word for word in hidden if word in masked], masked
        assert "2026-11-26 10:12" in masked
    assert ask("GET", "/targets/shop?mask=true")["settings"] == {}
    for words in ("targets list", "targets show shop", "deliveries list", "deliveries show 1"):
        for more in ([], ["--json"]):
            masked = run(*words.split(), "--mask", *more)
            assert not [word for word in hidden if word in masked], masked


@ON_BOTH
def test_a_program_replays_and_stops(app, ask, there):
    for number in range(3):
        sms(app, number)
    ask("POST", "/targets", {"name": "shop", "sort": "webhook", "settings": {"url": there.url}})
    assert ask("POST", "/replays", {"to": "shop", "search": "kind:sms", "dry_run": True})["events"] == 3
    asked = ask("POST", "/replays", {"to": "shop", "search": "kind:sms"})["replay"]
    assert asked["state"] == "planning"
    with working():
        until(lambda: ask("GET", f"/replays/{asked['id']}")["state"] == "done")
    assert len(there.wait_for(3)) == 3
    assert ask("POST", f"/replays/{asked['id']}/stop")["state"] == "done"
    one = ask("POST", "/replays", {"to": "shop", "event_ids": [2]})["replay"]
    assert ask("POST", f"/replays/{one['id']}/stop")["cancelled"] == 1
    assert (
        ask("POST", "/replays", {"to": "shop", "event_ids": [2, 99]}, status=404)["error"]["message"]
        == "there is no event 99: nothing was done"
    )
    assert ask("POST", "/replays", {"to": "nowhere", "search": ""}, status=404)
    newest = ask("GET", "/replays?limit=1")
    assert [one["id"] for one in newest["replays"]] == [one["id"]]
    older = ask("GET", f"/replays?before={newest['next']}")
    assert ([one["id"] for one in older["replays"]], older["next"]) == ([asked["id"]], None)


def test_who_may_do_what(app, ask, there):
    ask("POST", "/targets", {"name": "shop", "sort": "webhook", "settings": {"url": there.url}})
    _, reader = current.tokens().create("reader", Scope.READ, by="tests")
    _, tender = current.tokens().create("tender", Scope.OPERATE, by="tests")
    ask("GET", "/targets/shop", token=reader)
    ask("POST", "/targets/shop/test", token=reader, status=403)
    ask("POST", "/replays", {"to": "shop", "search": ""}, token=reader, status=403)
    ask("POST", "/targets/shop/pause", {}, token=tender)
    ask("PATCH", "/targets/shop", {"settings": {"url": there.url}}, token=tender, status=403)
    ask("POST", "/targets/shop/rotate", token=tender, status=403)
    ask("DELETE", "/targets/shop", token=tender, status=403)


# What is told to those who look after the service


def codes() -> dict[str, str]:
    return {one.code: one.sentence for one in kept.read(current.engine()) if one.code in findings.CODES}


def test_findings_come_and_go_with_how_targets_stand(app, ask, there, monkeypatch):
    monkeypatch.setattr("receiver.relay.worker.LOOK_FOR_FINDINGS", 0.1)
    there.answer = lambda _: (503, {}, b"")
    ask("POST", "/targets", {"name": "shop +6591234567", "sort": "webhook", "settings": {"url": there.url}})
    for number in range(6):
        sms(app, number)
    with working():
        until(lambda: "target-failing" in codes())
    assert "answered 503" in codes()["target-failing"]
    assert "91234567" not in codes()["target-failing"]
    words = app.test_cli_runner().invoke(args=("targets", "list")).stdout
    assert "failing since" in words
    assert "next try" in words
    current.watch().look()
    assert "target-failing" in codes(), "the watch's own findings take the place of its own only"
    samples = scrape(app.test_client())
    state = [value for name, value in samples.items() if name.startswith("receiver_target_state{")]
    assert state == [2]
    assert [v for n, v in samples.items() if n.startswith("receiver_deliveries_waiting{")] == [6]
    assert not any("91234567" in name for name in samples)
    fail_all()
    findings.refresh(current.engine())
    assert codes()["deliveries-dead"].startswith("6 deliveries")
    ask("POST", "/targets/1/resume")
    there.answer = lambda _: (410, {}, b"")
    ask("POST", "/deliveries/retry", {"dead_of": "1"})
    with working():
        until(lambda: "target-paused" in codes())
    assert "410" in codes()["target-paused"]
    ask("POST", "/targets/1/resume")
    ask("POST", "/targets/1/pause", {"why": "a person may"})
    fail_all()
    with writing(current.engine()) as connection:
        connection.execute(update(DeliveryRow).values(state="cancelled"))
    findings.refresh(current.engine())
    assert codes() == {}


@ON_BOTH
def test_the_doctor_notices_that_nobody_delivers(app, run, there):
    def area() -> dict:
        report = json.loads(app.test_cli_runner().invoke(args=("doctor", "--json")).stdout)
        return {one["code"]: one for one in report["findings"] if one["area"] == "deliveries"}

    run("targets", "add", "webhook", "shop", "--url", there.url)
    sms(app, 1)
    assert area() == {}
    with writing(current.engine()) as connection:
        connection.exec_driver_sql("UPDATE events SET received_at = '2026-01-01 00:00:00+00:00'")
    assert "receiver work" in area()["not-delivering"]["mend"]
    assert scrape(app.test_client())["receiver_relay_behind_events"] == 1
    Planner(current.engine()).plan()
    assert area() == {}


@ON_BOTH
def test_what_ended_is_forgotten_after_a_while(app, run, there):
    run("targets", "add", "webhook", "shop", "--url", there.url)
    sms(app, 1)
    with working():
        until(settled)
        there.wait_for(1)
    done = current.deliveries().find().deliveries[0].done_at
    assert forget(current.engine(), done) == 0
    with writing(current.engine()) as connection:
        connection.execute(update(TargetRow).values(paused_at=done))
    sms(app, 2)
    Planner(current.engine()).plan()
    until(lambda: current.deliveries().find(limit=1).deliveries[0].event_id == 2)
    assert forget(current.engine(), done + timedelta(seconds=1)) == 1
    (left,) = current.deliveries().find().deliveries
    assert left.state == "waiting"
