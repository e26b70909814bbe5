"""Files that come with a message: listed, kept behind a sign-in, shown, mailed, and erased."""

import re
from base64 import b64encode
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

import pytest
from conftest import API_TOKEN, make_config
from documents import WAV, give, pdf, serving
from mailserver import MailServer
from test_console import form_token, signed_in
from twilio_callbacks import SETTINGS, SID, TOKEN, payload, post

from receiver.access.scopes import Scope
from receiver.archive.archivist import Archivist
from receiver.outbound.allow import AllowList
from receiver.outbound.guard import Guard
from receiver.relay.archived import Archive
from receiver.relay.delivery import Parcel
from receiver.relay.email.sort import EmailSender
from receiver.relay.sender import Surroundings
from receiver.search.events import EventLog

AUTH = {"Authorization": f"Bearer {API_TOKEN}"}
BASIC = "Basic " + b64encode(f"{SID}:{TOKEN}".encode()).decode()
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(200)
MORE = {"secret_key": "a-secret-for-tests", "outbound_allow": ("127.0.0.1",)}
FILES = ["/Media/ME01", "/Media/ME02"]


@pytest.fixture(scope="module")
def server():
    with serving() as server:
        yield server


@pytest.fixture
def config(database_url, tmp_path, server):
    return make_config(database_url, tmp_path, **SETTINGS, twilio_api_url=server.url, **MORE)


@pytest.fixture
def engine(app):
    return app.extensions["receiver"].engine


@pytest.fixture
def archivist(config, engine):
    return Archivist.of(config, engine)


@pytest.fixture
def pictures(client, server):
    """An MMS with a photograph and a document, neither of them fetched."""
    send(client, server)


def send(client, server, **said: str) -> None:
    server.answers[FILES[0]] = give(JPEG, "image/jpeg")
    server.answers[FILES[1]] = give(pdf(), "application/pdf")
    links = {f"MediaUrl{at}": server.url + path for at, path in enumerate(FILES)}
    body = urlencode(dict(parse_qsl(payload("sms/pictures").decode(), keep_blank_values=True)) | links | said)
    assert post(client, "sms", body.encode()).status_code == 200


def document(client, position: int, end: str = ""):
    return client.get(f"/api/v1/events/1/documents/media{end}?position={position}", headers=AUTH)


@pytest.mark.usefixtures("pictures")
def test_they_are_listed_kept_and_gone_with_the_message(*, client, api, app, config, server, archivist):
    (event,) = api("/events?kind=sms")["events"]
    assert event["media"] == [
        {"media_type": "image/jpeg", "url": server.url + FILES[0]},
        {"media_type": "application/pdf", "url": server.url + FILES[1]},
    ]
    archivist.step()
    items = api("/events/1/documents")["documents"]
    assert [(item["field"], item["position"], item["state"], item["media_type"]) for item in items] == [
        ("media", 0, "kept", "image/jpeg"),
        ("media", 1, "kept", "application/pdf"),
    ]
    assert {headers["Authorization"] for path, headers in server.asked if path in FILES} == {BASIC}
    first, second = document(client, 0), document(client, 1)
    assert (first.data, second.data) == (JPEG, pdf())
    assert second.headers["Content-Disposition"].endswith('-2.pdf"')
    assert document(client, 1, "/preview").mimetype == "image/png"
    assert document(client, 2).status_code == 404
    assert document(client, -1).status_code == 400

    shown = app.test_cli_runner().invoke(args=["events", "show", "1"])
    assert re.findall(r"^media +(.*)$", shown.stdout, re.MULTILINE) == [
        f"image/jpeg {server.url}{FILES[0]}",
        f"application/pdf {server.url}{FILES[1]}",
    ]
    erased = app.test_cli_runner().invoke(args=["events", "erase", "--sender", "+6591234567", "--yes"])
    assert erased.exit_code == 0, erased.output
    archivist.step()
    archivist._next_tidying = 0
    archivist.step()
    assert [path for path in config.archive_dir.rglob("*") if path.is_file()] == []


@pytest.mark.usefixtures("pictures")
def test_the_command_line_tells_of_them_beside_the_text(app, client, server):
    def run(*words: str) -> str:
        return app.test_cli_runner().invoke(args=words).stdout

    assert re.search(r" 2 attachments$", run("conversations"), re.MULTILINE)
    send(client, server, MessageSid="MM02", SmsSid="MM02", Body="Look at this")
    events = re.findall(r"2 attachments.*$", run("events"), re.MULTILINE)
    assert events == ["2 attachments: Look at this", "2 attachments"]
    assert re.search(r" 2 attachments: Look at this$", run("conversations"), re.MULTILINE)
    shown = run("conversations", "show", "+6591234567")
    assert "(event 1)\n  2 attachments: receiver archive get 1\n" in shown
    assert "(event 2)\n  Look at this\n  2 attachments: receiver archive get 2\n" in shown


@pytest.mark.usefixtures("pictures")
def test_the_console_shows_them(app, archivist):
    client = signed_in(app, "olga", Scope.READ)
    waiting = client.get("/events/1").text
    assert waiting.count("Not fetched yet.") == 2
    archivist.step()
    page = client.get("/events/1").text
    assert '<img src="/events/1/documents/media?position=0"' in page
    assert '<img src="/events/1/documents/media/preview?position=1"' in page
    assert client.get("/events/1/documents/media?position=0").data == JPEG
    assert "2 attachments" in client.get("/events").text
    assert "Empty message" not in client.get("/conversations", follow_redirects=True).text


@pytest.mark.usefixtures("pictures")
def test_a_conversation_shows_their_pictures_unless_it_is_masked(app, client, server, archivist):
    send(client, server, MessageSid="MM02", SmsSid="MM02", Body="Look at this")
    here = signed_in(app, "olga", Scope.READ)

    def pictures() -> list[str]:
        page = here.get("/events/1/conversation").text
        assert page.count('">2 attachments</a>') == 2
        return re.findall('<img src="([^"]+)" alt="Attachment', page)

    assert pictures() == []
    archivist.step()
    assert pictures() == [
        f"/events/{event}/documents/media{end}"
        for event in (1, 2)
        for end in ("?position=0", "/preview?position=1")
    ]
    assert [here.get(picture).status_code for picture in pictures()] == [200] * 4
    for path in ("/conversations", "/events"):
        assert re.search("2 attachments</span>[^/]*Look at this", here.get(path).text), path
    here.post("/mask", data={"form_token": form_token(here), "on": "1"})
    assert pictures() == []


def test_the_sign_in_is_shown_to_nobody_else(client, api, server, archivist):
    with serving() as other:
        server.answers["/away"] = give(b"", status=302, Location=f"{other.url}/recording.wav")
        other.answers["/recording.wav"] = give(WAV, "audio/x-wav")
        body = payload("recording/voicemail").decode()
        told = dict(parse_qsl(body)) | {"RecordingUrl": f"{server.url}/away"}
        assert post(client, "recording", urlencode(told).encode()).status_code == 200
        archivist.step()
        assert ["Authorization" in headers for _, headers in other.asked] == [False]


def test_a_recording_that_is_not_there_yet_is_tried_again(client, api, server, archivist):
    server.answers["/later"] = give(b"", status=404)
    told = dict(parse_qsl(payload("voice/record").decode())) | {"RecordingUrl": f"{server.url}/later"}
    assert post(client, "voice", urlencode(told).encode()).status_code == 200
    archivist.step()
    (item,) = api("/events/1/documents")["documents"]
    assert (item["state"], item["reason"]) == (
        "waiting",
        "The server answers 404: it is not there, or not yet.",
    )


@pytest.mark.usefixtures("pictures")
def test_a_mail_has_them_with_it(config, app, engine, archivist):
    archivist.step()
    archive = Archive(engine, app.extensions["receiver"].archive_store)
    with MailServer() as there:
        mail = {"smtp_url": f"smtp://localhost:{there.port}", "mail_from": "fax@example.com"}
        told = make_config("sqlite:///none.db", config.archive_dir, **mail)
        around = Surroundings(told, engine, Guard(AllowList()), archive)
        settings = {"to": ["front@example.com"], "thread_key": "k"}
        parcel = Parcel("evt_1", EventLog(engine).get(1), 1, datetime.now(UTC))
        assert EmailSender(settings, around).send(parcel).delivered
        (taken,) = there.taken
    assert "with 2 attachments" in taken.text()
    files = [(part.get_filename(), part.get_content()) for part in taken.mail.iter_attachments()]
    assert files == [("sms-1.jpg", JPEG), ("sms-1-2.pdf", pdf())]
