"""A provider may tell us a URL of ours. The callback key in it is kept with what came, and shown nowhere."""

import base64
import json
from dataclasses import fields

import pytest
from arrivals import arrival
from conftest import API_TOKEN, KEY, ON_BOTH, make_config, on_sqlite
from test_console import signed_in
from twilio_callbacks import SETTINGS, payload, post

from receiver.access.scopes import Scope
from receiver.intake.arrival import Arrived
from receiver.intake.in_spool import SetAside
from receiver.keys.hidden import hidden, hidden_bytes
from receiver.relay.delivery import Parcel
from receiver.relay.webhook import body_of
from receiver.search.entries import indexed_words
from receiver.search.events import EventLog
from receiver.search.query import Search
from receiver.search.set_aside import set_aside_json

database_url = on_sqlite

FAILED = f"https://receiver.example.com/callbacks/{KEY}/twilio/voice?answering=a-token"


@pytest.fixture
def config(database_url, tmp_path):
    return make_config(database_url, tmp_path, secret_key="a-secret-for-tests", **SETTINGS)


@pytest.fixture
def log(app):
    """A log with one call: first at its URL, then twice at the fallback URL, which is told the first one."""
    client = app.test_client()
    body = payload("voice/fallback").replace(
        b"https%3A%2F%2Freceiver.example.com%2F", FAILED.replace(":", "%3A").replace("/", "%2F").encode()
    )
    for query in ("", f"ErrorUrl={FAILED.partition('?')[0]}"):
        assert post(client, "voice", body, query=query).status_code == 200
    return EventLog(app.extensions["receiver"].engine)


@ON_BOTH
@pytest.mark.parametrize(
    "path",
    [
        "/events",
        "/events?fields=params,raw",
        "/events/1",
        "/events?format=ndjson&fields=params,raw",
        "/events?format=csv&fields=params,raw",
        "/calls/CAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa01",
    ],
)
def test_the_api_tells_the_url_without_its_key(app, log, path):
    answer = app.test_client().get(f"/api/v1{path}", headers={"Authorization": f"Bearer {API_TOKEN}"})
    assert answer.status_code == 200
    assert KEY not in answer.text
    assert "callbacks/***/twilio" in answer.text


def test_a_raw_request_is_shown_without_it(api, log):
    event = api("/events/1")
    raws = [event["raw"], *(each["raw"] for each in event["repeated"])]
    assert len(raws) == 2
    for raw in raws:
        body = base64.b64decode(raw["body_base64"]).decode()
        assert "callbacks%2F***%2Ftwilio%2Fvoice" in body
        assert KEY not in body + raw["query_string"]


def test_what_came_is_kept_as_it_came(log):
    assert KEY.encode() in log.get(1).body


@pytest.mark.parametrize("path", ["/events/1", "/events", "/calls/CAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa01"])
def test_the_console_shows_it_nowhere(app, log, path):
    client = signed_in(app, "olga", Scope.OPERATE)
    page = client.get(path)
    assert page.status_code == 200
    assert KEY not in page.text


@pytest.mark.parametrize(
    "words",
    [
        ("events", "--json"),
        ("events", "show", "1"),
        ("events", "show", "1", "--json"),
        ("events", "export", "--fields", "params,raw"),
        ("calls", "show", "CAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa01", "--json"),
    ],
)
def test_no_command_prints_it(app, log, words):
    done = app.test_cli_runner().invoke(args=words)
    assert done.exit_code == 0, done.output
    assert KEY not in done.output


def test_it_is_not_delivered(log):
    body = body_of(Parcel("evt_1", log.get(1), attempt=1))
    assert KEY not in body.decode()
    assert json.loads(body)["data"]["params"]["ErrorUrl"] == FAILED.replace(KEY, "***")


def test_no_search_finds_it(log):
    words = indexed_words(log.get(1))
    assert set(KEY.split("-")).isdisjoint(words)
    assert "11200" in words
    assert not log.find(Search(text=KEY)).events


def test_what_was_set_aside_is_shown_without_it():
    came = arrival("AA-1", provider="twilio", query=f"ErrorUrl={FAILED}".encode())
    values = {field.name: getattr(came, field.name) for field in fields(Arrived)}
    aside = SetAside(**values, position=1, set_aside="a reason")
    assert KEY not in json.dumps(set_aside_json(aside))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (FAILED, FAILED.replace(KEY, "***")),
        (f"a /callbacks//{KEY} b /callbacks/{KEY}/sms", "a /callbacks//*** b /callbacks/***/sms"),
        (f"callbacks%2F{KEY}%2Ftwilio", "callbacks%2F***%2Ftwilio"),
        (f"callbacks%252f{KEY}%252ftwilio", "callbacks%252f***%252ftwilio"),
        (rf'{{"url": "https:\/\/x\/callbacks\/{KEY}\/sms"}}', r'{"url": "https:\/\/x\/callbacks\/***\/sms"}'),
        ("please call back about callbacks/day", "please call back about callbacks/day"),
    ],
)
def test_a_key_is_known_by_its_place_however_the_url_is_escaped(text, shown):
    assert hidden(text) == shown
    assert hidden_bytes(text.encode()) == shown.encode()
