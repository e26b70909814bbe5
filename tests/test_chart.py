"""The chart of the overview where clocks change: each bar says when it is, and counts what came then."""

import html
import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from conftest import make_config
from test_console import arrive, counted, signed_in, sms

from receiver.access.scopes import Scope

BERLIN = ZoneInfo("Europe/Berlin")
AUTUMN, SPRING = datetime(2026, 10, 25, tzinfo=BERLIN), datetime(2026, 3, 29, tzinfo=BERLIN)
"""Days of 25 and of 23 hours."""
DAY = timedelta(days=1)


@pytest.fixture
def config(database_url, tmp_path):
    return make_config(database_url, tmp_path, secret_key="a-secret-for-tests")


@pytest.fixture
def client(app):
    client = signed_in(app, "olga", Scope.READ)
    client.set_cookie("zone", "Europe/Berlin")
    return client


def come(app, *moments: datetime) -> None:
    """A call and an SMS at each of them."""
    for at, moment in enumerate(moments):
        with time_machine.travel(moment, tick=False):
            arrive(app, "voice", session=f"S{at}", txn_ref=f"AA-C-{at}", call_state="ringing")
            sms(app, "hello", f"AA-SI-{at}")


def chart(client, now: datetime, range_: str) -> tuple[list[str], list[tuple[str, int]]]:
    """The labels below the chart, and when its bars begin, with how many calls and as many SMS each counts,
    which has to be what it leads to."""
    with time_machine.travel(now, tick=False):
        page = client.get(f"/?range={range_}").text
        drawn = re.search(r'<svg class="chart on-desk".*?</svg>', page, re.DOTALL)[0]
        bars = re.findall(r'<a href="([^"]+)"[^>]*>\s*<title>(.*?): (\d+) calls?, \3 SMS</title>', drawn)
        for address, _, each in bars:
            listed = client.get(html.unescape(address)).text
            assert listed.count('class="open"') == 2 * int(each)
    labels = re.findall(r'<text x="[\d.]+" y="214">(.*?)</text>', drawn)
    return labels, [(begins, int(each)) for _, begins, each in bars]


@pytest.mark.parametrize("changed", [AUTUMN, SPRING], ids=["autumn", "spring"])
def test_days_are_those_of_the_clock_on_the_wall(app, client, changed):
    today = changed + 3 * DAY
    days = [changed + at * DAY for at in range(-1, 4)]
    come(app, *(day.replace(hour=hour, minute=30) for day in days for hour in (0, 23)))
    now = today.replace(hour=23, minute=45)
    for _ in ("not counted yet", "counted"):
        labels, bars = chart(client, now, "7d")
        assert labels == [f"{today - at * DAY:%a %-d}" for at in reversed(range(7))]
        quarters = [f"{day:%-d %b} {hour}:00" for day in days[:-1] for hour in ("00", "18")]
        assert bars == [(begins, 1) for begins in (*quarters, "00:00", "18:00")]
        labels, bars = chart(client, now, "30d")
        month = [today - at * DAY for at in reversed(range(30))]
        assert labels == [f"{day:%-d %b}" for day in month if day.weekday() == 0]
        assert bars == [(begins, 2) for begins in (*(f"{day:%-d %b} 00:00" for day in days[:-1]), "00:00")]
        counted(app)


@pytest.mark.parametrize(
    ("now", "hours", "minutes"),
    [
        # 02:20 for the second time, and 70 minutes before it, which is 02:10 for the first time.
        (AUTUMN.replace(hour=2, minute=20, fold=1), ["02:00", "02:00"], ["02:30", "02:45", "02:00", "02:15"]),
        (SPRING.replace(hour=3, minute=20), ["01:00", "03:00"], ["01:30", "01:45", "03:00", "03:15"]),
    ],
    ids=["autumn", "spring"],
)
def test_hours_and_minutes_are_those_that_went_by(app, client, now, hours, minutes):
    come(app, datetime.fromtimestamp(now.timestamp() - 70 * 60, BERLIN), now)
    assert chart(client, now, "1h") == (minutes, [(f"{now:%H:%M}", 1)])
    for _ in ("not counted yet", "counted"):
        labels, bars = chart(client, now, "24h")
        assert labels == ["06:00", "12:00", "18:00", f"{now:%a %-d}"]
        assert bars == [(hour, 1) for hour in hours]
        counted(app)
