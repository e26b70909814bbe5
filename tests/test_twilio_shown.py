"""A call at Twilio as people see it: on its page and on the command line."""

import re
from html import unescape

import pytest
from conftest import make_config, on_sqlite
from documents import WAV, give, serving
from test_console import form_token, signed_in
from twilio_callbacks import SETTINGS, payload, post

from receiver.access.scopes import Scope
from receiver.archive import documents
from receiver.archive.archivist import Archivist
from receiver.search.events import EventLog
from receiver.search.in_words import in_words

database_url = on_sqlite

CALL = "CA" + "a" * 30 + "01"
RECORDING = "/2010-04-01/Accounts/AC51000000000000000000000000000001/Recordings/RE" + "a" * 30 + "01"
COURSE = (
    "voice/ringing",
    "voice/gather_speech",
    "voice/dial_no_answer",
    "voice/record",
    "recording/voicemail",
    "status/completed",
    "recording/transcription",
)


@pytest.fixture(scope="module")
def server():
    with serving() as server:
        server.answers[RECORDING] = give(WAV, "audio/x-wav")
        yield server


@pytest.fixture
def config(database_url, tmp_path, server):
    more = {"secret_key": "a-secret-for-tests", "outbound_allow": ("127.0.0.1",)}
    return make_config(database_url, tmp_path, **SETTINGS, twilio_api_url=server.url, **more)


@pytest.fixture
def came(client, server):
    """Somebody spoke to a menu, was put through in vain, and left a message, which was transcribed."""
    there = server.url.replace(":", "%3A").replace("/", "%2F").encode()
    for path in COURSE:
        body = payload(path).replace(b"https%3A%2F%2Fapi.twilio.com", there)
        assert post(client, path, body).status_code == 200


def words(page: str) -> str:
    """What stands in the time line of a page."""
    (line,) = re.findall(r'<ol class="line".*?</ol>', page, re.DOTALL)
    return untagged(line)


def untagged(page: str) -> str:
    return " ".join(unescape(re.sub("<[^>]+>", " ", page)).split())


@pytest.mark.usefixtures("came")
def test_its_page_shows_what_was_said_and_plays_the_message_once(app, config):
    browser = signed_in(app, "mei", Scope.READ)
    page = browser.get(f"/calls/{CALL}").text
    assert page.count("Listen:") == 1
    Archivist.of(config, app.extensions["receiver"].engine).step()
    page = browser.get(f"/calls/{CALL}").text
    assert (page.count("<audio"), page.count("Listen:")) == (1, 0)
    assert "Nobody answered. The caller left a message." in page
    shown = words(page)
    for step in (
        "Ringing",
        "Menu",
        "opening hours",
        "Dial",
        "no answer",
        "Recorded",
        "Recording ready",
        "Transcription",
        "Please call me back.",
    ):
        assert step in shown
        shown = shown.partition(step)[2]
    assert "No key pressed" not in page


@pytest.mark.usefixtures("came")
def test_masked_its_page_shows_nothing_that_was_said(app):
    browser = signed_in(app, "mei", Scope.READ)
    browser.post("/mask", data={"form_token": form_token(browser), "on": "1"})
    page = browser.get("/events/1/call").text
    assert words(page).count("The recording is masked.") == 1
    assert "leaves this site" not in page
    assert "(13 characters)" in words(page)
    assert "opening hours" not in page


def test_a_list_says_once_what_became_of_a_dial(client, app):
    browser = signed_in(app, "mei", Scope.READ)
    for path in ("voice/ringing", "status/leg_ringing", "status/leg_answered"):
        post(client, path)
    assert untagged(browser.get("/calls").text).count("Dial answered") == 1
    post(client, "voice/dial")
    assert untagged(browser.get("/calls").text).count("Dial answered") == 1


def test_a_menu_without_an_answer_says_so(client, app):
    for path in ("voice/ringing", "voice/gather", "status/completed"):
        post(client, path, payload(path).replace(b"Digits=12", b"Digits="))
    page = signed_in(app, "mei", Scope.READ).get(f"/calls/{CALL}").text
    assert "No key pressed" in words(page)
    assert "A menu answered: nobody spoke with the caller." in page


@pytest.mark.parametrize(
    ("outcome", "block", "flow", "said"),
    [
        ("answered", "gather", "menu", "Your rules answered: nobody spoke with the caller."),
        ("answered", "gather", None, "A menu answered: nobody spoke with the caller."),
        ("answered", None, None, "Somebody answered."),
        ("missed", "redirect", "away", "Nobody answered. The caller heard what your rules say."),
        ("missed", "redirect", None, "Nobody answered."),
    ],
)
def test_it_is_said_what_answered(outcome, block, flow, said):
    event = {"provider": "twilio", "ivr_block": block}
    call = {"outcome": outcome, "state": outcome, "events": [event], "decisions": [{"flow": flow}]}
    assert in_words(call) == said


@pytest.mark.usefixtures("came")
def test_the_command_says_what_became_of_a_dial_and_how_long_it_took(app, server):
    def run(*args: str) -> str:
        found = app.test_cli_runner().invoke(args=[*args])
        assert found.exit_code == 0, found.output
        return found.stdout

    drawn = run("calls", "show", CALL, "--utc")
    said = r"Nobody answered\. The caller left a message\."
    assert re.search(rf"call {CALL}: voicemail\nfrom .* UTC\n1:01 min\n{said}\n", drawn)
    assert re.findall(r"● (.*)", drawn) == [
        "ringing",
        "ongoing (gather): opening hours",
        "ongoing (dial): dial no answer",
        "ongoing (record): recorded, 9 s",
        "call ended: 1:01 min",
        "ongoing (recording): recording ready, 9 s",
        "ongoing (transcription): Please call me back.",
    ]
    (event_id,) = got = re.findall(r"receiver archive get (\d+)", drawn)
    assert re.findall(r"receiver archive get (\d+)", run("calls", "show", CALL, "--mask")) == got
    event = EventLog(app.extensions["receiver"].engine).get(int(event_id))
    assert documents.of_events(app.extensions["receiver"].engine, [event])[event.id]
    assert max(map(len, drawn.splitlines())) <= 80
    assert "dial no answer" in run("events")
