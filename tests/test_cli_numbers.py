"""`receiver setup` and `receiver numbers`, as a person or a script meets them, against the simulator."""

import json
import os
import pty
import re
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from types import SimpleNamespace

import databases
import forks
import pytest
import responses
from conftest import KEY, OLD_KEY, make_config, started
from pydantic import SecretStr
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from receiver.cli import output, tables
from receiver.keys import proof
from receiver.setup import apply as applying
from receiver.setup import survey as surveying
from receiver.simulator.hoiio.account import Subscription
from receiver.simulator.hoiio.server import SimulatorServer
from receiver.simulator.hoiio.settings import Settings
from receiver.vocabulary.printable import printable

CA_NUMBER, SG_NUMBER = "+14152341237", "+6565311237"


@pytest.fixture(scope="module")
def public_url():
    """Something that answers GET with 200, as the service's callback URLs do."""
    server = make_server("127.0.0.1", 0, Response(""), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.port}/"
    server.shutdown()


@pytest.fixture
def simulator():
    with SimulatorServer(Settings(rate_limit=0, resolve_hosts=False)) as server:
        yield server


@pytest.fixture
def settings(simulator, public_url) -> dict[str, object]:
    return {
        "hoiio_api_url": simulator.open_url,
        "hoiio_app_id": "sim-app",
        "hoiio_access_token": "sim-token",
        "public_url": public_url,
    }


@pytest.fixture
def flask(settings, tmp_path, monkeypatch):
    """Run a command with these settings, in the application: `flask("numbers", "list")`."""
    # What answers at public_url keeps no log; that a test arrives there is for test_proof.py to see.
    monkeypatch.setattr(proof, "_LOOKS", (0.0,))

    def run(*command: str, **changed: object):
        config = make_config(f"sqlite:///{tmp_path}/receiver.db", tmp_path, **(settings | changed))
        for app in started(config):
            result = app.test_cli_runner().invoke(args=command)
        assert "Traceback" not in result.output
        for secret in (KEY, OLD_KEY, "sim-token"):
            assert secret not in result.output
        # Logs keep what is said there, since it is no terminal. The two are an example and a typo.
        assert set(re.findall(r"\+[0-9]{9,}", result.stderr)) <= {"+6511111111", "+1415234123"}
        return result

    return run


def ok(result):
    assert result.exit_code == 0, result.output
    return result.stdout


def loaded(result) -> dict:
    return json.loads(ok(result))


# --- setup ---


def test_setup_gets_a_number_and_the_second_run_finds_nothing_to_do(flask, simulator, public_url):
    first = flask("setup", "--country", "us", "--state", "California", "--yes")

    assert "To pay now: SGD 4.00. Balance: SGD 100.00, afterwards 96.00." in first.stderr
    assert "Ready." in first.stderr
    assert f"{CA_NUMBER}  US CA  voice+sms  voice: here  here" in ok(first)
    (number,) = simulator.account["numbers"]
    assert number["forward_to"] == f"{public_url}callbacks/{KEY}/hoiio/voice"
    assert number["forward_sms_to"] == f"{public_url}callbacks/{KEY}/hoiio/sms"

    again = flask("setup", "--country", "US", "--state", "CA", "--yes")
    assert "Nothing to do" in again.stderr
    assert again.exit_code == 0
    assert len(simulator.purchases) == 1


def test_setup_takes_several_numbers(flask, simulator):
    ok(flask("setup", "--number", "+1 (415) 234-1237", "--number", SG_NUMBER, "--months", "3", "--yes"))
    assert [(entry["number"], entry["debit"]) for entry in simulator.purchases] == [
        (CA_NUMBER, "12.00"),
        (SG_NUMBER, "24.00"),
    ]


def test_a_dry_run_shows_and_does_nothing(flask, simulator):
    result = flask("setup", "--country", "SG", "--kind", "fax", "--auto-extend", "--dry-run")
    assert "1 month, renewed and paid monthly" in ok(result)
    assert "fax: not set → here" in result.stdout
    assert simulator.account["numbers"] == []


def test_nobody_is_charged_without_being_asked(flask, simulator):
    result = flask("setup", "--country", "SG")
    assert result.exit_code == 1
    assert "--yes" in result.stderr
    assert simulator.purchases == []


def test_setup_as_json_is_one_object(flask):
    shown = loaded(flask("setup", "--country", "US", "--yes", "--json"))
    assert [step["step"] for step in shown["steps"]] == ["subscribe", "configure"]
    assert [step["outcome"] for step in shown["progress"]] == ["done", "done"]
    assert (shown["fulfilled"], shown["cost"], shown["currency"]) == (True, "4.00", "SGD")
    assert shown["numbers"][0]["forward_to"].endswith("/callbacks/•••/hoiio/voice")
    assert shown["numbers"][0]["forward_to_leads"] == "this service"
    assert shown["unreachable"] == {}


def test_a_new_callback_key_is_brought_to_the_numbers(flask, simulator, public_url):
    simulator.subscribe("US", "CA", forward_to=f"{public_url}callbacks/{OLD_KEY}/voice", mode="voice")
    assert "here (older key)" in ok(flask("numbers", "list"))
    ok(flask("setup", "--number", CA_NUMBER, "--yes"))
    assert simulator.account["numbers"][0]["forward_to"] == f"{public_url}callbacks/{KEY}/hoiio/voice"


def test_a_number_in_use_elsewhere_is_shown_and_left_alone(flask, simulator):
    number = simulator.subscribe("US", "CA", forward_to="http://other.example/notify", mode="voice")

    refused = flask("setup", "--number", number, "--yes")
    assert refused.exit_code == 1
    assert "--take-over" in refused.stdout
    assert simulator.account["numbers"][0]["forward_to"] == "http://other.example/notify"

    taken = flask("setup", "--number", number, "--take-over", "--yes")
    assert "voice: other.example/notify → here" in ok(taken)


def test_a_refusal_halfway_is_told_and_the_exit_code_says_so(flask, simulator):
    result = flask("setup", "--number", "+14152349999", "--yes")
    assert result.exit_code == 1
    assert "not for sale (any more)" in result.stderr
    assert "Not done: 2 of 2 steps." in result.stderr
    assert "+1••••9999" in result.stderr
    assert "+14152349999" not in result.stderr


def test_a_lost_answer_is_no_second_purchase(flask, simulator):
    simulator.control.fault("number/subscribe", "lost-answer")
    result = flask("setup", "--country", "SG", "--yes")
    assert "found done" in result.stderr
    assert result.exit_code == 0
    assert len(simulator.purchases) == 1


def test_setup_gets_several_numbers_of_a_place_without_asking_which(flask, simulator):
    ok(flask("setup", "--country", "SG", "--kind", "voice", "--count", "3", "--yes"))
    ok(flask("setup", "--country", "SG", "--kind", "voice", "--count", "3", "--yes"))
    assert len(simulator.purchases) == 3


def test_a_purchase_in_doubt_is_settled_by_a_person(flask, simulator, monkeypatch):
    """Where the provider neither lists nor sells a number, only its portal can tell."""
    monkeypatch.setattr(surveying, "SETTLING_SECONDS", 0.0)
    monkeypatch.setattr(applying, "_LOOKS", ())
    monkeypatch.setattr(Subscription, "listed", lambda *_: False)
    simulator.control.fault("number/subscribe", "lost-answer")
    flask("setup", "--country", "SG", "--yes")

    doubtful = flask("setup", "--country", "SG", "--yes")
    assert doubtful.exit_code == 1
    assert f"--not-bought {SG_NUMBER}" in doubtful.stdout
    assert "--not-bought +65••••1237" in flask("numbers", "subscribe", SG_NUMBER, "--yes").stderr
    assert len(simulator.purchases) == 1

    assert "was not bought" in flask("setup", "--not-bought", SG_NUMBER).stderr
    assert "is in doubt" in flask("setup", "--not-bought", SG_NUMBER).stderr
    assert "subscribe" in ok(flask("setup", "--country", "SG", "--dry-run"))


def test_what_the_provider_shows_as_held_cannot_be_said_not_to_be_bought(flask, simulator):
    number = simulator.subscribe("SG")
    assert "it was bought" in flask("setup", "--not-bought", number).stderr


MISTAKES = {
    "no wish": ((), "--number +6511111111"),
    "two wishes": (("--country", "SG", "--number", SG_NUMBER), "Say what to set up"),
    "a number too short": (("--number", "+1415234123"), "too few digits"),
    "a number without country": (("--number", "4152341237"), "with its country code"),
    "a number with a typo": (("--number", "+14152340000"), "not for sale in California"),
    "a country with a typo": (("--country", "Singapur"), "Did you mean Singapore (SG)?"),
    "a state with a typo": (("--country", "US", "--state", "Califronia"), "Did you mean California (CA)?"),
    "a state where there is none": (("--country", "SG", "--state", "CA"), "not sold by state"),
    "a count of a number": (("--number", SG_NUMBER, "--count", "2"), "--count needs --country"),
    "a kind with a typo": (("--country", "SG", "--kind", "vioce"), "voice, fax, sms"),
    "voice and fax": (("--country", "SG", "--kind", "voice,fax"), "never both"),
    "sms where there is none": (("--country", "SG", "--kind", "sms"), "receive sms is for sale"),
    "two terms": (("--country", "SG", "--months", "3", "--auto-extend"), "exclude each other"),
    "taking over anything": (("--country", "SG", "--take-over"), "--take-over needs --number"),
    "too dear": (("--country", "SG", "--max-cost", "5"), "more than --max-cost 5"),
    "no amount": (("--country", "SG", "--max-cost", "five"), "not an amount"),
}


@pytest.mark.parametrize(("options", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_gets_a_sentence_that_helps(flask, simulator, options, sentence):
    result = flask("setup", *options, "--yes")
    assert result.exit_code != 0
    assert sentence in result.output
    assert simulator.account["numbers"] == []


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"public_url": None}, "PUBLIC_URL"),
        ({"hoiio_app_id": None}, "HOIIO_APP_ID"),
        ({"hoiio_access_token": "wrong-token"}, "HOIIO_ACCESS_TOKEN"),
        ({"hoiio_app_id": "nobody"}, "HOIIO_APP_ID"),
    ],
)
def test_a_wrong_setting_is_named(flask, changed, sentence):
    result = flask("setup", "--country", "SG", "--yes", **changed)
    assert result.exit_code == 1
    assert sentence in result.stderr


def test_no_credit_is_said_before_anything_is_bought(flask, simulator):
    simulator.control.set_balance("1.00")
    result = flask("setup", "--country", "SG", "--yes")
    assert "the account has SGD 1.00: top it up first" in result.stdout
    assert simulator.purchases == []


def test_callback_urls_that_do_not_work_are_warned_of(flask, simulator):
    result = flask("setup", "--country", "SG", "--dry-run", public_url=f"{simulator.url}/")
    assert "URL for voice does not work from this machine: " in result.stderr
    assert "HTTP 404" in result.stderr


@pytest.mark.parametrize(
    ("public_url", "warning"),
    [
        ("http://receiver.example.com/", "unencrypted"),
        ("https://localhost/", "cannot reach localhost"),
        ("https://10.0.0.7/", "cannot reach 10.0.0.7"),
        ("https://receiver.example.com/", ""),
    ],
)
def test_an_odd_public_url_is_warned_of(flask, public_url, warning):
    with responses.RequestsMock() as provider:
        provider.post("https://provider.example/open/number/get_countries", status=404)
        result = flask(
            "setup",
            "--country",
            "SG",
            public_url=public_url,
            hoiio_api_url="https://provider.example/open/",
        )
    assert warning in result.stderr
    assert ("Warning" in result.stderr) == bool(warning)


# --- numbers ---


def test_countries_and_states_are_listed(flask):
    assert "SG    Singapore" in ok(flask("numbers", "countries"))
    assert "CA     California" in ok(flask("numbers", "countries", "USA"))
    assert loaded(flask("numbers", "countries", "--json"))["countries"][0]["states"][0]["code"] == "AL"


def test_available_numbers_are_searched(flask):
    listing = ok(flask("numbers", "available", "US", "ca", "--like", "415", "--kind", "sms", "--limit", "3"))
    assert listing.splitlines()[0].split() == ["number", "can"]
    assert len(listing.splitlines()) == 4
    shown = loaded(flask("numbers", "available", "Singapore", "--like", "9998", "--json"))
    (found,) = shown["numbers"]
    assert (found["provider"], found["number"]) == ("hoiio", "+6565319998")
    assert (found["capabilities"], shown["more"]) == (["FAX", "VOICE"], False)


def test_nothing_available_is_said(flask):
    result = flask("numbers", "available", "SG", "--kind", "sms")
    assert result.exit_code == 1
    assert "no number that can receive sms is for sale in SG" in " ".join(result.stderr.split())
    assert "name one of AL" in flask("numbers", "available", "US").stderr


def test_rates_are_amounts_for_the_whole_period(flask):
    shown = loaded(flask("numbers", "rates", "us", "SG", "--json"))
    assert shown["rates"][0]["entries"][2] == {"months": 12, "price": "40.00", "per_month": "3.33"}
    assert "SG           12  80.00       6.67  SGD" in ok(flask("numbers", "rates", "us", "SG"))


def test_the_numbers_held_are_listed_with_where_they_lead(flask, simulator, public_url):
    simulator.subscribe("SG", forward_to=f"{public_url}callbacks/{KEY}/fax", mode="fax")
    simulator.subscribe("US", "CA", forward_sms_to="http://user:pw@other.example/in?token=t", mode="voice")

    listing = ok(flask("numbers", "list"))
    assert "fax: here" in listing
    assert "other.example/in" in listing
    assert "token=t" not in listing
    assert "pw" not in listing

    first, second = loaded(flask("numbers", "list", "--json"))["numbers"]
    assert (first["forward_to_leads"], first["forward_sms_to_leads"]) == ("not set", "elsewhere")
    assert (second["mode"], second["capabilities"], second["auto_extend"]) == ("fax", ["fax", "voice"], False)
    assert date.fromisoformat(second["expiry"]) > date(2020, 1, 1)
    assert 27 <= second["days_left"] <= 31


def test_an_empty_list_says_what_to_do(flask):
    result = flask("numbers", "list")
    assert (ok(result), "receiver setup" in result.stderr) == ("", True)


def test_without_a_public_url_the_list_still_works(flask, simulator):
    simulator.subscribe("SG", forward_to=f"http://a.example/callbacks/{KEY}/voice", mode="voice")
    result = flask("numbers", "list", public_url=None)
    assert "a.example/callbacks/•••/voice" in ok(result)
    assert "PUBLIC_URL is not set" in result.stderr


def test_one_number_is_shown(flask, simulator, public_url):
    number = simulator.subscribe("SG", forward_to=f"{public_url}callbacks/{KEY}/voice", mode="voice")
    assert f"{public_url}callbacks/•••/voice" in ok(flask("numbers", "show", number))
    assert loaded(flask("numbers", "show", number, "--json"))["country"] == "SG"
    assert "is in none of your accounts" in flask("numbers", "show", "+6565310000").stderr


def test_subscribing_shows_the_price_and_never_extends_by_accident(flask, simulator):
    asked = flask("numbers", "subscribe", SG_NUMBER)
    assert asked.exit_code == 1
    assert "SGD 8.00. Balance: SGD 100.00." in asked.stderr
    assert simulator.purchases == []

    assert loaded(flask("numbers", "subscribe", SG_NUMBER, "--yes", "--json"))["debit"] == "8.00"
    again = flask("numbers", "subscribe", SG_NUMBER, "--yes")
    assert again.exit_code == 1
    assert "is held already" in again.stderr
    assert [entry["kind"] for entry in simulator.purchases] == ["subscribe"]


def test_extending_shows_the_price_and_asks(flask, simulator):
    number = simulator.subscribe("SG")
    asked = flask("numbers", "extend", number, "--months", "3")
    assert asked.exit_code == 1
    assert f"Extend +65••••{number[-4:]} for 3 months: SGD 24.00. Balance: SGD 92.00." in asked.stderr
    assert len(simulator.purchases) == 1

    ok(flask("numbers", "extend", number, "--months", "3", "--yes"))
    assert [entry["kind"] for entry in simulator.purchases] == ["subscribe", "extend"]
    assert "nothing to extend" in flask("numbers", "extend", "+6565310000", "--yes").stderr


def test_an_extension_whose_answer_was_lost_for_good_is_not_paid_again(flask, simulator, monkeypatch):
    """Not even by somebody who runs it again because the first run ended with an error."""
    monkeypatch.setattr(applying, "_LOOKS", ())
    number = simulator.subscribe("SG")
    simulator.control.fault("number/subscribe", "lost-answer")
    lost = flask("numbers", "extend", number, "--yes")
    assert (lost.exit_code, "may or may not" in lost.stderr) == (1, True)

    again = flask("numbers", "extend", number, "--yes")
    assert "was extended by the run before" in again.stderr
    assert [entry["kind"] for entry in simulator.purchases] == ["subscribe", "extend"]


def test_a_long_wait_while_paying_is_said(flask, simulator, monkeypatch):
    slept = []
    monkeypatch.setattr(output, "time", SimpleNamespace(sleep=slept.append))
    for command in (("numbers", "subscribe", SG_NUMBER), ("setup", "--number", CA_NUMBER)):
        simulator.control.fault("number/subscribe", "status:error_rate_limit_exceeded", times=2)
        assert "The provider needs time: going on in 4 s." in flask(*command, "--yes").stderr
    assert len(simulator.purchases) == 2
    assert slept[:2] == [2, 4]


def test_subscribing_respects_a_limit(flask, simulator):
    result = flask("numbers", "subscribe", SG_NUMBER, "--max-cost", "7.99", "--yes")
    assert "SGD 8.00 is more than --max-cost 7.99" in result.stderr
    assert simulator.purchases == []


def test_configuring_keeps_what_is_not_named(flask, simulator, public_url):
    number = simulator.subscribe("US", "CA", forward_to="http://other.example/voice", mode="voice")

    ok(flask("numbers", "configure", number, "--forward-sms-to", "here", "--yes"))
    held = simulator.account["numbers"][0]
    assert held["forward_to"] == "http://other.example/voice"
    assert held["forward_sms_to"] == f"{public_url}callbacks/{KEY}/hoiio/sms"

    ok(flask("numbers", "configure", number, "--forward-to", "none", "--yes"))
    held = simulator.account["numbers"][0]
    assert (held["forward_to"], bool(held["forward_sms_to"])) == ("", True)

    again = flask("numbers", "configure", number, "--forward-to", "none")
    assert "Nothing to do" in again.stderr


def test_configuring_changes_nothing_else_than_it_showed(flask, simulator, monkeypatch):
    """Hoiio is sent all settings of a number, and a question may stay open for long."""
    number = simulator.subscribe("US", "CA", mode="voice")

    def meanwhile(*_, **__) -> bool:
        simulator.request("number/update_forwarding", number=number, forward_to="http://other.example/voice")
        return True

    with monkeypatch.context() as asked:
        asked.setattr(output, "confirmed", meanwhile)
        refused = flask("numbers", "configure", number, "--forward-sms-to", "here")
    assert "somebody else changed it meanwhile" in refused.stderr
    assert simulator.account["numbers"][0]["forward_to"] == "http://other.example/voice"
    ok(flask("numbers", "configure", number, "--forward-sms-to", "here", "--yes"))
    assert simulator.account["numbers"][0]["forward_to"] == "http://other.example/voice"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((), "Say what to change"),
        (("--forward-to", "example.com"), "full URL"),
        (("--forward-to", "http://other.example/?tag=a b"), "no URL may"),
        (("--forward-sms-to", "http://other.example/räuber"), "no URL may"),
        (("--forward-sms-to", "here"), "cannot receive sms"),
        (("--mode", "pager"), "voice"),
        (("--forward-to", "http://other.example/"), "--yes"),
    ],
)
def test_configuring_wrongly_changes_nothing(flask, simulator, options, sentence):
    number = simulator.subscribe("SG")
    result = flask("numbers", "configure", number, *options)
    assert result.exit_code != 0
    assert sentence in result.stderr
    assert simulator.account["numbers"][0]["forward_to"] == ""


def test_no_command_gives_a_number_up(flask):
    shown = ok(flask("numbers", "--help"))
    commands = {line.split()[0] for line in shown.partition("Commands:")[2].splitlines() if line.strip()}
    assert commands == {
        "available", "configure", "countries", "extend", "list", "rates", "show", "subscribe", "test"
    }  # fmt: skip


# --- At a terminal ---


@pytest.fixture
def terminal(settings, tmp_path):
    """Run a command at a terminal, answering each question by what it contains: exit code and screen."""
    database_url = databases.new_file(tmp_path / "receiver.db")
    environment = {name.upper(): str(value) for name, value in settings.items()} | {
        "PUBLIC_URL": "http://127.0.0.1:1/",  # nobody answers there, so nothing is waited for
        "CALLBACK_KEYS": KEY,
        "DATABASE_URL": database_url,
        "SPOOL_DIR": str(tmp_path / "spool"),
        "COLUMNS": "80",
        "TERM": "xterm",
        "PATH": os.environ["PATH"],
    }

    def run(*command: str, answers: list[tuple[str, str]]) -> tuple[int, str]:
        ours, theirs = pty.openpty()
        process = forks.begin(command, environment, (theirs, theirs, theirs))
        os.close(theirs)
        stopping = threading.Timer(60, process.kill)  # a question nobody expected
        stopping.start()
        screen, asked = "", 0
        with suppress(OSError):  # how Linux says that the other end is closed
            while more := os.read(ours, 4096):
                screen += more.decode(errors="replace")
                new = " ".join(screen[asked:].split())  # wherever the lines were broken
                if answers and answers[0][0] in new:
                    asked = len(screen)
                    os.write(ours, f"{answers.pop(0)[1]}\n".encode())
        os.close(ours)
        stopping.cancel()
        process.join(30)
        assert answers == [], screen
        assert KEY not in screen
        return process.exitcode, screen

    return run


@pytest.mark.slow
def test_at_a_terminal_it_asks_before_it_pays(terminal, simulator):
    options = ("setup", "--country", "SG", "--any", "--kind", "voice", "--months", "1")
    question = "Buy 1 number for SGD 8.00 and configure 1 number? [y/N]"
    code, _ = terminal(*options, answers=[(question, "n")])
    assert (code, simulator.purchases) == (1, [])
    code, _ = terminal(*options, answers=[(question, "y")])
    assert (code, len(simulator.purchases)) == (0, 1)


@pytest.mark.slow
def test_at_a_terminal_numbers_are_whole(terminal, simulator):
    number = simulator.subscribe("SG")
    code, screen = terminal("numbers", "subscribe", number, answers=[])
    assert (code, f"receiver numbers extend {number}" in " ".join(screen.split())) == (1, True)


@pytest.mark.slow
def test_at_a_terminal_it_asks_for_whatever_it_is_not_told(terminal, simulator):
    code, screen = terminal(
        "setup",
        answers=[
            ("Country (code", "Singapor"),
            ("Did you mean Singapore (SG)?", "singapore"),
            ("Number (1, 2", "x"),
            ("Type the place in the list", "9998"),
            ("Receive (voice or fax", "sms"),
            ("It cannot receive that", "fax"),
            ("Months, or renewed", "2"),
            ("Type 1, 3, 12 or renewed", "3"),
            ("Buy 1 number for SGD 24.00", "y"),
        ],
    )
    assert code == 0, screen
    (number,) = simulator.account["numbers"]
    assert (number["number"], number["mode"]) == ("+6565319998", "fax")
    assert [entry["debit"] for entry in simulator.purchases] == ["24.00"]


@pytest.mark.slow
def test_what_an_option_says_is_not_asked(terminal, simulator):
    code, screen = terminal(
        "setup",
        "--country",
        "us",
        "--auto-extend",
        answers=[
            ("State (code or name", "Califronia"),
            ("Did you mean California (CA)?", "ca"),
            ("Number (1, 2", "2"),
            ("Receive (voice or sms", ""),
            ("Buy 1 number for SGD 4.00", "y"),
        ],
    )
    assert code == 0, screen
    (number,) = simulator.account["numbers"]
    assert (number["auto_extend_status"], bool(number["forward_sms_to"])) == ("enabled", True)


@pytest.mark.slow
def test_at_a_terminal_a_number_that_is_held_is_offered_before_another_is_bought(terminal, simulator):
    number = simulator.subscribe("SG", "")
    bought = len(simulator.purchases)
    code, screen = terminal(
        "setup",
        "--country",
        "SG",
        answers=[
            (f"Enter for {number}, which you have", ""),
            ("Receive (", ""),
            ("Configure 1 number?", "y"),
        ],
    )
    assert code == 0, screen
    assert (len(simulator.purchases), len(simulator.account["numbers"])) == (bought, 1)
    assert "Months" not in screen


@pytest.mark.slow
def test_at_a_terminal_what_cannot_be_is_refused_before_anything_is_asked(terminal):
    code, screen = terminal("setup", "--sort", "local", answers=[])
    assert code == 1
    assert "leave out --sort" in screen
    assert "Country (" not in screen


def test_how_to_get_one_more_is_said_where_there_is_nothing_to_do(flask, simulator):
    for _ in range(2):
        simulator.subscribe("SG", "")
    wish = ("setup", "--country", "SG", "--kind", "fax", "--yes")
    ok(flask(*wish, "--count", "2"))
    again = flask(*wish)
    assert ok(again)
    assert "To have one more: --count 3." in again.stderr


# --- setup --file ---


WANTED = f"""
[[numbers]]
number = "+65 6531 1237"
kinds = ["fax"]
months = 3

[[numbers]]
country = "USA"
state = "California"
count = 2

[[numbers]]
number = "{CA_NUMBER}"
points = "anywhere"
"""


@pytest.fixture
def file(tmp_path):
    def write(text: str) -> str:
        (tmp_path / "numbers.toml").write_text(text)
        return str(tmp_path / "numbers.toml")

    return write


def test_a_file_says_what_is_wanted_and_export_writes_it(flask, simulator, file):
    wanted = file(WANTED)
    ok(flask("setup", "--file", wanted, "--yes"))
    held = {number["number"]: number for number in simulator.account["numbers"]}
    assert len(held) == 4
    assert (held[SG_NUMBER]["mode"], held[CA_NUMBER]["forward_to"]) == ("fax", "")
    assert "Nothing to do" in flask("setup", "--file", wanted, "--yes").stderr

    simulator.request(
        "number/update_forwarding", number=CA_NUMBER, forward_to="http://other.example/x?token=t"
    )
    exported = ok(flask("setup", "--export"))
    assert exported.count("[[numbers]]") == 4
    assert f'number = "{SG_NUMBER}"\nkinds = ["fax"]' in exported
    assert f'number = "{CA_NUMBER}"\npoints = "anywhere"' in exported
    assert "token=t" not in exported
    assert "Nothing to do" in flask("setup", "--file", file(exported), "--yes").stderr
    assert len(simulator.purchases) == 4


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("numbers = [", "numbers.toml is not TOML"),
        ("", "it has no [[numbers]] table"),
        ("[[number]]\nnumber = '+6565311237'", "write [[numbers]]"),
        ("[numbers]\nnumber = '+6565311237'", "write [[numbers]], twice bracketed"),
        ("[[numbers]]\nkinds = ['voice']", "table 1 needs a number or a country"),
        ("[[numbers]]\ncountry = 'SG'\nkinds = ['vioce']", "table 1: kinds must be some of voice, fax, sms"),
        ("[[numbers]]\ncountry = 'SG'\nkinds = ['voice', 'fax']", "never both"),
        ("[[numbers]]\ncountry = 'SG'\nmonth = 3", "there is no month; there are number, country"),
        ("[[numbers]]\ncountry = 'SG'\nmonths = 2", "must be 1, 3 or 12"),
        ("[[numbers]]\ncountry = 'SG'\ncount = 0", "table 1: count"),
        ("[[numbers]]\nnumber = '6565311237'", "table 1: '6565311237' is not a telephone number"),
        ("[[numbers]]\nnumber = '+6565311237'\n" * 2, "tables 1 and 2 name the same number"),
        ("[[numbers]]\ncountry = 'Singapur'", "Did you mean Singapore (SG)?"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_file_gets_a_sentence_that_helps(flask, simulator, file, text, sentence):
    result = flask("setup", "--file", file(text), "--yes")
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert simulator.purchases == []


# --- Output ---


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Hello, 你好 😀 é", "Hello, 你好 😀 é"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("\x9b2J", r"\x9b2J"),
        ("a\u202eb\u2066c\u200f", r"a\u202eb\u2066c\u200f"),
        ("one\r\ntwo\tthree\u2028", r"one\r\ntwo\tthree\u2028"),
        ("half \ud83d", r"half \ud83d"),
        ("👩\u200d🚀", "👩\u200d🚀"),
    ],
)
def test_a_terminal_obeys_no_text(text, shown):
    assert printable(text) == shown


def test_piped_tables_are_aligned_and_never_wrapped(capsys):
    tables.show(
        ("who", "amount"), [("你好", Decimal("4")), ("x" * 200, Decimal("12.345")), ("\x1b[2J", Decimal(0))]
    )
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[1].endswith("4.00")
    assert lines[2] == "x" * 200 + "  12.345"
    assert lines[3].startswith(r"\x1b[2J")


class Colour(StrEnum):
    RED = "red"


@dataclass
class Thing:
    price: Decimal
    day: date
    colours: frozenset[Colour]


def test_json_has_a_form_for_everything_shown_and_none_for_secrets(capsys):
    output.json_out(
        {"things": [Thing(Decimal("1.50"), date(2030, 1, 2), frozenset({Colour.RED}))], "x": "\x9b\u202e"}
    )
    printed = capsys.readouterr().out
    assert printed.isascii()
    assert json.loads(printed) == {
        "things": [{"price": "1.50", "day": "2030-01-02", "colours": ["red"]}],
        "x": "\x9b\u202e",
    }
    with pytest.raises(TypeError):
        output.json_out(SecretStr("x"))
