"""A call goes on at the fallback URL when the machine that had it does not answer any more."""

from __future__ import annotations

from pathlib import Path

import databases
import pytest
import requests
from answered import CALLER, service
from conftest import API_TOKEN, KEY
from receiving import Got, Receiving
from test_answering_kept import next_url
from test_serve import Service as Served
from waiting import until

from receiver.answering.state import State
from receiver.providers.twilio.answers import NOTHING_MORE
from receiver.simulator.twilio.server import SimulatorServer

RULES = """
[numbers."{number}"]
calls = [{{ flow = "menu", failure = "sorry" }}]
[flows]
menu = [{{ say = "Which?", gather = {{ 1 = "one" }}, no_input = "sorry", wrong_input = "sorry" }}]
one = [{{ say = "One." }}, {{ say = "And more." }}, "hang up"]
sorry = [{{ say = "Sorry." }}, "hang up"]
"""
SESSION = "CA" + "7" * 32


# --- Two machines ---


class Machines:
    """Two services behind the URL and the fallback URL of a simulated number. The first one is killed as soon
    as it has told a caller to choose from a menu; what is in front of it says 502 from then on."""

    def __init__(self, twilio: SimulatorServer, database_url: str, path: Path) -> None:
        self.twilio, self.number = twilio, twilio.buy()
        self.first, self.second = (Served(database_url, path / name) for name in ("first", "second"))
        self.front = Receiving(self._pass_on)
        (path / "rules.toml").write_text(RULES.format(number=self.number), encoding="utf-8")
        for each in (self.first, self.second):
            each.log.parent.mkdir()
            each.env |= {
                "TWILIO_ACCOUNT_SID": twilio.settings.account_sid,
                "TWILIO_AUTH_TOKEN": twilio.settings.auth_token,
                "TWILIO_API_URL": twilio.url,
                "PUBLIC_URL": f"http://127.0.0.1:{self.front.port}",
                "PUBLIC_URL_FALLBACK": self.second.url,
                "SECRET_KEY": "the-same-on-both-machines",
                "SIGNATURES": "require",
                "RULES": str(path / "rules.toml"),
            }

    def call(self) -> dict:
        """A caller who presses 1 in the menu; what became of the call."""
        names = {"PUBLIC_URL": "VoiceUrl", "PUBLIC_URL_FALLBACK": "VoiceFallbackUrl"}
        urls = {
            name: f"{self.first.env[setting]}/callbacks/{KEY}/twilio/voice" for setting, name in names.items()
        }
        sid = self.twilio.account["numbers"][0]["sid"]
        assert self.twilio.request("POST", f"IncomingPhoneNumbers/{sid}.json", **urls).ok
        return self.twilio.control.call(CALLER, self.number, digits=["1"])

    def _pass_on(self, got: Got) -> tuple[int, dict[str, str], bytes]:
        if self.first.process.poll() is not None:
            return 502, {}, b""
        answer = requests.post(self.first.url + got.path, got.body, headers=got.headers, timeout=10)
        until(lambda: decided(self.first, self.first.events()[0]["session"]))
        self.first.kill()
        return 200, {"Content-Type": answer.headers["Content-Type"]}, answer.content


def call_of(service: Served, session: str) -> dict:
    """A call as the API gives it."""
    url, headers = f"{service.url}/api/v1/calls/{session}", {"Authorization": f"Bearer {API_TOKEN}"}
    return requests.get(url, headers=headers, timeout=10).json()


def decided(service: Served, session: str) -> list[dict]:
    """What was decided about a call."""
    return call_of(service, session).get("decisions", [])


def causes(service: Served, session: str) -> list[list[str]]:
    """Why, once the call was hung up."""
    until(lambda: [one["does"] for one in decided(service, session)][-1:] == ["hang up"])
    return [[why["cause"] for why in one["why"]] for one in decided(service, session)]


@pytest.fixture
def machines(database_url, tmp_path):
    with SimulatorServer() as twilio:
        machines = Machines(twilio, database_url, tmp_path)
        with machines.front:
            machines.first.start()
            yield machines
            for each in (machines.first, machines.second):
                if each.process.poll() is None:
                    each.kill()


@pytest.mark.slow
def test_a_call_goes_on_in_the_second_machine_when_the_first_is_killed(machines):
    second = machines.second
    second.start()
    call = machines.call()
    assert (call["heard"], call["ended"]) == (["Which?", "One.", "And more."], "hung up on")
    # Once it is there it stays there: nobody asks the dead one again.
    asked = [each["kind"] for each in call["deliveries"] if each["url"].startswith(second.url)]
    assert asked == ["fallback", "redirect", "redirect"]
    assert [each["kind"] for each in call["deliveries"]][-3:] == asked
    assert causes(second, call["sid"]) == [["rule"], ["no answer elsewhere", "pressed"], ["done"], ["done"]]
    assert {event["signature"] for event in second.events()} == {"valid"}
    # Nobody told the second machine that it ended, and it knows that it did.
    assert call_of(second, call["sid"])["state"] == "answered"
    log = second.log.read_text()
    assert KEY not in log
    assert "a call came to the fallback URL" in log


@pytest.mark.slow
def test_a_second_machine_with_another_secret_takes_the_failure_step(machines):
    machines.second.env["SECRET_KEY"] = "another-than-the-first-has"
    machines.second.start()
    call = machines.call()
    assert (call["heard"], call["ended"]) == (["Which?", "Sorry."], "hung up on")
    assert causes(machines.second, call["sid"]) == [["rule"], ["no answer elsewhere", "place lost"], ["done"]]


# --- What comes to a fallback URL ---


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    """The second machine alone: nothing here depends on the database."""
    path = tmp_path_factory.mktemp("second")
    with SimulatorServer() as twilio:
        number = twilio.buy()
        database = databases.new_file(path / "receiver.db")
        with service(twilio, path, database, RULES.format(number=number)) as running:
            yield running, number


def test_a_call_that_begins_at_the_fallback_url_begins_there(second):
    office, number = second
    failed = {"ErrorCode": "11202", "ErrorUrl": office.callback("voice")}
    begun = office.post(office.callback("voice"), To=number, CallStatus="ringing", CallSid=SESSION, **failed)
    assert "Which?" in begun
    assert office.why(SESSION)[0] == "no answer elsewhere"


def test_urls_in_answers_lead_back_to_the_machine_that_answered(second):
    """And hold no key."""
    office, number = second
    begun = office.post(office.callback("voice"), To=number, CallStatus="ringing", CallSid=SESSION)
    assert next_url(begun).startswith("voice?")
    assert KEY not in begun


@pytest.mark.parametrize(
    ("missed", "hears"),
    [
        ("{voice}?answering={token}#rc=4&rp=ct,rt,5xx&ct=2000&rt=5000&tt=14000", "One."),
        ("{voice}?answering={token}x", "Sorry."),
        ("{voice}", "Sorry."),
        ("http://[", "Sorry."),
    ],
)
def test_a_call_goes_on_by_the_url_that_did_not_answer_or_by_its_failure_step(second, missed, hears):
    office, number = second
    session = "CA" + f"{len(missed):032}"
    begun = office.post(office.callback("voice"), To=number, CallStatus="ringing", CallSid=session)
    token = next_url(begun).partition("=")[2]
    office.parts.answering.calls.gone(
        "twilio", session, State("none", "", "")
    )  # as if another process had begun it
    url = missed.format(voice="https://first.example.com/callbacks/k/twilio/voice", token=token)
    failed = {"ErrorCode": "11202", "ErrorUrl": url}
    goes_on = office.post(office.callback("voice"), To=number, CallSid=session, Digits="1", **failed)
    assert hears in goes_on


def test_a_stranger_cannot_take_up_a_call(second):
    office, number = second
    begun = office.post(office.callback("voice"), To=number, CallStatus="ringing", CallSid=SESSION)
    failed = {"ErrorUrl": f"https://first.example.com/{next_url(begun)}"}
    about = {"To": number, "CallSid": SESSION, "Digits": "1"}
    assert office.post(office.callback("voice"), **about, **failed, forged=True) == NOTHING_MORE.body.decode()


def test_a_number_without_rules_is_none_of_theirs(second):
    office, _ = second
    failed = {"ErrorCode": "11202", "ErrorUrl": office.callback("voice")}
    about = {"To": "+6560000000", "CallSid": "CA" + "8" * 32}
    assert "Thank you" in office.post(office.callback("voice"), CallStatus="ringing", **about, **failed)
    assert office.post(office.callback("voice"), **about, **failed) == NOTHING_MORE.body.decode()
    assert office.decided(about["CallSid"]) == []
