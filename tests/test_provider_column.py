"""The column of providers: in tables where several are in use, and always in what programs read."""

import csv
import io
import json

import pytest
from conftest import API_TOKEN, KEY, ON_BOTH, make_config, on_sqlite, payload
from test_console import signed_in
from twilio_callbacks import SETTINGS, post

from receiver.access.scopes import Scope
from receiver.search.in_use import several_in_use

database_url = on_sqlite
LISTS = ("events", "calls", "conversations", "faxes")
PAGES = ("", *LISTS, "quarantine")
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def config(database_url, tmp_path):
    return make_config(database_url, tmp_path, secret_key="a-secret-for-tests")


@pytest.fixture
def hoiio(client):
    """A call, a fax and an SMS of one provider, and one that is not trusted."""
    for kind, path in (("voice", "voice/ringing"), ("fax", "fax/received"), ("sms", "sms/documented")):
        url = f"/callbacks/{KEY}/hoiio/{kind}"
        assert client.post(url, data=payload(path), content_type=FORM).status_code == 200
    forged = {"X-Hoiio-Signature": "0" * 64}
    body, url = payload("sms/bare_plus"), f"/callbacks/{KEY}/hoiio/sms"
    assert client.post(url, data=body, content_type=FORM, headers=forged).status_code == 200


def has_column(browser, run) -> dict[str, bool]:
    shown = {page or "overview": ">Provider</th>" in browser.get(f"/{page}").text for page in PAGES}
    shown |= {f"cells of {page}": 'data-name="Provider"' in browser.get(f"/{page}").text for page in LISTS}
    shown["tail"] = 'data-name="Provider"' in browser.get("/events/tail?after=0").text
    for words in (("events",), ("calls",), ("conversations",), ("events", "quarantine")):
        shown[" ".join(words)] = "  provider  " in run(*words)
    return shown


@pytest.mark.usefixtures("hoiio")
def test_it_is_there_once_several_are_in_use(app, client, run):
    browser = signed_in(app, "olga", Scope.READ)
    assert set(has_column(browser, run).values()) == {False}
    assert post(client, "sms/received").status_code == 200
    assert set(has_column(browser, run).values()) == {True}


@pytest.mark.usefixtures("hoiio")
def test_programs_always_get_it(client, run):
    auth = {"Authorization": f"Bearer {API_TOKEN}"}
    for name in ("events", "calls", "conversations"):
        (first, *_) = client.get(f"/api/v1/{name}", headers=auth).json[name]
        assert first["provider"] == "hoiio"
        table = client.get(f"/api/v1/{name}?format=csv", headers=auth).text
        assert {row["provider"] for row in csv.DictReader(io.StringIO(table))} == {"hoiio"}
        (first, *_) = json.loads(run(name, "list", "--json"))[name]
        assert first["provider"] == "hoiio"


@ON_BOTH
def test_in_use_is_what_is_configured_and_what_the_log_has(app, client, config):
    engine = app.extensions["receiver"].engine
    only_hoiio, both = config, config.model_validate(config.model_dump() | SETTINGS)
    neither = config.model_copy(update={"hoiio_app_id": None})
    assert [several_in_use(one, engine) for one in (only_hoiio, both, neither)] == [False, True, False]
    assert post(client, "sms/received").status_code == 200
    assert [several_in_use(one, engine) for one in (only_hoiio, neither)] == [True, False]
    sms = {"txn_ref": "AA-1", "msg": "hi", "from": "+6591234567", "to": "+6565110001"}
    assert client.post(f"/callbacks/{KEY}/hoiio/sms", data=sms).status_code == 200
    assert several_in_use(neither, engine)
