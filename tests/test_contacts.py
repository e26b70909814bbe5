"""Contacts: a name for a number, kept, read from address books, searched for, and shown everywhere."""

import csv
import io
import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from conftest import API_TOKEN, KEY, ON_BOTH, make_config, on_sqlite
from sqlalchemy import insert, text
from test_console import form_token, signed_in
from waiting import until

from receiver.access.scopes import Scope
from receiver.contacts.book import Book
from receiver.contacts.reading import read
from receiver.models import CONTACTS
from receiver.search import select

database_url = on_sqlite

ANNA, BEN, OURS = "+6591234567", "+6582345678", "+6560000001"
HEADERS = {"Authorization": f"Bearer {API_TOKEN}"}


@pytest.fixture
def config(database_url, tmp_path):
    return make_config(database_url, tmp_path, secret_key="a-secret-for-tests")


@pytest.fixture
def log(app):
    """A call and an SMS by Anna, a fax by Ben."""
    client = app.test_client()
    for kind, body in (
        ("voice", f"session=S1&txn_ref=C1&call_state=ringing&from={ANNA[1:]}&to={OURS[1:]}"),
        ("voice", f"session=S1&txn_ref=C1&call_state=ended&duration=0&from={ANNA[1:]}&to={OURS[1:]}"),
        ("sms", f"txn_ref=M1&msg=hello&from={ANNA[1:]}&to={OURS[1:]}"),
        ("fax", f"txn_ref=F1&fax_status=failed&from={BEN[1:]}&to={OURS[1:]}"),
    ):
        assert client.post(f"/callbacks/{KEY}/{kind}?{body}").status_code == 200
    return client


def names(run):
    return {one["number"]: one["name"] for one in json.loads(run("contacts", "list", "--json"))["contacts"]}


# Reading files.

GOOGLE = (
    "First Name,Last Name,Organization Name,E-mail 1 - Value,Phone 1 - Label,Phone 1 - Value,"
    "Phone 2 - Value\n"
    f"Anna,Tan,Tan & Partners,a@example.com,Mobile,{ANNA} ::: +65 6123 4567,\n"
    ",,Harbour Café,,Work,,+65 6765 4321\n"
    "Cher,,,c@example.com,,,\n"
)
OUTLOOK = (
    f'"Title";"First Name";"Last Name";"Business Phone";"Mobile Phone"\n"";"Ben";"Ong";"{BEN}";"{BEN}"\n'
)
CARDS = (
    "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Anna\\, the\r\n  one\r\n"
    'item1.TEL;VALUE=uri;TYPE="cell,voice":tel:+65-9123-4567;ext=1\r\nEND:VCARD\r\n'
    "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Ong;Ben;;Dr;\r\nthis is no line\r\n"
    "TEL:8234 5678\r\nTEL:call me\r\nEND:VCARD\r\n"
    "BEGIN:VCARD\r\nVERSION:2.1\r\nFN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:J=C3=BC=\r\nrgen\r\n"
    "TEL;CELL:+4915112345678\r\nBEGIN:VCARD\r\nFN:Nobody's\r\nEND:VCARD\r\n"
)


@pytest.mark.parametrize(
    ("content", "entries", "without"),
    [
        (f"number,name\n'{ANNA},Anna\n", {ANNA: "Anna"}, 0),
        ("\ufeffName\tTelephone\nAnna\t0065 9123-4567\n", {ANNA: "Anna"}, 0),
        (GOOGLE, {ANNA: "Anna Tan", "+6561234567": "Anna Tan", "+6567654321": "Harbour Café"}, 1),
        (OUTLOOK, {BEN: "Ben Ong"}, 0),
        ('name,number\n"Anna\nTan",91234567\n', {ANNA: "Anna Tan"}, 0),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_tables_of_any_address_book_are_read(content, entries, without, encoding):
    found = read(content.encode(encoding), "65")
    assert {one.number: one.name for one in found.entries} == entries
    assert (found.without_number, found.problems) == (without, [])


def test_cards_of_all_versions_are_read_and_a_broken_line_costs_only_itself():
    found = read(CARDS.encode(), "65")
    assert {one.number: one.name for one in found.entries} == {
        ANNA: "Anna, the one",
        BEN: "Dr Ben Ong",
        "+4915112345678": "Jürgen",
    }
    assert found.without_number == 1
    assert [(one.line, one.reason) for one in found.problems] == [
        (12, "'call me' is no telephone number: write it as +6591234567")
    ]


def test_what_cannot_be_read_is_reported_by_line(run, tmp_path):
    file = tmp_path / "book.csv"
    file.write_text(
        f'name,number\nAnna,{ANNA}\n"two\nlines",12x\nBen,0301234\n,{BEN}\nEve,{ANNA}\nAnna,{ANNA}\n'
    )
    told = json.loads(run("contacts", "import", str(file), "--dry-run", "--json", exit_code=1))
    assert (told["dry_run"], told["added"], names(run)) == (True, 1, {})
    assert [(one["line"], one["reason"].split(":")[0]) for one in told["problems"]] == [
        (3, "'12x' is no telephone number"),
        (5, "'0301234' says no country"),
        (6, "a contact needs a name"),
        (7, "this number has another name already, in line 2"),
    ]
    run("contacts", "import", str(file), exit_code=1)
    assert names(run) == {ANNA: "Anna"}


@pytest.mark.parametrize(
    "content", [b"", b"\x00\xff\xfe", b"colour,size\nred,1\n", b"name,colour\nAnna,red\n"]
)
def test_a_file_of_something_else_is_refused(app, content):
    result = app.test_cli_runner().invoke(args=["contacts", "import", "-"], input=content)
    assert result.exit_code == 1
    assert "Traceback" not in result.output


# Keeping them.


@ON_BOTH
def test_a_contact_is_added_renamed_found_and_removed(app, run, log):
    run("contacts", "add", "9123 4567", "  Änna\tTan ")  # all our numbers are in one country
    assert names(run) == {ANNA: "Änna Tan"}
    put = log.put(f"/api/v1/contacts/{BEN}", json={"name": "100% Ben"}, headers=HEADERS)
    assert put.json["number"] == BEN
    assert log.put("/api/v1/contacts/nobody", json={"name": "x"}, headers=HEADERS).status_code == 400
    for part, found in (("ANNA", 1), ("0% b", 1), ("%", 1), ("_", 0), ("8234", 1), ("", 2)):
        listed = json.loads(run("contacts", "list", part, "--json"))["contacts"]
        assert (part, len(listed)) == (part, found)
    page = log.get("/api/v1/contacts?limit=1", headers=HEADERS).json
    assert [one["name"] for one in page["contacts"]] == ["100% Ben"]
    rest = log.get(f"/api/v1/contacts?before={page['next']}&format=csv", headers=HEADERS).text
    assert [row["name"] for row in csv.DictReader(io.StringIO(rest))] == ["Änna Tan"]
    assert log.delete(f"/api/v1/contacts/{BEN}", headers=HEADERS).status_code == 200
    assert log.delete(f"/api/v1/contacts/{BEN}", headers=HEADERS).status_code == 404
    run("contacts", "add", ANNA, "Anna")
    assert names(run) == {ANNA: "Anna"}
    run("contacts", "remove", ANNA)
    assert names(run) == {}
    nobody = app.test_cli_runner().invoke(args=("contacts", "remove", ANNA))
    assert "+65••••4567 has no name: " in nobody.stderr


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_of_two_who_name_a_number_at_once_the_later_has_it(app):
    """On SQLite one waits for the other before it looks."""
    engine, there = app.extensions["receiver"].engine, Book(app.extensions["receiver"].engine)
    waiting = text(
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND transactionid = pg_current_xact_id()::xid"
    )
    with ThreadPoolExecutor() as pool, engine.connect() as first:
        now = datetime.now(UTC)
        row = {"number": ANNA, "name": "Anna", "folded": "anna", "made_at": now, "changed_at": now}
        first.execute(insert(CONTACTS).values(row))
        second = pool.submit(there.put, ANNA, "Ann")
        until(lambda: first.scalar(waiting))
        first.commit()
        kept, new = second.result()
    assert (kept.name, new, there.names([ANNA])) == ("Ann", False, {ANNA: "Ann"})


@ON_BOTH
def test_a_name_is_in_all_that_programs_get(run, log):
    run("contacts", "add", ANNA, "Anna Tan")

    def ask(path):
        return log.get(f"/api/v1{path}", headers=HEADERS)

    assert {one["contact"] for one in ask("/events").json["events"]} == {"Anna Tan", None}
    assert ask("/events/1").json["contact"] == "Anna Tan"
    assert ask("/events?fields=contact&kind=sms").json["events"] == [{"contact": "Anna Tan"}]
    assert ask("/calls").json["calls"][0]["contact"] == "Anna Tan"
    assert ask("/conversations").json["conversations"][0]["contact"] == "Anna Tan"
    for form in ("csv", "ndjson"):
        assert ask(f"/events?format={form}").text.count("Anna Tan") == 3
        assert ask(f"/events?format={form}&mask=true").text.count("Anna") == 0
    assert "Anna" not in ask("/calls?mask=true").text
    assert "Anna" not in ask("/contacts?mask=true").text
    for command in ("events", "calls", "conversations"):
        assert f"{ANNA}  Anna Tan" in run(command, "list")
        assert "Anna" not in run(command, "list", "--mask")


@ON_BOTH
def test_contact_finds_what_came_from_all_numbers_of_that_name(monkeypatch, run, log):
    run("contacts", "add", ANNA, "Anna Tan")
    run("contacts", "add", BEN, "Ben Tan")

    def found(path):
        answer = log.get(f"/api/v1{path}", headers=HEADERS)
        return [one["id"] for one in answer.json["events"]] if answer.status_code == 200 else answer.json

    assert found("/events?contact=tan") == [4, 3, 2, 1]
    assert found("/events?contact=tan&limit=2") == [4, 3]
    assert found("/events?q=contact:anna+kind:sms") == [3]
    assert found(f"/events?q=contact:tan+from:{ANNA[1:]}+hello") == [3]
    assert found("/events?contact=nobody") == []
    calls = log.get("/api/v1/calls?contact=ANNA", headers=HEADERS).json["calls"]
    assert [one["session"] for one in calls] == ["S1"]
    conversations = log.get("/api/v1/conversations?contact=anna", headers=HEADERS).json["conversations"]
    assert len(conversations) == 1
    monkeypatch.setattr(select, "MOST_NAMED", 1)
    assert "write more of it" in found("/events?contact=tan")["error"]["message"]


def test_erasing_a_number_takes_its_name_along(run, log):
    run("contacts", "add", ANNA, "Anna Tan")
    run("contacts", "add", BEN, "Ben Tan")
    done = json.loads(run("events", "erase", "--number", ANNA, "--yes", "--json"))
    assert (done["events"], done["contacts"]) == (3, 1)
    assert names(run) == {BEN: "Ben Tan"}
    run("contacts", "add", ANNA, "Anna Tan")  # nothing else is known of her
    assert json.loads(run("events", "erase", "--number", ANNA, "--yes", "--json"))["contacts"] == 1
    assert names(run) == {BEN: "Ben Tan"}


# The console.

PAGES = (
    "/",
    "/events",
    "/events/1",
    "/calls",
    "/calls/S1",
    "/conversations",
    f"/conversations/{OURS}/{ANNA}",
)


def test_every_page_says_the_name_and_a_mask_hides_it(app, run, log):
    run("contacts", "add", ANNA, "Anna <b>Tan")
    client = signed_in(app, "olga", Scope.READ)
    for path in (*PAGES, "/contacts"):
        text = client.get(path).text
        assert (path, "Anna &lt;b&gt;Tan" in text, "<b>Tan" in text) == (path, True, False)
    client.post("/mask", data={"form_token": form_token(client), "on": "1", "next": "/"})
    for path in (*PAGES, "/contacts", "/contacts/1", "/contacts.csv"):
        assert (path, "Anna" in client.get(path).text) == (path, False)


def test_an_operator_keeps_contacts_on_the_page_and_a_reader_looks(app, run, log):
    client = signed_in(app, "olga", Scope.OPERATE)
    asks = re.search(r'href="(/contacts\?number[^"]*)"', client.get("/calls/S1").text)[1].replace(
        "&amp;", "&"
    )
    assert f'value="{ANNA}"' in client.get(asks).text
    token = form_token(client)
    given = {"form_token": token, "number": ANNA, "name": "Anna", "next": "/calls/S1"}
    assert client.post("/contacts", data=given).location == "/calls/S1"
    wrong = client.post("/contacts", data=given | {"number": "12x"})
    assert (wrong.status_code, "is no telephone number" in wrong.text) == (400, True)
    assert client.post("/contacts/1", data={"form_token": token, "name": "Anna Tan"}).status_code == 303
    assert client.post("/contacts/1", data={"form_token": token, "name": " "}).status_code == 400
    large = f"name,number\nBen,{BEN}\nEve,nowhere\n" + "x,\n" * 40_000  # more than any other form may be
    told = client.post(
        "/contacts/file",
        data={"form_token": token, "file": (io.BytesIO(large.encode()), "book.csv")},
        content_type="multipart/form-data",
    ).text
    assert "1 added, 0 renamed, 0 known already, 40,000 without a number, 1 not read." in told
    assert "Line 3" in told
    assert names(run) == {ANNA: "Anna Tan", BEN: "Ben"}
    assert f"'{ANNA}" in client.get("/contacts.csv").text
    client.post("/contacts/1", data={"form_token": token, "action": "remove"})
    assert names(run) == {BEN: "Ben"}

    reader = signed_in(app, "rita", Scope.READ)
    data = given | {"form_token": form_token(reader)}
    for path in ("/contacts", "/contacts/2", "/contacts/file"):
        assert reader.post(path, data=data).status_code == 403
