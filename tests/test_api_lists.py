"""Lists of the API: every one also as CSV and NDJSON; counts with the filters of lists."""

import csv
import io
import json

import pytest
from conftest import API_TOKEN
from test_api import fill

from receiver.web.api import lists
from receiver.web.api.lists import FORMS
from receiver.web.api.operation import OPERATIONS

HEADERS = {"Authorization": f"Bearer {API_TOKEN}"}
LISTS = {one.path.replace("{event_id}", "6"): one for one in OPERATIONS if set(one.forms) == set(FORMS)}


@pytest.fixture(scope="module")
def reader(lasting_app):
    """Asks a log that no test writes to; its last SMS begins like a formula."""
    client = lasting_app.test_client()
    fill(client, [("sms", "txn_ref=AA-SI-9&msg=%3D1%2B1&from=%2B6591110009&to=%2B16500000001")])
    return lambda path, accept="*/*": client.get(f"/api/v1{path}", headers=HEADERS | {"Accept": accept})


def rows(answer):
    return list(csv.DictReader(io.StringIO(answer.get_data().decode(), newline="")))


def test_every_list_of_the_document_has_all_forms():
    assert {one.path for one in LISTS.values()} == {
        f"/{name}"
        for name in (
            *(
                "events",
                "events/{event_id}/documents",
                "calls",
                "contacts",
                "conversations",
                "numbers",
                "findings",
            ),
            *("spool/set-aside", "targets", "deliveries", "replays", "documents"),
        )
    }


@pytest.mark.parametrize("path", LISTS)
def test_a_list_says_the_same_in_every_form(reader, path):
    listed = next(value for value in reader(path).json.values() if isinstance(value, list))
    lines = [json.loads(line) for line in reader(f"{path}?format=ndjson").text.splitlines()]
    assert [
        {**line, "params": one.get("params")} if "params" in one else line
        for line, one in zip(lines, listed, strict=True)
    ] == listed
    answer = reader(path, "text/csv")
    assert answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    assert len(rows(answer)) == len(listed)


def test_calls_and_conversations_are_safe_rows_for_spreadsheets(reader):
    [call] = rows(reader("/calls?format=csv"))
    assert (call["session"], call["sender"], call["outcome"]) == ("S1", "'+6591110001", "missed")
    assert (call["cost"], call["duration"]) == ("0.040", "2")
    assert "events" not in call
    talk = rows(reader("/conversations?format=csv&q=from:%2B6591110009"))[0]
    assert (talk["count"], talk["text"]) == ("1", "'=1+1")
    masked = rows(reader("/conversations?format=csv&mask=true"))
    assert not any("9111" in row["sender"] for row in masked)


def test_a_stream_goes_over_all_pages_and_stops_at_the_limit(reader, monkeypatch):
    all_of_it = [row["id"] for row in rows(reader("/conversations?format=csv"))]
    assert len(all_of_it) == 4
    monkeypatch.setattr(lists, "LARGEST_PAGE", 2)
    assert [row["id"] for row in rows(reader("/conversations?format=csv"))] == all_of_it
    assert [row["id"] for row in rows(reader("/conversations?format=csv&limit=3"))] == all_of_it[:3]


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ("kind=sms", {("sms", "sms.received"): 4}),
        ("q=invoice", {("sms", "sms.received"): 2}),
        ("q=kind:voice&type=call.ended", {("voice", "call.ended"): 1}),
        ("to=%2B16500000002&since=2h", {("sms", "sms.received"): 1}),
        ("kind=sms&until=2h", {}),
        ("quarantined=true", {}),
    ],
)
def test_counts_take_the_filters_of_lists(reader, query, kinds):
    told = reader(f"/stats?{query}").json
    assert {(one["kind"], one["type"]): one["events"] for one in told["kinds"]} == kinds
    assert sum(one["events"] for one in told["hours"]) == sum(kinds.values())
    assert sum(one["events"] for one in told["numbers"]) == sum(kinds.values())


def test_a_filter_that_finds_everything_counts_the_same(reader):
    kept, read = reader("/stats").json, reader("/stats?provider=hoiio").json
    assert kept["kinds"] == read["kinds"]
    assert kept["hours"] == read["hours"]
    assert kept["numbers"] == read["numbers"]


def test_counting_by_reading_has_a_limit(reader, monkeypatch):
    monkeypatch.setattr("receiver.web.api.stats.MOST_READ", 3)
    answer = reader("/stats?kind=sms")
    assert answer.status_code == 400
    assert answer.json["error"]["message"] == "since: more than 3 events match; ask for less time"


@pytest.mark.parametrize(
    ("query", "status"),
    [("since=0001-01-01&until=0001-01-02", 200), ("since=9999-12-31&until=9999-12-31T23:59", 400)],
)
def test_times_at_the_ends_of_the_calendar_are_no_failure(reader, query, status):
    assert reader(f"/stats?{query}&kind=sms").status_code == status
