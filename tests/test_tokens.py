"""Tokens: made and revoked on the command line, shown once, kept as digests, limited in scope and rate."""

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import time_machine
from conftest import API_TOKEN, make_config, started
from sqlalchemy import text

from receiver.access import bucket, tokens
from receiver.access.scopes import Scope
from receiver.db.engine import writing
from receiver.web.access import require


@pytest.fixture
def app(lasting_app):
    return lasting_app


@pytest.fixture
def name(request):
    """One that no other test takes."""
    return re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[-64:].strip("-")


@pytest.fixture
def run(app):
    def run(*words: str, exit_code: int = 0) -> str:
        done = app.test_cli_runner().invoke(args=["tokens", *words])
        assert done.exit_code == exit_code, done.output
        return done.stdout if exit_code == 0 else done.stderr

    return run


@pytest.fixture
def status(client):
    """What the API answers to a token."""

    def status(token: str, method: str = "GET", path: str = "/events?limit=1", **given) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return client.open(f"/api/v1{path}", method=method, headers=headers, **given).status_code

    return status


def test_it_is_shown_once_and_kept_as_a_digest(app, run, status, name):
    token = run("create", name).strip()
    assert status(token) == 200
    with app.extensions["receiver"].engine.connect() as connection:
        kept = str(connection.execute(text("SELECT * FROM tokens")).all())
    assert hashlib.sha256(token.encode()).hexdigest() in kept
    assert token not in kept
    assert token not in run("list")
    assert token not in run("list", "--json")


def test_a_revoked_one_opens_nothing_within_seconds(app, run, status, name):
    token = run("create", name).strip()
    assert status(token) == 200
    run("revoke", name)
    assert re.search(rf"{name} .* revoked", run("list"))
    app.extensions["receiver"].tokens._read_at = -tokens.KNOWN_FOR  # as if those seconds had passed
    assert status(token) == 401
    assert "choose another name" in run("create", name, exit_code=1)


def test_an_expired_one_opens_nothing(run, status, name):
    token = run("create", name, "--expires", "2d").strip()
    assert status(token) == 200
    with time_machine.travel(datetime.now(UTC) + timedelta(days=2, seconds=1)):
        assert status(token) == 401
        assert re.search(rf"{name} .* expired", run("list"))


@pytest.mark.parametrize(("scope", "allowed"), [("read", 403), ("operate", 200), ("admin", 200)])
def test_its_scope_decides_what_it_may_do(run, status, scope, allowed, name):
    token = run("create", name, "--scope", scope).strip()
    assert status(token) == 200
    assert status(token, "POST", "/spool/retry", json={"ids": [1]}) == allowed


def test_a_refusal_says_which_scope_it_takes(run, client, name):
    token = run("create", name).strip()
    answer = client.post(
        "/api/v1/quarantine/drop", json={"ids": [1]}, headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.json["error"] == {
        "code": "forbidden",
        "message": "this needs a token of scope operate, and this one has scope read",
    }


def test_those_of_the_settings_may_do_everything(app):
    with app.test_request_context(headers={"Authorization": f"Bearer {API_TOKEN}"}):
        assert require(Scope.ADMIN).scope is Scope.ADMIN


def _used_at(run, name):
    listed = json.loads(run("list", "--json"))["tokens"]
    return next(token["used_at"] for token in listed if token["name"] == name)


def test_the_last_use_is_noted(app, run, status, name):
    token = run("create", name).strip()
    assert _used_at(run, name) is None
    status(token)
    app.extensions["receiver"].tokens.note_uses()
    assert _used_at(run, name) is not None


def test_a_request_costs_no_query(app, run, status, monkeypatch, name):
    token = run("create", name).strip()
    status(token)
    kept = app.extensions["receiver"].tokens
    monkeypatch.setattr(kept, "_engine", None)
    for _ in range(3):
        assert kept.authorize(f"Bearer {token}", Scope.READ).name == name


def test_a_process_that_begins_while_the_database_is_away_calls_no_token_unknown(database_url, tmp_path):
    config = make_config(database_url, tmp_path)
    for app in started(config):
        _, token = app.extensions["receiver"].tokens.create("dashboard", Scope.READ, by="tests")
    for app in started(config):
        engine, ask = app.extensions["receiver"].engine, app.test_client().get
        good, none = {"Authorization": f"Bearer {token}"}, {"Authorization": "Bearer "}
        with writing(engine) as connection:
            connection.execute(text("ALTER TABLE tokens RENAME TO hidden"))
        for path in ("/api/v1/spool", "/metrics"):
            answer = ask(path, headers=good)
            assert (answer.status_code, answer.json["error"]["code"]) == (503, "unavailable")
            assert int(answer.headers["Retry-After"]) >= 1
            assert ask(path, headers=none).status_code == 401
        with writing(engine) as connection:
            connection.execute(text("ALTER TABLE hidden RENAME TO tokens"))
        assert ask("/api/v1/spool", headers=good).status_code == 200
        assert ask("/api/v1/spool", headers={"Authorization": "Bearer made-up"}).status_code == 401


@pytest.mark.parametrize(
    "words",
    [["create", "Gra fana"], ["create", ""], ["create", "x", "--expires", "soon"], ["revoke", "nobody"]],
)
def test_it_says_in_a_sentence_what_is_wrong(run, words):
    code = 2 if "--expires" in words else 1
    assert "Traceback" not in run(*words, exit_code=code)


def test_each_token_has_its_own_rate(database_url, tmp_path, monkeypatch):
    monkeypatch.setattr(bucket, "time", SimpleNamespace(monotonic=lambda: 1000.0))  # it stands still
    for app in started(
        make_config(database_url, tmp_path, api_rate=5, api_tokens=("token-one", "token-two"))
    ):
        client = app.test_client()
        ask = [client.get("/api/v1/spool", headers={"Authorization": "Bearer token-one"}) for _ in range(14)]
        assert [answer.status_code for answer in ask[:10]] == [200] * 10
        assert ask[0].headers["RateLimit-Policy"] == '"token";q=10;w=2'
        assert ask[0].headers["RateLimit"] == '"token";r=9;t=1'
        assert ask[-1].headers["RateLimit"].startswith('"token";r=0;t=')
        assert ask[-1].status_code == 429
        assert int(ask[-1].headers["Retry-After"]) >= 1
        assert ask[-1].json["error"]["code"] == "too_many_requests"
        other = client.get("/api/v1/spool", headers={"Authorization": "Bearer token-two"})
        assert other.status_code == 200
