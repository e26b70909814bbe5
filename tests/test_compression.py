"""Answers of the private side are compressed where that is worth it, and never what streams or a callback."""

import gzip
import re

import pytest
from conftest import API_TOKEN, KEY, make_config, started
from test_console import signed_in

from receiver.access.scopes import Scope

GZIP = {"Accept-Encoding": "br, gzip"}
TOKEN = {"Authorization": f"Bearer {API_TOKEN}"}


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """A browser that is signed in, before a log with a few events."""
    path = tmp_path_factory.mktemp("compressed")
    config = make_config(f"sqlite:///{path}/receiver.db", path, secret_key="k" * 32, api_rate=100_000)
    for app in started(config):
        client = signed_in(app, "olga", Scope.OPERATE)
        for at in range(5):
            body = {"txn_ref": f"AA-SI-{at}", "msg": "hello", "from": "+6591110001", "to": "+16500000001"}
            assert client.post(f"/callbacks/{KEY}/sms", data=body, headers=GZIP).status_code == 200
        yield client


@pytest.mark.parametrize("path", ["/events", "/api/v1/events", "/api/v1/openapi.json"])
def test_pages_and_json_are_compressed_for_who_takes_it(people, path):
    plain = people.get(path, headers=TOKEN)
    assert "Content-Encoding" not in plain.headers
    assert "Accept-Encoding" in plain.headers["Vary"]
    answer = people.get(path, headers=TOKEN | GZIP)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.content_length == len(answer.data) < len(plain.data) / 2
    assert _without_tokens(gzip.decompress(answer.data)) == _without_tokens(plain.data)
    assert people.get(path, headers=TOKEN | {"Accept-Encoding": "gzip;q=0"}).data[:1] in {b"<", b"{"}


def _without_tokens(page: bytes) -> bytes:
    return re.sub(rb'name="form_token" value="\w+"', b"", page)


@pytest.mark.parametrize("path", ["/api/v1/events?format=csv", "/api/v1/calls?format=ndjson", "/health/live"])
def test_streams_and_short_answers_are_not(people, path):
    assert "Content-Encoding" not in people.get(path, headers=TOKEN | GZIP).headers


def test_a_callback_is_answered_as_ever(people):
    answer = people.post(f"/callbacks/{KEY}/sms", data={"txn_ref": "AA-SI-9", "msg": "x"}, headers=GZIP)
    assert answer.status_code == 200
    assert not {"Content-Encoding", "Vary"} & {name for name, _ in answer.headers}


def test_a_script_and_what_it_imports_may_be_kept_for_a_year(people):
    [script] = re.findall(r'src="(/static/\w+/console\.js)"', people.get("/events").text)
    plain, answer = people.get(script), people.get(script, headers=GZIP)
    assert gzip.decompress(answer.data) == plain.data
    for name in re.findall(r'from "\./(\w+\.js)"', plain.text):
        beside = people.get(script.replace("console.js", name))
        assert beside.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_the_length_of_a_page_and_its_token_tell_nothing(people):
    lengths = {people.get("/api/v1/openapi.json", headers=GZIP).content_length for _ in range(20)}
    assert len(lengths) > 5
    tokens = [re.findall(r'name="form_token" value="(\w+)"', people.get("/account").text) for _ in range(2)]
    assert len(set(tokens[0])) == 1
    assert tokens[0][0] != tokens[1][0]
    for token in tokens:
        assert people.post("/mask", data={"form_token": token[0], "on": "0"}).status_code == 303
    for wrong in ("", "zz", "0" * 64, "0" * 128, tokens[0][0][:-2], tokens[0][0][:64] + tokens[1][0][64:]):
        assert people.post("/mask", data={"form_token": wrong, "on": "0"}).status_code == 400
