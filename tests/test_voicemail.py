"""What a caller said, and nothing else: found by one search, and mailed with its sound."""

import pytest
from answered import CALLER, service
from conftest import API_TOKEN, KEY
from mailserver import MailServer
from test_relay import due_now, states, until, working
from twilio_callbacks import SETTINGS, post

from receiver import current
from receiver.archive.archivist import Archivist
from receiver.providers.registry import PROVIDERS
from receiver.relay.target import TargetSort
from receiver.relay.trial import made_up
from receiver.search.index import LogIndex
from receiver.search.match import matches
from receiver.search.query import Search
from receiver.simulator.twilio.server import SimulatorServer

RULES = """
[numbers]
"{ours}" = {{ calls = [{{ flow = "message" }}] }}
"{other}" = {{ calls = [{{ flow = "message" }}] }}

[flows]
message = [{{ record = 60, say = "Please speak." }}, "hang up"]
"""


@pytest.mark.slow
def test_the_voicemail_of_one_number_comes_by_mail(database_url, tmp_path):
    with SimulatorServer() as twilio, MailServer() as mail:
        ours, other = twilio.buy(), twilio.buy()
        sent = {"smtp_url": f"smtp://localhost:{mail.port}", "mail_from": "desk@example.com"}
        rules = RULES.format(ours=ours, other=other)
        with service(twilio, tmp_path, database_url, rules, **sent) as here, here.app.app_context():
            here.parts.rules.refresh()
            here.take(ours)
            here.take(other)
            to, search = {"to": ["a@example.com"]}, f"has:voicemail to:{ours}"
            current.targets().add("desk", TargetSort.EMAIL, to, search=search, by="tests")
            for number in (other, ours):
                twilio.control.call(CALLER, number, record_seconds=7)
            with working():
                until(lambda: states() == ["waiting"])
                Archivist.of(current.config(), current.engine()).step()
                until(lambda: due_now() or states() == ["delivered"])
            (event,) = current.event_log().find(Search.parse(search)).events
            about = {"Authorization": f"Bearer {API_TOKEN}"}
            path = f"/api/v1/events/{event.id}/documents/record_url"
            name = here.app.test_client().get(path, headers=about).headers["Content-Disposition"]
    (taken,) = mail.taken
    assert taken.mail["Subject"] == f"Voicemail from {CALLER}"
    (attached,) = taken.mail.iter_attachments()
    assert attached.get_content_type() == "audio/wav"
    assert attached.get_content()[:4] == b"RIFF"
    assert f"{CALLER.removeprefix('+')}-{event.id}.wav" in name


HOIIO = {"from": CALLER, "to": "+6560000001", "session": "S1", "txn_ref": "T1"}
SAID = {"ivr_block": "record", "call_state": "ongoing", "record_url": "https://example.com/1.mp3"}
WHOLE = {"ivr_block": "monitor", "call_state": "ended", "monitor_url": "https://example.com/2.mp3"}


@pytest.fixture
def config(config):
    return config.model_validate(config.model_dump() | SETTINGS)


@pytest.mark.parametrize(
    "search",
    [
        *("has:voicemail", f"has:voicemail to:{CALLER}", "has:voicemail provider:twilio"),
        *("state:ended", "kind:fax", "state:failed", "provider:twilio", "session:S1", ""),
    ],
)
def test_what_is_made_up_to_try_a_target_is_what_its_search_finds(search):
    wanted = Search.parse(search)
    for usual in PROVIDERS:
        made = made_up(wanted, usual)
        assert matches(wanted, made)
        assert made.provider == (wanted.provider or usual)


def test_it_is_the_event_that_brings_the_recording(app, client):
    for body in ({"call_state": "ringing"}, SAID, WHOLE, {"call_state": "ended", "ivr_block": "hangup"}):
        assert client.post(f"/callbacks/{KEY}/voice", data=HOIIO | body).status_code == 200
    steps = ("voice/ringing", "voice/record", "recording/conversation", "recording/voicemail")
    for step in (*steps, "recording/transcription", "status/completed", "sms/received"):
        assert post(client, step).status_code == 200
    with app.app_context():
        log = current.event_log()
        for index in (None, LogIndex(current.engine())):
            if index is not None:
                index.catch_up()
            for search, ids in (
                ("has:voicemail", [8, 2]),
                ("has:voicemail provider:twilio", [8]),
                (f"has:voicemail from:{CALLER}", [8, 2]),
                (f"has:voicemail number:{CALLER} to:+6560000001", [2]),
                (f"has:voicemail number:{CALLER} -has:problems", [8, 2]),
                ("has:voicemail kind:sms", []),
                ("has:voicemail type:call.ended", []),
                ("has:voicemail since:1h", [8, 2]),
                ("has:voicemail completed", [8]),
                ("-has:voicemail", [11, 10, 9, 7, 6, 5, 4, 3, 1]),
                ("-has:voicemail provider:twilio kind:voice", [10, 9, 7, 6, 5]),
            ):
                if index is None and CALLER in search:
                    continue  # its ends are not there yet
                wanted = Search.parse(search)
                assert [event.id for event in log.find(wanted).events] == ids, search
                assert [one.id for one in log.find(Search()).events if matches(wanted, one)] == ids, search
