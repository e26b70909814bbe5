"""Who handled a call, a fax or a conversation, what they noted, and what is still open."""

import html
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from conftest import API_TOKEN, KEY, ON_BOTH, make_config, on_sqlite
from test_console import form_token, signed_in

from receiver.access.scopes import Scope
from receiver.vocabulary.mask import masked_number

database_url = on_sqlite

ANNA, BEN, OURS = "+6591234567", "+6582345678", "+6560000001"
HEADERS = {"Authorization": f"Bearer {API_TOKEN}"}
MISSED, FAX, SMS = 2, 5, 6


@pytest.fixture
def config(database_url, tmp_path):
    return make_config(database_url, tmp_path, secret_key="a-secret-for-tests")


@pytest.fixture
def log(app):
    """A call that was missed (events 1 and 2), one that was answered, a fax (5), an SMS (6), a failed fax."""
    client = app.test_client()
    for kind, body in (
        ("voice", f"session=S1&txn_ref=C1&call_state=ringing&from={ANNA[1:]}"),
        ("voice", f"session=S1&txn_ref=C1&call_state=ended&duration=0&from={ANNA[1:]}"),
        ("voice", f"session=S2&txn_ref=C2&ivr_block=gather&call_state=ongoing&from={BEN[1:]}"),
        ("voice", f"session=S2&txn_ref=C2&ivr_block=hangup&call_state=ended&duration=1&from={BEN[1:]}"),
        ("fax", f"txn_ref=F1&fax_status=answered&from={BEN[1:]}&fax_url=https://files.example.com/a.pdf"),
        ("sms", f"txn_ref=M1&msg=hello&from={ANNA[1:]}"),
        ("fax", f"txn_ref=F2&fax_status=failed&from={BEN[1:]}"),
    ):
        arrive(client, kind, body)
    return client


def arrive(client, kind, body):
    assert client.post(f"/callbacks/{KEY}/{kind}?{body}&to={OURS[1:]}").status_code == 200


def found(log, search, of="events"):
    answer = log.get(f"/api/v1/{of}?q={search}", headers=HEADERS)
    assert answer.status_code == 200, answer.text
    name = {"calls": "session", "conversations": "sender"}.get(of, "id")
    return [one[name] for one in answer.json[of]]


def put(log, event_id, **change):
    return log.put(f"/api/v1/events/{event_id}/duty", json=change, headers=HEADERS)


@ON_BOTH
def test_what_nobody_has_handled_is_open_and_a_new_sms_opens_a_conversation_again(log):
    assert found(log, "is:open") == [SMS, FAX, MISSED]
    assert found(log, "is:open", "calls") == ["S1"]
    assert found(log, "-is:open", "calls") == ["S2"]
    assert found(log, "is:open", "conversations") == [ANNA]
    for event_id in (1, FAX, SMS):  # any event of the call will do
        assert put(log, event_id, handled=True).json["handled_by"] == "token API_TOKENS[0]"
    for of in ("events", "calls", "conversations"):
        assert found(log, "is:open", of) == []
    assert found(log, "is:handled") == [SMS, FAX, MISSED, 1]
    assert found(log, f"is:handled+from:{ANNA[1:]}") == [SMS, MISSED, 1]
    assert found(log, "is:handled+hello") == [SMS]
    assert found(log, "is:handled", "calls") == ["S1"]
    assert found(log, "-is:open", "calls") == ["S2", "S1"]
    assert found(log, "is:handled", "conversations") == [ANNA]
    assert found(log, "-is:handled+kind:voice") == [4, 3]
    arrive(log, "sms", f"txn_ref=M2&msg=more&from={ANNA[1:]}")
    assert found(log, "is:open", "conversations") == [ANNA]
    assert found(log, "is:open") == [8]
    assert log.get("/api/v1/conversations", headers=HEADERS).json["conversations"][0]["handled_by"] is None
    assert put(log, FAX, handled=False).json["handled_by"] is None
    assert found(log, "is:open") == [8, FAX]


def test_a_page_that_is_cut_short_says_so_and_an_export_is_whole(app, log, monkeypatch):
    monkeypatch.setattr("receiver.search.select.MOST_LOOKED_AT", 1)
    page = log.get("/api/v1/events?q=is:open", headers=HEADERS).json
    assert ([event["id"] for event in page["events"]], page["next"]) == ([SMS, FAX], "3")
    assert found(log, "is:open&before=3") == [MISSED]
    exported = log.get("/api/v1/events?q=is:open&format=ndjson&limit=3", headers=HEADERS).text
    assert [json.loads(line)["id"] for line in exported.splitlines()] == [SMS, FAX, MISSED]
    said = app.test_cli_runner().invoke(args=["events", "list", "is:open", "kind:voice"])
    assert (said.stdout, said.stderr) == (
        "",
        "not all were looked at; to go on with older ones, add --before 3\n",
    )
    client = signed_in(app, "r", Scope.READ)
    assert "Not all were looked at" in client.get("/events?q=is:open").text
    assert "Older ones may match" in client.get("/events?q=is:open+kind:voice").text


@ON_BOTH
def test_the_second_learns_who_was_first(app, run, log):
    def press(client, action, **more):
        given = {"form_token": form_token(client), "action": action, "next": "/calls/S1"} | more
        return client.post(f"/events/{MISSED}/duty", data=given)

    anna, ben = (signed_in(app, name, Scope.OPERATE) for name in ("anna", "ben"))
    with time_machine.travel(datetime.now(UTC) - timedelta(minutes=2)):
        first = press(anna, "handle")
    assert (first.status_code, first.location) == (303, "/calls/S1")
    assert press(anna, "handle").status_code == 303
    second = press(ben, "handle")
    assert (second.status_code, "anna has already handled this, 2 minutes ago." in second.text) == (409, True)
    assert put(log, MISSED, handled=True).status_code == 409
    assert "Handled by <bdi>anna</bdi>" in ben.get("/calls").text
    press(ben, "take_back")
    assert press(ben, "handle").status_code == 303
    assert json.loads(run("calls", "list", "--json"))["calls"][1]["handled_by"] == "ben"

    press(anna, "note", note="rang back <b>twice</b>\r\nno answer", before="")
    late = press(ben, "note", note="rang back", before="")
    assert (late.status_code, "anna changed the note" in late.text) == (409, True)
    assert re.search(r"<textarea[^>]*>rang back</textarea>", late.text)
    page = ben.get("/calls/S1").text
    assert "rang back &lt;b&gt;twice&lt;/b&gt;" in page
    seen = "rang back <b>twice</b>\nno answer"
    assert press(ben, "note", note="", before=seen).status_code == 303
    assert put(log, MISSED, note="x" * 2_001).status_code == 400
    assert press(ben, "note", note="x" * 2_001, before="").status_code == 400
    assert log.get(f"/api/v1/events/{MISSED}/duty", headers=HEADERS).json["note"] is None


@ON_BOTH
def test_a_program_overwrites_no_note_of_others_unseen(app, log):
    _, token = app.extensions["receiver"].tokens.create("shop", Scope.OPERATE, by="tests")
    shop = {"Authorization": f"Bearer {token}"}

    def note(text, headers=HEADERS, **more):
        given = {"json": {"note": text} | more, "headers": headers}
        return log.put(f"/api/v1/events/{MISSED}/duty", **given)

    assert [note(text).status_code for text in ("one", "two")] == [200, 200]
    late = note("three", shop, handled=True)
    assert (late.status_code, late.json["error"]["code"]) == (409, "conflict")
    assert "token API_TOKENS[0] wrote a note" in late.json["error"]["message"]
    assert note("three", shop, before="one").status_code == 409  # to handle it makes nobody its writer
    assert note("three", shop, before="two").json["note"] == "three"
    assert note("").status_code == 409
    assert note("three").status_code == 200
    assert note("", before="three").json["note"] is None
    note("four")
    done = app.test_cli_runner().invoke(args=["calls", "handled", "S1", "--undo", "--note", "five"])
    assert "token API_TOKENS[0] had noted: four" in done.stderr


def test_what_was_typed_is_kept_by_whichever_button_is_pressed(app, log):
    def press(client, action, note, before):
        given = {"form_token": form_token(client), "action": action, "note": note, "before": before}
        return client.post(f"/events/{MISSED}/duty", data=given)

    anna, ben = (signed_in(app, name, Scope.OPERATE) for name in ("anna", "ben"))
    for path in ("/calls/S1", "/events/1", f"/faxes/{FAX}", f"/events/{FAX}", f"/events/{SMS}"):
        form = re.search(r'<form[^>]*/duty".*?</form>', anna.get(path).text, re.DOTALL)
        assert form, path
        assert (path, 'name="note"' in form[0], 'value="handle"' in form[0]) == (path, True, True)
    assert press(anna, "handle", "rang back", "").status_code == 303
    late = press(ben, "handle", "I ring now", "")
    assert (late.status_code, ">I ring now</textarea>" in late.text) == (409, True)
    assert ">rang back</textarea>" in ben.get("/events/1").text
    assert press(ben, "take_back", "rang back, nobody there", "rang back").status_code == 303
    assert press(anna, "handle", "rang back", "rang back").status_code == 303  # the box was left as it was
    shown = log.get(f"/api/v1/events/{MISSED}/duty", headers=HEADERS).json
    assert (shown["handled_by"], shown["note"]) == ("anna", "rang back, nobody there")


@ON_BOTH
def test_the_overview_counts_what_is_open_and_is_red_only_while_a_missed_call_is(app, log, monkeypatch):
    arrive(log, "sms", f"txn_ref=M9&msg=again&from={ANNA[1:]}")
    olga = signed_in(app, "olga", Scope.OPERATE)

    def tile(name):
        return re.search(
            rf'<a class="card tile([^"]*)" href="([^"]+)"><span class="name">{name}<.*', olga.get("/").text
        )

    tile_open = tile("Open")
    assert ">3</span>" in tile_open[0]
    assert ">1 call, 1 fax, 1 conversation<" in tile_open[0]
    listed = olga.get(html.unescape(tile_open[2])).text
    assert [f'/events/{event_id}"' in listed for event_id in (1, MISSED, FAX, SMS)] == [
        False,
        True,
        True,
        True,
    ]
    assert tile("Missed calls")[1] == " bad"
    put(log, 1, handled=True)
    assert tile("Missed calls")[1] == ""
    assert ">2</span>" in tile("Open")[0]
    monkeypatch.setattr("receiver.web.console.tiles.MOST_READ", 1)
    assert ">many</span>" in tile("Open")[0]


def test_pages_and_lists_show_it_and_only_operators_press(app, log):
    put(log, FAX, handled=True, note="for Ben's desk")
    reader, olga = (signed_in(app, name, role) for name, role in (("r", Scope.READ), ("olga", Scope.OPERATE)))
    for path in ("/calls", "/calls/S1", "/conversations", f"/conversations/{OURS}/{ANNA}"):
        text = olga.get(path).text
        assert (path, 'value="handle"' in text) == (path, True)
        assert (path, 'value="handle"' in reader.get(path).text) == (path, False)
    for path in ("/faxes", f"/faxes/{FAX}"):
        text = reader.get(path).text
        assert "Handled by" in text
        assert "Ben&#39;s desk" in text
    assert "/events/4/duty" not in olga.get("/calls").text  # somebody was reached
    for path in ("/calls", "/faxes", "/conversations"):
        assert 'q=is:open">Open</a>' in olga.get(path).text
        assert olga.get(f"{path}?q=is:open").status_code == 200
    assert reader.post(f"/events/{FAX}/duty", data={"form_token": form_token(reader)}).status_code == 403
    data = {"form_token": form_token(olga), "action": "handle"}
    assert olga.post("/events/99/duty", data=data).status_code == 404
    reader.post("/mask", data={"form_token": form_token(reader), "on": "1", "next": "/"})
    for path in ("/faxes", f"/faxes/{FAX}", f"/events/{FAX}"):
        text = reader.get(path).text
        assert (path, "desk" in text, "Handled by <bdi>token" in text) == (path, False, True)


def test_commands_say_it_and_list_what_is_open(app, run, log):
    assert json.loads(run("calls", "--open", "--json"))["calls"][0]["session"] == "S1"
    done = json.loads(run("calls", "handled", "S1", "--note", "rang back", "--json"))
    assert (bool(done["handled_by"]), done["note"]) == (True, "rang back")
    assert re.search(rf"handled by {done['handled_by']}, .*: rang back\n", run("calls", "show", "S1"))
    assert "note" not in run("calls", "show", "S1", "--mask")
    run("conversations", "handled", OURS, ANNA, "--undo")
    run("conversations", "handled", OURS, BEN, exit_code=1)
    assert "handled" not in run("conversations")
    run("conversations", "handled", ANNA[1:], "--note", "wrote back")
    run("events", "handled", str(FAX), "--note", "on the desk")
    assert "handled by" in run("conversations", "show", ANNA, OURS).splitlines()[0]
    assert ": wrote back" in run("conversations", "show", OURS)
    for listing in ("calls", "conversations", "events"):
        heading, *lines = run(listing).splitlines()
        assert heading.endswith("handled")
        assert any(line.endswith(done["handled_by"]) for line in lines)
    shown = run("events", "show", str(FAX))
    assert re.search(r"handled_by +\w+", shown)
    assert re.search(r"note +on the desk", shown)
    run("events", "show", str(FAX), "--mask")
    arrive(log, "sms", f"txn_ref=M7&msg=me+too&from={BEN[1:]}")
    unclear = app.test_cli_runner().invoke(args=["conversations", "show", OURS])
    both = f"  {masked_number(BEN)} {masked_number(OURS)}\n"  # whole at a terminal
    assert (unclear.exit_code, both in unclear.stderr) == (1, True)
    run("events", "handled", "8")
    assert json.loads(run("events", "list", "--open", "--json"))["events"] == []
    run("calls", "handled", "S1", "--undo")
    assert json.loads(run("calls", "--open", "--json"))["calls"][0]["note"] == "rang back"
    run("calls", "handled", "nobody", exit_code=1)
    run(
        "targets",
        "add",
        "webhook",
        "shop",
        "--url",
        "https://example.com/",
        "--search",
        "is:open",
        exit_code=1,
    )


@ON_BOTH
def test_what_was_noted_goes_with_its_thing(run, log):
    for event_id in (MISSED, FAX, SMS):
        put(log, event_id, handled=True, note="secret")
    run("events", "erase", "--number", ANNA, "--yes")
    assert put(log, FAX).json["note"] == "secret"
    arrive(log, "sms", f"txn_ref=M3&msg=again&from={ANNA[1:]}")
    arrive(log, "voice", f"session=S1&txn_ref=C1&call_state=ended&duration=0&from={ANNA[1:]}")
    assert [put(log, event_id).json["note"] for event_id in (8, 9)] == [None, None]
