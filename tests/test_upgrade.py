"""An upgrade from the last version that knew one provider: its log, its numbers, its spool.

The files in `before_providers/` were written by that version (71342bc): 16 documented callbacks, one of them
twice, one forged; one more was waiting in the spool.
"""

import gzip
import json
from pathlib import Path

import psycopg
import pytest
from conftest import API_TOKEN, KEY, make_config, payload, signed
from sqlalchemy import text

from receiver.app import create_app
from receiver.db import schema
from receiver.db.engine import SchemaError, writing

BEFORE = Path(__file__).parent / "before_providers"


@pytest.fixture
def upgraded(empty_database_url, tmp_path):
    """The application on that version's database and spool."""
    if empty_database_url.startswith("sqlite"):
        path = Path(empty_database_url.removeprefix("sqlite:///"))
        path.write_bytes(gzip.decompress((BEFORE / "sqlite.db.gz").read_bytes()))
    else:
        with psycopg.connect(empty_database_url, autocommit=True) as connection:
            connection.execute(gzip.decompress((BEFORE / "postgresql.sql.gz").read_bytes()))
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "spool.db").write_bytes(gzip.decompress((BEFORE / "spool.db.gz").read_bytes()))
    app = create_app(make_config(empty_database_url, tmp_path))
    parts = app.extensions["receiver"]
    with pytest.raises(SchemaError, match="0009"):
        schema.require_schema(parts.engine)
    schema.upgrade(parts.engine)
    yield app
    parts.recorder.close(5)
    parts.engine.dispose()


def events(app) -> list[dict]:
    answer = app.test_client().get("/api/v1/events", headers={"Authorization": f"Bearer {API_TOKEN}"})
    assert answer.status_code == 200
    return answer.json["events"]


def test_it_keeps_every_event_and_says_that_it_was_the_one_provider_there_was(upgraded):
    before = json.loads((BEFORE / "events.json").read_text())
    after = events(upgraded)
    assert {event.pop("provider") for event in after} == {"hoiio"}
    assert {event.pop("fax_pages") for event in after if event["kind"] == "fax"} == {None}
    new = ("sender_name", "seconds", "forwarded_from", "attestation", "error_code", "contact")
    assert {event.pop(name) for event in after for name in new if name in event} == {None}
    assert [event.pop("media") for event in after if event["kind"] == "sms"] == [[]] * sum(
        event["kind"] == "sms" for event in after
    )
    for event in (*before, *after):
        event.pop("received_at")  # the two databases were filled one after the other
    assert after == before


def test_it_knows_a_callback_again_that_came_before(upgraded):
    body = payload("sms/documented")
    client = upgraded.test_client()
    for path in ("sms", "hoiio/sms"):
        assert client.post(f"/callbacks/{KEY}/{path}", data=body, headers=signed(body)).status_code == 200
    (event,) = (event for event in events(upgraded) if event["params"].get("msg") == "hoiio world")
    assert event["repeats"] == 3


def test_it_drains_the_spool_that_was_left(upgraded):
    parts = upgraded.extensions["receiver"]
    assert parts.spool.state().waiting == 1
    assert parts.spool.drain(parts.writer).moved == 1
    newest = events(upgraded)[0]
    assert (newest["text"], newest["provider"], newest["quarantined"]) == ("from the spool", "hoiio", False)
    assert parts.spool.state().waiting == 0


def test_it_still_knows_numbers_and_what_setup_did(upgraded):
    headers = {"Authorization": f"Bearer {API_TOKEN}"}
    (number,) = upgraded.test_client().get("/api/v1/numbers", headers=headers).json["numbers"]
    assert (number["number"], number["provider"]) == ("+14152341237", "hoiio")
    with upgraded.extensions["receiver"].engine.connect() as connection:
        steps = connection.execute(text("SELECT provider, action, number FROM setup_steps")).all()
    assert [tuple(step) for step in steps] == [("hoiio", "subscribe", "+14152341237")]


def test_the_version_before_goes_on_writing_while_it_runs(upgraded):
    columns = "identity, arrival, kind, type, received_at, signature, method, peer, query_string, headers"
    values = "'x', 'x', 'sms', 'sms.received', '2026-01-01', 'valid', 'POST', '', :empty, :empty"
    row = text(f"INSERT INTO events ({columns}, body) VALUES ({values}, :body)")
    with writing(upgraded.extensions["receiver"].engine) as connection:
        connection.execute(row, {"empty": b"", "body": b"msg=late"})
    assert events(upgraded)[0]["provider"] == "hoiio"
