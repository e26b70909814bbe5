"""The callback URLs, over HTTP: what is answered, what is kept, and what is trusted."""

import base64
import logging

import pytest
from conftest import API_TOKEN, KEY, OLD_KEY, ON_BOTH, TOKEN, make_config, on_sqlite, payload, signed, started
from sqlalchemy import select, text

from receiver.db.engine import writing
from receiver.models import Event, Repeat

database_url = on_sqlite

SMS = f"/callbacks/{KEY}/sms"
VOICE = f"/callbacks/{KEY}/voice"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
WRONG = FORM | {"X-Hoiio-Signature": "0" * 64}
VECTOR = "fab6cce8832f0a02dbc8c24988210492664f971f74a0789d573f9768d008bdc7"


@pytest.fixture
def engine(app):
    return app.extensions["receiver"].engine


@pytest.fixture
def no_spool(tmp_path):
    """A spool that cannot be opened; ask for it before the application."""
    (tmp_path / "spool" / "spool.db").mkdir(parents=True)


@pytest.fixture
def policy(database_url, tmp_path):
    """A client of an application of its own: `policy("require")`."""
    running = []

    def client(signatures: str, **settings):
        running.append(started(make_config(database_url, tmp_path, signatures=signatures, **settings)))
        return next(running[-1]).test_client()

    yield client
    for generator in running:
        next(generator, None)


def events(client, query: str = "") -> list[dict]:
    answer = client.get(f"/api/v1/events{query}", headers={"Authorization": f"Bearer {API_TOKEN}"})
    assert answer.status_code == 200
    return answer.json["events"]


def only(api) -> dict:
    """The one event there is, with its raw request."""
    (event,) = api("/events")["events"]
    return api(f"/events/{event['id']}")


def raw_body(event: dict) -> bytes:
    return base64.b64decode(event["raw"]["body_base64"])


DOCUMENTED = {
    "kind": "sms",
    "type": "sms.received",
    "txn_ref": "AA-SI-85",
    "text": "hoiio world",
    "currency": "SGD",
    "debit": "0.013",
    "tag": None,
    "repeats": 0,
    "quarantined": False,
    "quarantine_reason": None,
    "problems": [],
    "params": {
        "txn_ref": "AA-SI-85",
        "msg": "hoiio world",
        "from": "+16201234567",
        "to": "+16501234567",
        "date": "2012-10-30 12:20:50",
        "currency": "SGD",
        "debit": "0.013",
    },
}


@ON_BOTH
@pytest.mark.parametrize("where", ["body", "query", "both"])
def test_it_reads_the_documented_sms_wherever_it_travels(client, api, where):
    sms = payload("sms/documented")
    body = b"" if where == "query" else sms
    query = None if where == "body" else sms.decode()
    answer = client.post(SMS, data=body, query_string=query, headers=signed(body))
    assert answer.status_code == 200
    event = only(api)
    assert {name: event[name] for name in DOCUMENTED} == DOCUMENTED
    assert event["occurred_at"].startswith("2012-10-30T04:20:50")
    assert event["signature"] == "valid"


@ON_BOTH
@pytest.mark.parametrize(
    "body",
    [
        payload("sms/documented"),
        payload("sms/hostile"),
        payload("sms/latin1"),
        payload("signature/raw_utf8"),
        b"msg=a+b%20c%2b&&=&msg=\xff\x00\r\n ",
        bytes(range(256)),
    ],
)
def test_it_keeps_the_body_byte_for_byte(client, api, body):
    assert client.post(SMS, data=body, headers=FORM).status_code == 200
    assert raw_body(only(api)) == body


def test_it_keeps_a_multipart_body_whose_part_has_no_name(client, api):
    body = b"--edge\r\nContent-Disposition: form-data\r\n\r\nhello\r\n--edge--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=edge"}
    assert client.post(SMS, data=body, headers=headers).status_code == 200
    assert raw_body(only(api)) == body


def test_it_keeps_the_query_as_it_came(client, api):
    client.post(f"{SMS}?a=%2b+%2B&&b=%zz", data=payload("sms/documented"), headers=FORM)
    assert only(api)["raw"]["query_string"] == "a=%2b+%2B&&b=%zz"


def test_it_keeps_no_cookie_and_no_authorization(client, api):
    client.post(SMS, data=b"msg=x", headers=FORM | {"Cookie": "a=b", "Authorization": "Basic eDp5"})
    assert not {"cookie", "authorization"} & {name.lower() for name in only(api)["raw"]["headers"]}


def test_it_finds_the_signature_of_the_test_vector_valid(client, api):
    body = payload("signature/vector")
    assert client.post(VOICE, data=body, headers=FORM | {"X-Hoiio-Signature": VECTOR}).status_code == 200
    event = only(api)
    assert (event["signature"], event["quarantined"], event["type"]) == ("valid", False, "call.ringing")


def test_it_finds_a_signature_in_capitals_valid(client, api):
    body = payload("signature/vector")
    client.post(VOICE, data=body, headers=FORM | {"X-Hoiio-Signature": VECTOR.upper()})
    assert only(api)["signature"] == "valid"


def test_it_checks_the_signature_over_bytes_that_are_not_ascii(client, api):
    body = payload("signature/raw_utf8")
    client.post(SMS, data=body, headers=signed(body))
    assert only(api)["signature"] == "valid"


@pytest.mark.parametrize("signature", ["0" * 64, "x", "\xe9" * 64, VECTOR[:-1], VECTOR + "0"])
def test_it_quarantines_a_wrong_signature_and_answers_200(client, api, signature):
    headers = FORM | {"X-Hoiio-Signature": signature}
    assert client.post(VOICE, data=payload("signature/vector"), headers=headers).status_code == 200
    event = only(api)
    assert (event["signature"], event["quarantine_reason"]) == ("invalid", "signature invalid")


def test_it_quarantines_a_body_changed_after_signing(client, api):
    body = payload("sms/documented")
    client.post(SMS, data=body + b" ", headers=signed(body))
    assert only(api)["quarantine_reason"] == "signature invalid"


def test_it_accepts_and_marks_a_missing_signature_under_prefer(client, api):
    client.post(SMS, data=payload("sms/documented"), headers=FORM)
    event = only(api)
    assert (event["signature"], event["quarantined"]) == ("missing", False)


@pytest.mark.parametrize(
    ("signatures", "headers", "verdict", "reason"),
    [
        ("require", FORM, "missing", "signature missing"),
        ("require", WRONG, "invalid", "signature invalid"),
        ("require", signed(payload("sms/documented")), "valid", None),
        ("prefer", FORM, "missing", None),
        ("prefer", WRONG, "invalid", "signature invalid"),
        ("ignore", FORM, "missing", None),
        ("ignore", WRONG, "invalid", None),
        ("ignore", signed(payload("sms/documented")), "valid", None),
    ],
)
def test_it_follows_the_signature_policy(policy, signatures, headers, verdict, reason):
    client = policy(signatures)
    assert client.post(SMS, data=payload("sms/documented"), headers=headers).status_code == 200
    (event,) = events(client)
    assert (event["signature"], event["quarantine_reason"]) == (verdict, reason)


def test_it_trusts_no_signature_without_an_access_token(policy):
    client = policy("prefer", hoiio_app_id=None, hoiio_access_token=None)
    body = payload("sms/documented")
    assert client.post(SMS, data=body, headers=signed(body)).status_code == 200
    assert [event["signature"] for event in events(client)] == ["invalid"]


@ON_BOTH
def test_it_counts_a_repeat_on_its_event(client, api):
    body = payload("sms/documented")
    answers = [client.post(SMS, data=body, headers=signed(body)).status_code for _ in range(3)]
    assert answers == [200, 200, 200]
    assert only(api)["repeats"] == 2


@ON_BOTH
def test_it_keeps_the_bytes_of_a_repeat_spelled_differently(client, api, engine):
    first = payload("sms/documented")
    second = first.replace(b"hoiio+world", b"hoiio%20world")
    for body in (first, second):
        client.post(SMS, data=body, headers=signed(body))
    event = only(api)
    assert (event["repeats"], raw_body(event)) == (1, first)
    with engine.connect() as connection:
        assert connection.scalars(select(Repeat.body)).all() == [second]


@ON_BOTH
def test_it_takes_different_digits_of_one_call_for_two_events(client, api):
    first = payload("voice/gather")
    for body in (first, first.replace(b"digits=1", b"digits=2")):
        client.post(VOICE, data=body, headers=signed(body))
    assert [event["digits"] for event in api("/events")["events"]] == ["2", "1"]


@ON_BOTH
def test_it_takes_a_forged_copy_for_another_event(client, api):
    body = payload("sms/documented")
    client.post(SMS, data=body, headers=WRONG)
    client.post(SMS, data=body, headers=signed(body))
    assert [event["quarantined"] for event in api("/events")["events"]] == [False, True]


@pytest.mark.parametrize("method", ["get", "post", "head"])
@pytest.mark.parametrize(
    "key", ["wrong-key-0123456789", KEY[:-1], KEY + "x", KEY.upper(), "%C3%A9", "%FF%00"]
)
def test_it_answers_a_stranger_like_any_unknown_path(client, engine, method, key):
    ask = getattr(client, method)
    stranger, nowhere = ask(f"/callbacks/{key}/sms?msg=x"), ask(f"/no/such/{key}/sms?msg=x")
    assert (stranger.status_code, stranger.data) == (404, b"")
    assert dict(stranger.headers) == dict(nowhere.headers)
    with engine.connect() as connection:
        assert connection.scalars(select(Event.id)).all() == []


ODD_METHODS = ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "REPORT"]


@pytest.mark.parametrize("method", [*ODD_METHODS, "POST"])
@pytest.mark.parametrize("body", [b"", b"msg=x"])
def test_it_does_not_tell_a_stranger_which_methods_there_are(client, engine, method, body):
    stranger, nowhere = (
        client.open(path, method=method, data=body, headers=FORM)
        for path in ("/callbacks/wrong-key-0123456789/sms", "/no/such/path")
    )
    assert (stranger.status_code, stranger.data) == (nowhere.status_code, nowhere.data) == (404, b"")
    assert dict(stranger.headers) == dict(nowhere.headers)
    with engine.connect() as connection:
        assert connection.scalars(select(Event.id)).all() == []


@pytest.mark.parametrize("method", ODD_METHODS)
@pytest.mark.parametrize("path", ["/sms", "", "/some/where"])
def test_it_keeps_a_body_whatever_the_method(client, api, method, path):
    body = payload("sms/documented")
    answer = client.open(f"/callbacks/{KEY}{path}", method=method, data=body, headers=signed(body))
    assert answer.status_code == 200
    event = only(api)
    assert (event["raw"]["method"], raw_body(event)) == (method, body)
    assert event["quarantined"] is (path != "/sms")


@pytest.mark.parametrize("method", ODD_METHODS)
def test_it_keeps_a_query_whatever_the_method(client, api, method):
    query = payload("sms/documented").decode()
    assert client.open(SMS, method=method, query_string=query).status_code == 200
    assert (only(api)["txn_ref"], only(api)["raw"]["method"]) == ("AA-SI-85", method)


def test_it_refuses_a_body_over_the_limit_whatever_the_method(client, api):
    assert client.put(SMS, data=b"x" * (64 * 1024 + 1), headers=FORM).status_code == 413
    assert api("/events")["events"] == []


def test_it_accepts_an_old_key(client, api):
    body = payload("sms/documented")
    assert client.post(f"/callbacks/{OLD_KEY}/sms", data=body, headers=signed(body)).status_code == 200
    assert only(api)["quarantined"] is False


def test_it_refuses_a_body_over_the_limit(client, api):
    assert client.post(SMS, data=b"x" * (64 * 1024 + 1), headers=FORM).status_code == 413
    assert api("/events")["events"] == []


def test_it_takes_a_body_of_exactly_the_limit(client, api):
    body = b"msg=" + b"x" * (64 * 1024 - 4)
    assert client.post(SMS, data=body, headers=FORM).status_code == 200
    assert raw_body(only(api)) == body


@pytest.mark.parametrize("method", ODD_METHODS)
def test_it_answers_someone_checking_the_url_and_logs_nothing(client, api, method):
    assert client.open(SMS, method=method).status_code == 200
    assert api("/events")["events"] == []


def test_it_keeps_an_empty_post_and_quarantines_it(client, api):
    assert client.post(SMS).status_code == 200
    assert only(api)["quarantine_reason"] == "unreadable"


@ON_BOTH
@pytest.mark.parametrize(
    "path",
    [
        "ssm",
        "sms/extra",
        "hoiio",
        "hoiio/ssm",
        "other/sms",
        "hoiio/hoiio/sms",
        "voice.php",
        "%C3%A9",
        "%00",
        "sms%0A",
        "a/b/c/",
    ],
)
def test_it_keeps_and_quarantines_what_came_to_an_unknown_path_under_a_valid_key(client, api, path):
    body = payload("sms/documented")
    assert client.post(f"/callbacks/{KEY}/{path}", data=body, headers=signed(body)).status_code == 200
    event = only(api)
    assert event["quarantine_reason"] == "unknown callback path"
    assert raw_body(event) == body


@pytest.mark.parametrize("path", ["hoiio/sms", "sms", "sms/", "SMS", "Hoiio//Sms/", "/sms", "sms//"])
def test_it_forgives_slashes_and_capitals_in_the_url(client, api, path):
    body = payload("sms/documented")
    assert client.post(f"/callbacks/{KEY}/{path}", data=body, headers=signed(body)).status_code == 200
    event = only(api)
    assert (event["quarantined"], event["provider"], event["kind"]) == (False, "hoiio", "sms")


@pytest.mark.parametrize("path", ["", "/"])
def test_it_keeps_what_came_to_a_url_without_its_last_part(client, api, path):
    body = payload("sms/documented")
    assert client.post(f"/callbacks/{KEY}{path}", data=body, headers=signed(body)).status_code == 200
    assert raw_body(only(api)) == body


@pytest.mark.parametrize("host", ["a..b", ".", "x" * 64 + ".com", "[::1", "a:b"])
def test_it_keeps_what_came_with_a_host_that_is_none(client, api, host):
    body = payload("sms/documented")
    assert client.post(SMS, data=body, headers=signed(body) | {"Host": host}).status_code == 200
    assert raw_body(only(api)) == body


def test_it_says_which_kind_came_to_the_wrong_url(client, api):
    body = payload("fax/received")
    client.post(VOICE, data=body, headers=signed(body))
    event = only(api)
    assert (event["kind"], event["type"], event["quarantined"]) == ("fax", "fax.received", False)
    assert event["problems"] == ["came to the voice URL but reads as fax"]


@ON_BOTH
@pytest.mark.parametrize("date", ["0001-01-02 08:00:00", "9999-12-31 23:59:59", "2012-10-30 12:20:50+23:59"])
def test_it_shows_an_event_with_an_outlandish_date(client, api, date):
    body = payload("sms/documented").replace(b"2012-10-30+12%3A20%3A50", date.replace("+", "%2B").encode())
    assert client.post(SMS, data=body, headers=signed(body)).status_code == 200
    assert only(api)["params"]["date"] == date


@ON_BOTH
def test_it_answers_503_when_neither_database_nor_spool_can_hold_it(no_spool, client, engine):
    with writing(engine) as connection:
        connection.execute(text("DROP TABLE events"))
    body = payload("sms/documented")
    assert client.post(SMS, data=body, headers=signed(body)).status_code == 503


@ON_BOTH
def test_it_writes_neither_secret_nor_text_to_the_log(no_spool, client, engine, caplog):
    caplog.set_level(logging.DEBUG)
    body = payload("sms/documented")
    for headers in (signed(body), signed(body), WRONG, FORM):
        client.post(SMS, data=body, headers=headers)
    client.post(f"/callbacks/{KEY}/ssm", data=body, headers=FORM)
    client.post(f"/callbacks/{KEY[:-1]}/sms", data=body, headers=FORM)
    client.post(SMS, data=b"x" * 70_000, headers=FORM)
    with writing(engine) as connection:
        connection.execute(text("DROP TABLE events"))
    assert client.post(SMS, data=body, headers=signed(body)).status_code == 503
    assert any(record.levelno == logging.CRITICAL for record in caplog.records)  # the failure is in there
    for secret in (KEY, KEY[:-1], OLD_KEY, TOKEN, API_TOKEN, "hoiio world", "hoiio+world", "16201234567"):
        assert secret not in caplog.text
