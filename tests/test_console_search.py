"""What helps to search on the console: help, words that may come next, the form, saved searches."""

import html
import re
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from conftest import ON_BOTH, make_config, on_sqlite
from sqlalchemy import func, insert, select
from test_console import NUMBER, Outline, form_token, signed_in, sms

from receiver.access import saved_searches
from receiver.access.scopes import Scope
from receiver.access.users import Users
from receiver.db.engine import writing
from receiver.models import NumberRow, SavedSearch
from receiver.search.filters import FILTERS, WORDS
from receiver.search.query import Search

database_url = on_sqlite


@pytest.fixture
def config(database_url, tmp_path):
    return make_config(
        database_url, tmp_path, secret_key="a-secret-for-tests", public_url="http://127.0.0.1/"
    )


@pytest.fixture
def client(app):
    return signed_in(app, "olga", Scope.READ)


@pytest.fixture
def ours(app):
    """A number that is known to be ours."""
    values = {"provider": "hoiio", "number": NUMBER, "country": "SG", "state": "active"}
    with writing(app.extensions["receiver"].engine) as connection:
        connection.execute(insert(NumberRow).values(values | {"checked_at": datetime.now(UTC)}))
    return NUMBER


def led_to(answer) -> str:
    """The search that a list is asked for."""
    assert answer.status_code == 303, answer.text
    return parse_qs(urlsplit(answer.location).query).get("q", [""])[0]


def keep(client, name: str, q: str, list_: str = "events"):
    given = {"form_token": form_token(client), "list": list_, "name": name, "q": q}
    return client.post("/search/saved", data=given)


def kept(client, list_: str = "events") -> dict[str, str]:
    """The saved searches that a list shows: address by name."""
    page = client.get(f"/{list_}").text
    found = re.search(r'aria-label="Saved searches">(.*?)</nav>', page)
    return (
        {name: at for at, name in re.findall(r'href="([^"]+)"[^>]*><bdi>(.*?)</bdi>', found[1])}
        if found
        else {}
    )


def mask(client) -> None:
    client.post("/mask", data={"form_token": form_token(client), "on": "1"})


def test_the_help_explains_each_filter_by_an_example_that_runs(client):
    page = html.unescape(client.get("/search/help").text)
    for one in FILTERS:
        assert one.says in page
        Search.parse(one.example, calls=one.calls)
    for example in (*(one.example for one in FILTERS), *(one.example for one in WORDS)):
        link = re.search(rf'<a href="([^"]*)"><code>{re.escape(example)}</code>', page)[1]
        assert client.get(link).status_code == 200, example
    for path in ("/", "/calls", "/replays"):
        assert 'href="/search/help"' in client.get(path).text, path


def test_the_words_that_may_come_next_can_all_be_searched_for(client, ours):
    for name in ("events", "calls"):
        found = {one["name"]: one for one in client.get(f"/search/words?list={name}").json}
        assert ("outcome:" in found) is (name == "calls")
        assert found["kind:"]["values"] == ["kind:voice", "kind:fax", "kind:sms"]
        assert found["to:"]["values"] == [f"to:{ours}"]
        for one in found.values():
            assert one["says"]
            for text in one["values"] or [one["name"] if one["name"][-1] != ":" else ""]:
                Search.parse(text, calls=name == "calls")
    assert client.get("/search/words?list=nothing").status_code == 400
    mask(client)
    assert ours not in client.get("/search/words").text + client.get("/events").text


@pytest.mark.parametrize(
    ("given", "search"),
    [
        ({"kind": "sms", "text": "page four"}, "kind:sms page four"),
        ({"sender": "+65 9123 4567", "problems": "false"}, 'from:"+65 9123 4567" -has:problems'),
        ({"since": "2026-01-30", "until": "2026-01-31"}, "since:2026-01-30 until:2026-02-01"),
        ({"list": "calls", "outcome": "no answer"}, 'outcome:"no answer"'),
        ({"kind": "fax", "rest": "kind:sms session:S1"}, "kind:fax session:S1"),
        ({"rest": "is:wrong", "colour": "red"}, "is:wrong"),
        ({"sender": 'x" kind:sms'}, 'from:"x  kind:sms"'),
        ({}, ""),
    ],
)
def test_a_filled_in_form_becomes_a_search(client, given, search):
    assert led_to(client.get("/search/build", query_string=given)) == search


def test_the_form_says_what_is_searched_for_and_loses_nothing(client):
    client.set_cookie("zone", "Asia/Singapore")
    search = "kind:sms from:+6591234567 since:2026-01-30 until:2026-02-01 ref:AA-1 hello"
    page = client.get("/events", query_string={"q": search}).text
    form = re.search(r'<form class="card build".*?</form>', page, re.DOTALL)[0]
    given = dict(re.findall(r'<input[^>]*name="(\w+)"[^>]*value="([^"]*)"', form))
    given |= dict(re.findall(r'<select name="(\w+)">.*?<option value="(\w+)" selected>', form))
    assert (given["since"], given["until"], given["rest"]) == ("2026-01-30", "2026-01-31", "ref:AA-1")
    built = led_to(client.get("/search/build", query_string=given))
    assert Search.parse(built) == Search.parse(search)
    assert 'name="rest" value="since:1h"' in client.get("/events?q=since:1h+kind:sms").text


@ON_BOTH
def test_a_search_is_saved_run_renamed_replaced_and_deleted(client, app):
    sms(app, "hello")
    assert keep(client, " Mr  <Tan> ", "from:+6591234567 since:1h").status_code == 303
    assert keep(client, "Lost", "state:missed", "calls").status_code == 303
    assert (kept(client, "faxes"), list(kept(client, "calls"))) == ({}, ["Lost"])
    (name, address), *more = kept(client).items()
    assert (name, more, "6591234567" in address) == ("Mr &lt;Tan&gt;", [], False)
    assert led_to(client.get(address)) == "from:+6591234567 since:1h"
    keep(client, "Mrs Tan", "from:+6591234567 since:1h")
    assert list(kept(client)) == ["Mrs Tan"]
    keep(client, "Mrs Tan", "from:+6591234567")
    (address,) = kept(client).values()
    assert led_to(client.get(address)) == "from:+6591234567"
    shown = client.get(client.get(address).location).text
    assert re.search(r'aria-current="true"><bdi>Mrs Tan', shown)
    given = {"form_token": form_token(client), "list": "events"}
    other = signed_in(app, "eve", Scope.READ)
    assert (kept(other), other.get(address).status_code) == ({}, 404)
    other.post(f"{address}/delete", data=given | {"form_token": form_token(other)})
    assert list(kept(client)) == ["Mrs Tan"]
    assert "was deleted" in client.post(f"{address}/delete", data=given, follow_redirects=True).text
    assert kept(client) == {}
    Users(app.extensions["receiver"].engine).remove("olga", by="tests")
    with app.extensions["receiver"].engine.connect() as connection:
        assert connection.scalar(select(func.count(SavedSearch.id))) == 0


def test_what_cannot_be_saved_is_said(client, monkeypatch):
    monkeypatch.setattr(saved_searches, "MOST", 2)
    for name, q, said in (
        ("", "kind:sms", "a name of 1 to 60"),
        ("x" * 61, "kind:sms", "a name of 1 to 60"),
        ("all", "", "no search to save"),
        ("odd", "kind:telegram state:mist", "use one of voice, fax, sms. state:"),
    ):
        answer = keep(client, name, q)
        assert (answer.status_code, said in html.unescape(answer.text)) == (400, True), name
    assert [keep(client, str(number), f"ref:{number}").status_code for number in range(3)] == [303, 303, 400]
    assert "You have 2 saved searches" in keep(client, "9", "ref:9", "calls").text
    assert keep(client, "0", "ref:9").status_code == 303
    assert client.post("/search/saved", data={"list": "events", "name": "a", "q": "b"}).status_code == 400


def test_a_saved_search_keeps_its_numbers_from_those_who_mask(client):
    searches = {"Tan 6591234567": "from:+6591234567", "Text": "invoice", "Missed": "state:missed since:1h"}
    for name, search in searches.items():
        keep(client, name, search)
    mask(client)
    page = client.get("/events").text
    assert "Saved searches" in page
    assert "91234567" not in page
    run = {name: client.get(address) for name, address in kept(client).items()}
    assert [answer.status_code for answer in run.values()] == [303, 403, 403]
    assert led_to(run["Missed"]) == searches["Missed"]
    assert "Turn the mask off first" in run["Text"].text


def test_the_pages_keep_their_outline(client, ours):
    keep(client, "A", "kind:sms")
    for path in ("/search/help", "/events?q=kind:sms", "/calls?q=state:x+kind:y", "/faxes", "/conversations"):
        page = Outline(client.get(path).text)
        assert page.tags.count("h1") == 1, path
        assert len(page.ids) == len(set(page.ids)), path
        assert set(page.labels) <= set(page.ids), path
