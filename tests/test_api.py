"""The query API: private, filtered, paged by cursor, one shape of error."""

import base64
import sqlite3

import pytest
from conftest import API_TOKEN, KEY
from sqlalchemy import text

from receiver.app import create_app
from receiver.db.engine import writing
from receiver.intake import readiness

HEADERS = {"Authorization": f"Bearer {API_TOKEN}"}


# Three SMS, a call of two notifications and a fax; ids rise in this order.
POSTS = [
    (
        "sms",
        "txn_ref=AA-SI-1&msg=Invoice+%231&from=%2B6591110001&to=%2B16500000001&date=2026-01-01+10:00:00",
    ),
    ("sms", "txn_ref=AA-SI-2&msg=hello&from=%2B6591110002&to=%2B16500000001&date=2026-01-01+10:00:01"),
    ("sms", "txn_ref=AA-SI-3&msg=100%25+INVOICE&from=%2B6591110001&to=%2B16500000002"),
    (
        "voice",
        "txn_ref=AA-C-1&session=S1&call_state=ringing&ivr_block=answer&from=%2B6591110001&to=%2B6560000001",
    ),
    (
        "voice",
        "txn_ref=AA-C-1&session=S1&call_state=ended&ivr_block=hangup&duration=2&debit=0.040&currency=SGD",
    ),
    ("fax", "txn_ref=AA-C-2&fax_status=failed&fax_error_code=busy&from=%2B6591110003&to=%2B6560000002"),
]


@pytest.fixture
def logged(client):
    fill(client)


@pytest.fixture(scope="module")
def reader(lasting_app):
    """Asks a log that no test writes to."""
    client = lasting_app.test_client()
    fill(client)
    return lambda path, headers=HEADERS: client.get(f"/api/v1{path}", headers=headers)


def fill(client, more=()):
    for kind, body in (*POSTS, *more):
        answer = client.post(
            f"/callbacks/{KEY}/{kind}", data=body, content_type="application/x-www-form-urlencoded"
        )
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("query", "references"),
    [
        ("", ["AA-C-2", "AA-C-1", "AA-C-1", "AA-SI-3", "AA-SI-2", "AA-SI-1"]),
        ("kind=fax", ["AA-C-2"]),
        ("type=call.ended", ["AA-C-1"]),
        ("sender=%2B6591110001", ["AA-C-1", "AA-SI-3", "AA-SI-1"]),
        ("sender=+65 9111 0001", ["AA-C-1", "AA-SI-3", "AA-SI-1"]),
        ("number=%2B16500000001", ["AA-SI-2", "AA-SI-1"]),
        ("recipient=%2B6560000002", ["AA-C-2"]),
        ("session=S1", ["AA-C-1", "AA-C-1"]),
        ("txn_ref=AA-SI-2", ["AA-SI-2"]),
        ("text=invoice", ["AA-SI-3", "AA-SI-1"]),
        ("text=100%25", ["AA-SI-3"]),
        ("kind=sms&problems=true", ["AA-SI-3"]),
        ("since=1h&kind=fax", ["AA-C-2"]),
        ("until=1h", []),
        ("since=2000-01-01T00:00:00%2B08:00&until=2000-01-02", []),
        ("quarantined=true", []),
    ],
)
def test_it_filters(reader, query, references):
    assert [event["txn_ref"] for event in reader(f"/events?{query}").json["events"]] == references


def test_it_pages_through_everything_once_while_the_log_grows(api, client, logged):
    seen, cursor = [], ""
    while cursor is not None:
        page = api(f"/events?limit=2{cursor and '&before=' + cursor}")
        seen += [event["id"] for event in page["events"]]
        cursor = page["next"]
        client.post(f"/callbacks/{KEY}/sms", data={"txn_ref": f"later-{cursor}", "msg": "x"})
    assert len(seen) == len(set(seen)) == 6


def test_it_shows_one_event_with_its_raw_request(reader):
    event = reader("/events/1").json
    assert event["raw"]["method"] == "POST"
    assert event["occurred_at"] == "2026-01-01T02:00:00.000Z"
    assert event["params"]["msg"] == "Invoice #1"


def test_it_gives_money_as_the_provider_wrote_it(reader):
    assert reader("/events?type=call.ended").json["events"][0]["debit"] == "0.040"


@pytest.mark.parametrize("header", [None, "Bearer wrong", f"Basic {API_TOKEN}", "Bearer \xff", "Bearer "])
def test_it_refuses_who_has_no_token(reader, header):
    answer = reader("/events", headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer.json["error"]["code"] == "unauthorized"
    sent = header is not None and header.removeprefix("Bearer ") not in {"", header}
    assert answer.json["error"]["message"].startswith("this token is not" if sent else "send a token as")


def test_a_path_that_leads_nowhere_leads_to_the_documents(reader):
    error = reader("/nowhere").json["error"]
    assert error == {"code": "not_found", "message": "there is no such path; see /docs/api"}


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("kind=telegram", "kind"),
        ("since=tomorrow", "since"),
        ("since=1h&until=2h", "until"),
        ("q=since:1h&until=2h", "until"),
        ("since=2999-01-01", "since"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("kind=sms&kind=fax", "kind"),
        ("q=colour:red", "colour"),
        ("q=kind:sms&kind=fax", "kind"),
        ("fields=id,colour", "fields"),
        ("format=xml", "format"),
        ("before=abc", "before"),
        ("quarantined=perhaps", "quarantined"),
        ("colour=red", "colour"),
        ("since=999999w", "since"),
    ],
)
def test_it_says_which_parameter_makes_no_sense(reader, query, named):
    answer = reader(f"/events?{query}")
    assert answer.status_code == 400
    assert answer.json["error"]["message"].startswith(f"{named}:")


def test_it_names_all_that_makes_no_sense_in_a_search(reader):
    error = reader("/events?q=colour:red+kind:smss&state=mist&since=soon").json["error"]
    assert set(error) == {"code", "message"}
    for begins in ("colour: unknown", "kind: 'smss'", "state: 'mist'", "since: 'soon'"):
        assert begins in error["message"]


@pytest.mark.parametrize("path", ["/events/999", "/events/x", "/events/99999999999999999999", "/nothing"])
def test_it_answers_404_in_the_same_shape(reader, path):
    answer = reader(path)
    assert answer.status_code == 404
    assert set(answer.json["error"]) == {"code", "message"}


def test_it_names_the_methods_it_takes(client):
    answer = client.delete("/api/v1/events/1", headers=HEADERS)
    assert (answer.status_code, answer.json["error"]["code"]) == (405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_it_streams_under_any_server(client, logged):
    """Without the gateway a thread is held, and the same comes out."""
    answer = client.get("/api/v1/events/stream?kind=fax&after=0&fields=id", headers=HEADERS, buffered=False)
    pieces = iter(answer.response)
    assert next(pieces).startswith(b"retry:")
    assert next(pieces) == b'id: 6\nevent: event\ndata: {"id": 6}\n\n'
    answer.close()


def test_it_says_that_the_database_is_away(client, app):
    with writing(app.extensions["receiver"].engine) as connection:
        connection.execute(text("ALTER TABLE events RENAME TO hidden"))
    for path in ("/events", "/events?format=csv", "/calls", "/conversations?kind=sms"):
        answer = client.get(f"/api/v1{path}", headers=HEADERS)
        assert (answer.status_code, answer.json["error"]["code"]) == (503, "unavailable")
        assert answer.headers["Retry-After"] == "5"


def test_it_says_what_to_do_about_a_body_that_is_too_large(client):
    answer = client.post("/api/v1/spool/retry", data=b" " * 70_000, headers=HEADERS)
    said = {
        "code": "request_entity_too_large",
        "message": "the body is too large: send it in several requests",
    }
    assert (answer.status_code, answer.json) == (413, {"error": said})


def test_it_reads_calls_and_conversations(reader):
    def api(path):
        return reader(path).json

    [call] = api("/calls")["calls"]
    assert (call["state"], call["duration"]) == ("missed", 2)
    assert [event["type"] for event in call["events"]] == ["call.ringing", "call.ended"]
    assert api("/calls/S1") == call | {"decisions": []}
    found = api("/conversations?text=invoice")["conversations"]
    assert [one["number"] for one in found] == ["+16500000002", "+16500000001"]
    assert api("/conversations/+16500000001/+6591110001")["messages"][0]["text"] == "Invoice #1"
    assert "Invoice" not in str(api("/conversations/+16500000001/+6591110001?mask=true"))


def test_an_event_tells_of_each_time_it_came_again(client, api):
    for words in ("once+more", "once%20more"):
        data = f"txn_ref=AA-SI-1&msg={words}&from=%2B6591110001&to=%2B6560000001"
        client.post(f"/callbacks/{KEY}/sms", data=data, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    event = api("/events/1")
    (repeat,) = event["repeated"]
    assert base64.b64decode(event["raw"]["body_base64"]).startswith(b"txn_ref=AA-SI-1&msg=once+more")
    assert base64.b64decode(repeat["raw"]["body_base64"]).startswith(b"txn_ref=AA-SI-1&msg=once%20more")
    assert repeat["raw"]["peer"] == "192.0.2.7"
    assert repeat["received_at"] >= event["received_at"]
    assert "192.0.2.7" not in str(api("/events/1?mask=true"))


def test_an_event_tells_of_a_hundred_repeats_at_most(client, api):
    for _ in range(102):
        client.post(f"/callbacks/{KEY}/sms", data={"txn_ref": "AA-SI-1", "msg": "again"})
    event = api("/events/1")
    assert (event["repeats"], len(event["repeated"])) == (101, 100)


def test_an_operator_releases_and_drops(client, api):
    for number in range(3):
        client.post(f"/callbacks/{KEY}/sms", data={"nothing": number})
    held = [event["id"] for event in api("/events?quarantined=true")["events"]]
    for what in ("release", "drop"):
        refused = client.post(f"/api/v1/quarantine/{what}", json={"ids": [*held, 999]}, headers=HEADERS)
        assert refused.status_code == 404
        assert refused.json["error"]["message"] == "there is no event 999: nothing was done"
    done = client.post("/api/v1/quarantine/release", json={"ids": held[:1]}, headers=HEADERS)
    assert done.json == {"released": 1, "merged": 0, "release": 1}
    done = client.post("/api/v1/quarantine/drop", json={"ids": held}, headers=HEADERS)
    assert done.json == {"events": 2, "repeats": 0}
    assert [event["id"] for event in api("/events")["events"]] == held[:1]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"ids": []}', b'{"ids": ["1"]}', b'{"ids": [1], "all": true}']
)
def test_it_says_what_is_wrong_with_a_body(lasting_app, body):
    answer = lasting_app.test_client().post("/api/v1/quarantine/drop", data=body, headers=HEADERS)
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "bad_request")


def test_it_says_ready_by_what_would_hold_a_callback_now(client, app, config, monkeypatch):
    monkeypatch.setattr(readiness, "SHARED", 0.0)
    assert client.get("/health/ready").json["held_by"] == "database"
    with writing(app.extensions["receiver"].engine) as connection:
        connection.execute(text("ALTER TABLE events RENAME TO hidden"))
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json["held_by"]) == (200, "spool")
    with sqlite3.connect(config.spool_dir / "spool.db") as spool:
        spool.execute("DROP TABLE arrivals")
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json["held_by"]) == (503, None)
    assert client.get("/health/live").status_code == 200


def test_nothing_private_answers_on_the_public_side(config, app):
    public = create_app(config, private=False).test_client()
    assert public.get("/api/v1/events", headers=HEADERS).status_code == 404
    private = create_app(config, public=False).test_client()
    assert private.post(f"/callbacks/{KEY}/sms", data={"msg": "x"}).status_code == 404


def test_it_logs_an_unexpected_error_without_key_or_content(app, client, caplog, monkeypatch):
    words = "what the caller wrote"

    def broken(*_):
        raise RuntimeError(words)

    monkeypatch.setattr("receiver.providers.hoiio.signature.verify", broken)
    answer = client.post(f"/callbacks/{KEY}/sms", data={"msg": "x"})
    assert answer.status_code == 500
    assert "RuntimeError" in caplog.text
    assert KEY not in caplog.text
    assert words not in caplog.text


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("from=6591110001", 200),
        ("sender=6591110001", 200),
        ("q=from:6591110001&from=6591110001", 200),
        ("from=6591110001&sender=6591110002", 400),
        ("q=quarantined:false problems:false", 200),
        ("ref=AA-SI-1&to=6560000001", 200),
    ],
)
def test_a_filter_has_the_same_name_here_as_in_the_search_language(reader, query, status):
    assert reader(f"/events?{query}").status_code == status
