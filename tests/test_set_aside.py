"""Callbacks that the database refused, on the console and in the API: looked at, tried again, dropped."""

import logging
import re
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote_plus, urlencode

import pytest
from conftest import API_TOKEN, make_config
from sqlalchemy import insert, text
from test_console import SENDER, form_token, signed_in
from test_metrics import scrape
from test_recorder import arrival

from receiver.access.scopes import Scope
from receiver.cli.main import root
from receiver.db.engine import writing
from receiver.models import Process
from receiver.search.query import Search
from receiver.vocabulary.distrust import SIGNATURE_INVALID

HEADERS = {"Authorization": f"Bearer {API_TOKEN}"}
HOSTILE = "<script>alert(1)</script>\u202e\x1b[31m"


@pytest.fixture
def config(database_url, tmp_path):
    return make_config(database_url, tmp_path, secret_key="a-secret-for-tests", api_rate=100_000)


@pytest.fixture
def parts(app):
    return app.extensions["receiver"]


@pytest.fixture
def client(app):
    return signed_in(app, "olga", Scope.OPERATE)


@pytest.fixture
def refuse(parts):
    """Let the database refuse SMS, these among them: `refuse(an_sms("AA-SI-1"))`."""

    def run(*arrivals):
        parts.spool.put(arrivals)
        _forbid(parts.engine)
        while parts.spool.drain(parts.writer):
            pass
        assert parts.spool.state().set_aside == len(arrivals)

    return run


def an_sms(ref: str):
    form = urlencode({"txn_ref": ref, "msg": f"hello {HOSTILE}", "from": SENDER, "to": "+16501234567"})
    return arrival(ref, body=form.encode(), headers=b"Content-Type: text/html\r\nX-<b>: 1")


def _forbid(engine):
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE events ADD CONSTRAINT ck CHECK (kind <> 'sms') NOT VALID"))
        else:
            connection.execute(
                text("CREATE TRIGGER ck BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'refused'); END")
            )


def allow(engine):
    with writing(engine) as connection:
        undo = "ALTER TABLE events DROP CONSTRAINT ck"
        connection.execute(text(undo if engine.dialect.name == "postgresql" else "DROP TRIGGER ck"))


def test_nothing_leads_to_the_page_while_nothing_is_set_aside(client):
    for path in ("/", "/events", "/quarantine"):
        assert 'href="/spool"' not in client.get(path).text
    assert "Nothing is set aside." in client.get("/spool").text


def test_every_page_leads_there_once_something_is(client, refuse):
    refuse(an_sms("AA-SI-1"))
    for path in ("/events", "/quarantine"):
        assert 'href="/spool"' in client.get(path).text
    overview = client.get("/").text
    assert "1 callback was set aside: the database refuses it." in overview
    assert "1 set aside" in overview


def test_everything_that_tells_what_needs_attention_tells_of_it(app, refuse):
    client, runner = app.test_client(), app.test_cli_runner()
    refuse(an_sms("AA-SI-1"))
    (found,) = client.get("/api/v1/findings", headers=HEADERS).json["findings"]
    assert (found["code"], found["mend"]) == ("set-aside", "receiver spool list")
    assert scrape(client)["receiver_findings{code=set-aside,severity=warning}"] == 1
    assert runner.invoke(root, ["doctor", "--json"]).stdout.count('"set-aside"') == 1


def test_the_list_gives_the_reason_and_is_paged(client, refuse):
    refuse(*(an_sms(f"AA-SI-{number}") for number in range(102)))
    page = client.get("/spool").text
    assert "refused" in page or "violates check constraint" in page
    assert '<td role="cell">Hoiio</td>' in page
    assert [f'href="/spool/{position}"' in page for position in (2, 3, 102)] == [False, True, True]
    older = client.get(re.search(r'href="([^"]+)" rel="next"', page)[1]).text
    assert [f'href="/spool/{position}"' in older for position in (1, 2, 3)] == [True, True, False]
    assert 'rel="next"' not in older


def test_one_shows_its_request_harmlessly_and_masked_for_those_who_mask(client, refuse):
    refuse(an_sms("AA-SI-1"))
    page = client.get("/spool/1").text
    assert f"msg={quote_plus('hello ' + HOSTILE)}" in page
    assert "<dd>Hoiio</dd>" in page
    assert quote_plus(SENDER) in page
    assert "<script>alert" not in page
    client.post("/mask", data={"form_token": form_token(client), "on": "1"})
    masked = client.get("/spool/1").text
    assert "The body is masked." in masked
    assert "hello" not in masked
    assert SENDER[1:] not in masked


def test_one_that_is_not_trusted_says_what_that_means(app, client, refuse):
    refuse(replace(an_sms("AA-SI-1"), distrust=SIGNATURE_INVALID))
    shown = app.test_cli_runner().invoke(args=["spool", "show", "1"]).stdout
    for told in (client.get("/spool/1").text, shown):
        assert "signature invalid" in told
        assert "Somebody else sent it" in told


def test_raw_bytes_that_are_no_text_do_nothing(client, refuse):
    refuse(arrival("AA-SI-1", body=f"\xff\x00 {HOSTILE}".encode(), query=b"a=<b>\x1b"))
    page = client.get("/spool/1").text
    assert "<script>alert" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "a=&lt;b&gt;" in page


@pytest.mark.parametrize("path", ["/spool/9", f"/spool/{2**63}"])
def test_what_is_not_set_aside_has_no_page(client, path):
    assert client.get(path).status_code == 404


def test_they_are_tried_again_and_dropped_after_a_question(client, parts, refuse, caplog):
    refuse(an_sms("AA-SI-1"), an_sms("AA-SI-2"))
    given = {"form_token": form_token(client, "/spool")}
    assert "Nothing was selected." in decide(client, given | {"action": "drop"})
    asked = client.post("/spool", data=given | {"action": "drop", "id": "2"}).text
    assert "Drop 1 callback?" in asked
    assert parts.spool.state().set_aside == 2
    with caplog.at_level(logging.WARNING):
        dropped = decide(client, given | {"action": "drop", "id": "2", "sure": "yes"})
    assert "Dropped 1 callback for good." in dropped
    assert "olga" in caplog.text
    allow(parts.engine)
    assert "1 callback waits for the database again." in decide(
        client, given | {"action": "retry", "id": "1"}
    )
    parts.spool.drain(parts.writer)
    assert [event.txn_ref for event in parts.log.find(Search()).events] == ["AA-SI-1"]
    assert client.post("/spool", data=given | {"action": "x", "id": "1"}).status_code == 400


def decide(client, given: dict[str, str]) -> str:
    return client.post("/spool", data=given, follow_redirects=True).text


def test_who_may_only_read_looks_but_decides_nothing(app, parts, refuse):
    refuse(an_sms("AA-SI-1"))
    reader = signed_in(app, "rita", Scope.READ)
    assert 'name="id"' not in reader.get("/spool").text + reader.get("/spool/1").text
    given = {"form_token": form_token(reader), "action": "drop", "id": "1", "sure": "yes"}
    answer = reader.post("/spool", data=given)
    assert answer.status_code == 403
    assert parts.spool.state().set_aside == 1


def test_it_says_whose_spool_this_is_where_several_machines_serve(client, parts):
    assert "Each machine has its own" not in client.get("/spool").text
    with writing(parts.engine) as connection:
        there = {"name": "other-host:7:abcd", "keys": [], "seen_at": datetime.now(UTC)}
        connection.execute(insert(Process).values(there))
    page = client.get("/spool").text
    assert "Each machine has its own" in page
    assert "other-host" in page


def test_a_spool_that_cannot_be_used_is_a_sentence_on_the_page_and_in_the_api(app, client, config):
    config.spool_dir.joinpath("spool.db").unlink(missing_ok=True)
    config.spool_dir.joinpath("spool.db").mkdir(parents=True)
    page = client.get("/spool")
    assert page.status_code == 503
    assert "The spool cannot be used" in page.text
    assert client.get("/events").status_code == 200
    answer = app.test_client().get("/api/v1/spool/set-aside", headers=HEADERS)
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "5"
    (found,) = app.test_client().get("/api/v1/findings", headers=HEADERS).json["findings"]
    assert (found["code"], found["severity"]) == ("spool", "error")


def test_the_api_lists_shows_tries_again_and_drops(app, parts, refuse):
    refuse(an_sms("AA-SI-1"), an_sms("AA-SI-2"), an_sms("AA-SI-3"))
    client = app.test_client()

    def ask(path: str, **body):
        method = client.post if body else client.get
        return method(f"/api/v1/spool{path}", headers=HEADERS, **({"json": body} if body else {})).json

    first = ask("/set-aside?limit=2")
    assert [one["id"] for one in first["set_aside"]] == [3, 2]
    assert "raw" not in first["set_aside"][0]
    last = ask(f"/set-aside?limit=2&before={first['next']}")
    assert ([one["id"] for one in last["set_aside"]], last["next"]) == ([1], None)
    assert ask("/set-aside/1")["raw"]["headers"] != ask("/set-aside/1?mask=true")["raw"]["headers"]
    assert ask("/set-aside/9")["error"]["code"] == "not_found"
    assert ask("/drop", ids=[2, 3, 99]) == {"dropped": 2}
    assert ask("/retry", ids=[1]) == {"retried": 1}
    allow(parts.engine)
    parts.spool.drain(parts.writer)
    assert [event.txn_ref for event in parts.log.find(Search()).events] == ["AA-SI-1"]


@pytest.mark.parametrize("path", ["/retry", "/drop"])
def test_a_token_that_may_only_read_decides_nothing(app, parts, path):
    token = parts.tokens.create("reader", Scope.READ, by="tests")[1]
    given = {"json": {"ids": [1]}, "headers": {"Authorization": f"Bearer {token}"}}
    assert app.test_client().post(f"/api/v1/spool{path}", **given).status_code == 403
