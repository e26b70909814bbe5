"""Exports, and a hostile SMS on its way through every form in which a program or a terminal shows it."""

import csv
import io
import json
import unicodedata

import pytest
from conftest import API_TOKEN, KEY
from twilio_callbacks import FORM, payload

from receiver.export.export import ALL_FIELDS, Form, export
from receiver.search.events import event_json
from receiver.search.query import Search
from receiver.vocabulary.kinds import Kind
from receiver.vocabulary.mask import masked_text
from receiver.vocabulary.printable import printable_lines

HEADERS = {"Authorization": f"Bearer {API_TOKEN}"}
NUMBER = "+16500000001"

HOSTILE = {
    "markup": "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><b>",
    "formula": '=HYPERLINK("http://example.com","click")',
    "plus": "+1+cmd|' /C calc'!A0",
    "minus": "-2+3",
    "at": "@SUM(A1:A9)",
    "tab": "\t=1+1",
    "return": "\r=1+1",
    "spaces": " \u00a0\u3000=1+1",
    "unseen": "\u200b\ufeff=1+1",
    "fullwidth": "\uff1d1+1 \uff0b1 \uff0d1 \uff20SUM",
    "later line": "hello\n=1+1\r\n+2",
    "other separators": "hello;=1+1|@x\t-3",
    "quotes": '";=1+1;"',
    "zeros": "0042",
    "date": "1-2",
    "direction": "\u202egpj.exe\u2066 abc \u2069 \u200f",
    "escapes": "\x1b[2J\x1b]0;owned\x07\x9b31m\x08\x7f",
    "nul": "a\x00b",
    "emoji": "👩‍👩‍👧‍👦 谢谢 🇸🇬 Ω",
    "long": "x" * 10_000,
    "newline": "\n\n=1",
}


@pytest.fixture(params=HOSTILE.keys())
def hostile(lasting_app, request):
    """Everything that a sender can write freely, written so; gives who sent it, and what."""
    written = HOSTILE[request.param]
    sender = f"+65911{list(HOSTILE).index(request.param):05}"
    data = {"txn_ref": sender, "from": sender, "to": NUMBER, "msg": written, "tag": written[:200]}
    assert lasting_app.test_client().post(f"/callbacks/{KEY}/sms", data=data).status_code == 200
    return sender, written.replace("\x00", "\ufffd")


def ask(client, path):
    answer = client.get(f"/api/v1{path}", headers=HEADERS)
    assert answer.status_code == 200
    return answer


def steering(text: str) -> set[str]:
    """Characters that a terminal or a reader's eye would be steered by."""
    lines = text.replace("\r\n", "\n").replace("\n", "")
    return {c for c in lines if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}} - {"\u200d"}


def starts_formula(cell: str) -> bool:
    """Whether a spreadsheet could take the cell, or what follows a break in it, for a formula."""
    starts = [cell]
    for mark in "\n\t;|":
        starts += [part for start in starts for part in start.split(mark)[1:]]
    for start in starts:
        seen = start.lstrip().lstrip('"\u200b\u200c\u200d\u200e\u200f\u2060\ufeff').lstrip()
        if unicodedata.normalize("NFKC", seen[:1]) in {"=", "+", "-", "@"}:
            return True
    return cell[:1] in {"\t", "\r", "\n"}


def test_a_hostile_sms_is_harmless_in_every_form(lasting_app, hostile):
    client = lasting_app.test_client()
    sender, written = hostile
    only = f"sender=%2B{sender[1:]}"
    [event] = ask(client, f"/events?{only}").json["events"]
    assert event["text"] == written
    assert event["tag"] == written[:200]

    line = ask(client, f"/events?format=ndjson&{only}").text
    assert printable_lines(line) == line
    assert line.count("\n") == 1
    assert json.loads(line)["text"] == written

    answer = ask(client, f"/events?format=csv&{only}")
    [heading, row] = csv.reader(io.StringIO(answer.get_data().decode(), newline=""))
    assert heading == list(ALL_FIELDS)
    assert [cell for cell in row if starts_formula(cell)] == []
    cells = dict(zip(heading, row, strict=True))
    assert cells["sender"] == f"'{sender}"
    assert cells["recipient"] == f"'{NUMBER}"
    assert steering(answer.text) == set()

    by, id = f"from:{sender}", str(event["id"])
    for words in (
        *(
            ["events", "list", by],
            ["events", "show", id],
            ["events", "list", by, "--json"],
            ["events", "export", by],
        ),
        *(
            ["events", "list", by, "--csv"],
            ["events", "list", by, "--ndjson"],
            ["events", "show", id, "--json"],
        ),
        *(["conversations", by], ["conversations", "show", NUMBER, sender]),
    ):
        shown = lasting_app.test_cli_runner().invoke(args=words)
        assert shown.exit_code == 0, words
        assert steering(shown.stdout) == set(), words


@pytest.fixture
def logged(client):
    for kind, body in [
        (
            "sms",
            "txn_ref=AA-SI-1&msg=hello&from=%2B6591110001&to=%2B16500000001&date=2026-01-01+10:00:00&debit=0.013",
        ),
        ("sms", "txn_ref=AA-SI-2&msg=again&from=%2B6591110002&to=%2B16500000001"),
        ("voice", "txn_ref=AA-C-1&session=S1&call_state=ringing&from=%2B6591110001&to=%2B6560000001"),
        (
            "voice",
            "txn_ref=AA-C-1&session=S1&call_state=ended&duration=2&debit=-0.040&rate=0.02&currency=SGD",
        ),
        ("fax", "txn_ref=AA-C-2&fax_status=failed&fax_error_code=busy&from=%2B6591110003&to=%2B6560000002"),
        ("sms", "nothing=known"),
    ]:
        assert client.post(f"/callbacks/{KEY}/{kind}?{body}").status_code == 200


@pytest.fixture
def parts(app):
    return app.extensions["receiver"]


@pytest.mark.parametrize("wanted", [Search(), Search(sender="+6591110001"), Search(quarantined=False)])
def test_json_lines_say_what_the_api_says(parts, logged, wanted):
    lines = "".join(export(parts.engine, wanted, Form.NDJSON)).splitlines()
    shown = [event_json(event) for event in parts.log.every(wanted)]
    assert [json.loads(line) for line in lines] == [
        {name: value for name, value in document.items() if name != "params"} for document in shown
    ]
    assert len(lines) > 1


PICTURES = "https://api.twilio.com/2010-04-01/Accounts/AC51000000000000000000000000000001/Messages/MM01/Media"


@pytest.mark.parametrize("more", ["", "&fields=media,problems,params", "&fields=media,raw", "&fields=media"])
@pytest.mark.parametrize("mask", [False, True])
def test_the_files_of_a_message_are_lines_of_one_cell(client, logged, more, mask):
    body = payload("sms/pictures")
    client.post(f"/callbacks/{KEY}/twilio/sms", data=body, content_type=FORM)
    answer = ask(client, f"/events?format=csv&kind=sms&mask={str(mask).lower()}{more}")
    first, *others = csv.DictReader(io.StringIO(answer.get_data().decode(), newline=""))
    shown = ("https://••••",) * 2 if mask else (f"{PICTURES}/ME01", f"{PICTURES}/ME02")
    types = ("image/jpeg", "application/pdf")
    assert first["media"].splitlines() == [
        f"{masked_text(type) if mask else type} {url}" for type, url in zip(types, shown, strict=True)
    ]
    assert {row["media"] for row in others} == {""}
    assert len(others) == 3


def test_fields_are_chosen_and_ordered(client, logged):
    rows = list(
        csv.reader(io.StringIO(ask(client, "/events?format=csv&fields=sender,id,params&kind=fax").text))
    )
    assert rows[0] == ["sender", "id", "params"]
    assert rows[1][:2] == ["'+6591110003", "5"]
    assert json.loads(rows[1][2])["fax_error_code"] == "busy"
    line = json.loads(ask(client, "/events?format=ndjson&fields=raw,text&limit=1").text)
    assert set(line) == {"raw", "text"}
    assert ask(client, "/events?fields=id,text&kind=fax").json["events"] == [{"id": 5, "text": None}]


@pytest.mark.parametrize("fields", [ALL_FIELDS, (*ALL_FIELDS, "params")])
@pytest.mark.parametrize("wanted", [Search(), Search(kind=Kind.SMS)])
def test_batches_meet_without_a_gap(parts, logged, monkeypatch, wanted, fields):
    monkeypatch.setattr("receiver.export.export.BATCH", 2)
    all_of_it = [event.id for event in parts.log.every(wanted)]

    def ids(**given):
        pieces = export(parts.engine, wanted, Form.NDJSON, fields=fields, **given)
        return [json.loads(line)["id"] for line in "".join(pieces).splitlines()]

    assert ids() == all_of_it
    assert ids(limit=3) == all_of_it[:3]
    assert ids(before=all_of_it[0]) == all_of_it[1:]


@pytest.mark.parametrize(
    ("accept", "begins"),
    [("text/csv", "id,received_at"), ("application/x-ndjson", '{"id":6'), ("application/json", '{"events"')],
)
def test_the_accept_header_chooses_the_form(client, logged, accept, begins):
    answer = client.get("/api/v1/events", headers=HEADERS | {"Accept": accept})
    assert answer.mimetype == accept
    assert answer.text.startswith(begins)


def test_amounts_are_numbers_but_never_begin_with_a_sign(client, logged):
    rows = csv.DictReader(io.StringIO(ask(client, "/events?format=csv").text))
    assert [row["debit"] for row in rows if row["debit"]] == ["'-0.040", "0.013"]


@pytest.mark.parametrize("written", ["0042", "12345678901234567890", "1-2", "1e5", "10:30", "+6591110001"])
def test_a_spreadsheet_keeps_what_looks_like_a_number(lasting_app, written):
    client = lasting_app.test_client()
    data = {"session": f"S{written}", "call_state": "ongoing", "digits": written}
    client.post(f"/callbacks/{KEY}/voice", data=data)
    [row] = csv.DictReader(io.StringIO(ask(client, "/events?format=csv&kind=voice&limit=1").text))
    assert row["digits"] == f"'{written}"


@pytest.mark.parametrize("form", [*Form])
def test_masked_nothing_of_it_can_be_read(parts, logged, form):
    text = "".join(export(parts.engine, Search(), form, mask=True))
    assert "6591110001" not in text
    assert "hello" not in text


def test_a_file_is_whole_private_and_marked_for_excel(app, logged, tmp_path):
    path = tmp_path / "events.csv"
    done = app.test_cli_runner().invoke(args=["events", "export", "kind:sms", "--csv", "-o", str(path)])
    assert done.exit_code == 0, done.output
    assert path.read_bytes().startswith(b"\xef\xbb\xbfid,received_at")
    assert path.stat().st_mode & 0o077 == 0
    assert [entry.name for entry in tmp_path.iterdir() if "events.csv" in entry.name] == ["events.csv"]
