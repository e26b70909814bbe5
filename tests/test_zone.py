"""Times on the command line: a zone is a zone, and not today's offset."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from conftest import KEY
from sqlalchemy import text

from receiver.cli.zone import LOCAL
from receiver.search.times import read_time

SUMMER, WINTER = datetime(2026, 7, 20, 10, tzinfo=UTC), datetime(2026, 1, 20, 11, tzinfo=UTC)
"""12:00 on a clock in Berlin, both; today's offset is wrong for one of them, whatever day it is."""


@pytest.fixture(params=["Europe/Berlin", ":Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3"])
def berlin(request, monkeypatch):
    with monkeypatch.context() as there:
        there.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize("noon", [SUMMER, WINTER])
def test_a_time_is_read_and_shown_by_the_offset_of_its_day(app, berlin, noon):
    client = app.test_client()
    for at in range(2):
        data = {"txn_ref": f"Z{at}", "msg": "hello", "from": "+6591110001", "to": "+6560000001"}
        assert client.post(f"/callbacks/{KEY}/sms", data=data).status_code == 200
    with app.extensions["receiver"].engine.begin() as connection:
        for at, when in enumerate((noon - timedelta(minutes=30), noon + timedelta(minutes=30)), start=1):
            asked = {"when": when.strftime("%Y-%m-%d %H:%M:%S+00:00"), "id": at}
            if connection.dialect.name == "sqlite":
                asked["when"] = asked["when"].replace("+00:00", ".000000")
            connection.execute(text("UPDATE events SET received_at = :when WHERE id = :id"), asked)
            connection.execute(text("DELETE FROM hours"))

    def run(*words: str) -> str:
        done = app.test_cli_runner().invoke(args=["events", *words])
        assert done.exit_code == 0, done.output
        return done.stdout

    name = "CEST" if noon is SUMMER else "CET"
    day = f"{noon:%Y-%m-%d}"
    found = json.loads(run("list", "--json", f"since:{day}T11:00", f"until:{day}T12:00"))["events"]
    assert [event["id"] for event in found] == [1]
    exported = run("export", "--since", f"{day}T12:00").splitlines()
    assert [json.loads(line)["id"] for line in exported] == [2]
    counted = json.loads(run("stats", "--json", f"since:{day}T12:00"))["stats"]
    assert [row["events"] for row in counted] == [1]
    listed = run("list")
    shown = "12:30" if datetime.now(UTC).year != noon.year else "12:30:00"
    heading = datetime.now(UTC).astimezone().tzname()
    assert f"received ({heading})" in listed
    assert f"{shown} {name}" in listed if name != heading else f"{shown}  sms" in listed
    assert run("stats", "kind:sms").splitlines()[-1].endswith(f"11:00 to {noon:%m-%d} 12:00  {name}")


def test_an_hour_that_comes_twice_is_shown_and_read_as_what_it_was(berlin):
    first, second = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert [f"{when.astimezone(LOCAL):%H:%M %Z}" for when in (first, second)] == ["02:30 CEST", "02:30 CET"]
    assert [when.astimezone(LOCAL).astimezone(UTC) for when in (first, second)] == [first, second]
    assert read_time("since", "02:30", first + timedelta(minutes=15), LOCAL) == first
    assert read_time("since", "02:30", second + timedelta(minutes=15), LOCAL) == second
    # The day after: the wall says the same, 25 hours later.
    assert read_time("since", "12:00", datetime(2026, 10, 25, 9, tzinfo=UTC), LOCAL) == datetime(
        2026, 10, 24, 10, tzinfo=UTC
    )
