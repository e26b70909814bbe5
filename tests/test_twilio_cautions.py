"""Settings that work and cost callbacks of Twilio: said at the start, and by the doctor."""

import re
from pathlib import Path

import pytest
from conftest import make_config, on_sqlite, started
from test_console import signed_in
from test_doctor import found, here  # noqa: F401  # a fixture
from test_serve import Service
from twilio_callbacks import SETTINGS

from receiver.access.scopes import Scope
from receiver.providers.registry import PROVIDERS

database_url = on_sqlite
PAGE = Path(__file__).parent.parent / "docs/providers/twilio.md"
RETRIES = "#rc=4&amp;rp=ct,rt,5xx"


def codes(path: Path, document: str = "<Response/>", **settings) -> list[str]:
    (path / "answer.xml").write_text(document)
    answer = {"twilio_voice_answer": str(path / "answer.xml")}
    config = make_config(f"sqlite:///{path}/receiver.db", path, **SETTINGS | answer | settings)
    return [each.code for each in PROVIDERS["twilio"].cautions(config)]


@pytest.mark.parametrize(
    "inside",
    [
        '<Dial action="voice"/>',
        '<Dial action="voice#rc=4"/>',
        '<Dial action="voice#rc=0&amp;rp=5xx"/>',
        '<Dial><Number statusCallback="status#rp=ct,rt">+6598765432</Number></Dial>',
        '<Record recordingStatusCallback="recording"/>',
        "<Redirect>voice</Redirect>",
        '<Gather action="https://receiver.example.com/callbacks/k/twilio/voice"/>',
        '<Gather action="https://second.example.com/callbacks/k/twilio/voice"/>',
    ],
)
def test_a_url_in_a_document_that_leads_here_asks_for_retries_or_is_told(tmp_path, inside):
    both = {
        "public_url": "https://receiver.example.com/",
        "public_url_fallback": "https://second.example.com/",
    }
    assert codes(tmp_path, f"<Response>{inside}</Response>", **both) == ["document-retries"]
    asked = re.sub(r'(?:#[^"<]*)?("|<)(?=[/> ])', lambda end: RETRIES + end[1], inside, count=1)
    assert codes(tmp_path, f"<Response>{asked}</Response>", **both) == []


@pytest.mark.parametrize(
    "inside",
    [
        '<Dial action="https://elsewhere.example.com/after"/>',
        '<Dial method="POST"><Number statusCallbackEvent="answered">+6598765432</Number></Dial>',
        "<Play>hello.mp3</Play>",
        '<Gather action="http://["/>',
        '<Redirect method="POST"/>',
    ],
)
def test_what_leads_elsewhere_is_not_ours_to_judge(tmp_path, inside):
    assert codes(tmp_path, f"<Response>{inside}</Response>") == []


def test_the_examples_in_the_documents_ask_for_retries(tmp_path):
    examples = re.findall(r"```xml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert examples
    assert [codes(tmp_path, example) for example in examples] == [[]] * len(examples)


@pytest.mark.parametrize(("deadline", "told"), [(4.0, []), (4.1, ["long-deadline"])])
def test_a_deadline_beyond_the_providers_patience_is_told(tmp_path, deadline, told):
    assert codes(tmp_path, commit_deadline=deadline) == told


def test_a_long_deadline_is_told_to_an_account_that_signs_with_shared_keys(tmp_path):
    shared = {"twilio_auth_token": None, "twilio_signing_keys": ("a shared key",)}
    assert codes(tmp_path, commit_deadline=5, **shared) == ["long-deadline"]


def test_without_an_account_there_no_deadline_is_too_long(tmp_path):
    assert codes(tmp_path, commit_deadline=60, twilio_account_sid=None, twilio_auth_token=None) == []


def test_the_doctor_says_what_to_do(here):  # noqa: F811
    told = found(here, commit_deadline=10, **SETTINGS)["long-deadline"]
    assert (told["severity"], told["provider"]) == ("warning", "twilio")
    assert "4 or less" in told["mend"]


def test_the_console_says_so_without_waiting_for_the_watch(tmp_path, database_url):
    for app in started(
        make_config(database_url, tmp_path, secret_key="k" * 32, commit_deadline=10, **SETTINGS)
    ):
        page = signed_in(app, "olga", Scope.READ).get("/").text
        assert "COMMIT_DEADLINE is 10" in page[page.index("Needs attention") :]


def test_the_service_says_so_at_its_start(tmp_path, database_url):
    environ = {name.upper(): str(value) for name, value in SETTINGS.items()}
    service = Service(database_url, tmp_path, COMMIT_DEADLINE="10", **environ)
    service.start()
    service.kill()
    assert "a setting costs callbacks" in service.log.read_text()
