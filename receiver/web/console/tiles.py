"""What the overview says of a range of time: its chart, and figures that lead to lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import request, url_for

from receiver import current
from receiver.search.count_calls import CallTimes, call_times, missed_calls
from receiver.vocabulary.kinds import EventType, Kind
from receiver.web.console import times
from receiver.web.console.chart import NARROW, RANGES, Range, counted, drawn


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure, and the list that shows the same."""

    name: str
    value: str
    note: str
    address: str
    bad: bool = False


def of_range() -> dict[str, Any]:
    """For the range in this page's address, which is the first if there is none: chart and tiles."""
    asked = request.args.get("range", "")
    asked = asked if asked in RANGES else next(iter(RANGES))
    shown = RANGES[asked]
    now = datetime.now(UTC)
    first = shown.first(now.astimezone(times.zone()))
    calls = call_times(current.engine(), first)
    bars = counted(_happened(first, now, calls), first, shown)
    return {
        "range": asked,
        "ranges": RANGES,
        "chart": drawn(bars, first, shown, times.zone()),
        "phone_chart": drawn(bars, first, shown, times.zone(), NARROW),
        "tiles": list(_tiles(first, shown, calls)),
    }


def _happened(
    first: datetime, now: datetime, calls: Sequence[CallTimes] | None
) -> Iterator[tuple[datetime, str, str | None, int]]:
    for one in calls or ():
        yield one.at, Kind.VOICE, one.session, 1
    # Of more calls than can be read, their ringing is counted: one for each but for those whose was lost.
    voice = (EventType.CALL_RINGING,) if calls is None else ()
    wanted = {*voice, EventType.FAX_RECEIVED, EventType.FAX_FAILED, EventType.SMS_RECEIVED}
    for hour in current.counts().by_hour_and_type(first, now + timedelta(hours=1)):
        if hour.type in wanted:
            yield hour.hour, hour.kind, None, hour.events


def _tiles(first: datetime, shown: Range, calls: Sequence[CallTimes] | None) -> Iterator[Tile]:
    since = f"since:{first:%Y-%m-%dT%H:%MZ}"
    totals = {total.type: total.events for total in current.counts().by_kind(first)}
    missed = None if calls is None else missed_calls(current.engine(), first)
    of = "" if calls is None else f"of {_number(len({one.session for one in calls}), 'call')}"
    at = url_for("console.calls.show_list", q=f"state:missed {since}")
    yield Tile("Missed calls", "many" if missed is None else f"{missed:,}", of, at, bool(missed))
    sms = totals.get(EventType.SMS_RECEIVED, 0)
    at = url_for("console.events.show_list", q=f"type:sms.received {since}")
    yield Tile("SMS", f"{sms:,}", f"in {shown.words}", at)
    failed, arrived = totals.get(EventType.FAX_FAILED, 0), totals.get(EventType.FAX_RECEIVED, 0)
    at = url_for("console.events.show_list", q=f"type:fax.failed {since}")
    yield Tile("Failed faxes", f"{failed:,}", f"{_number(arrived, 'fax', 'es')} arrived", at, bool(failed))
    dead = sum(current.deliveries().dead().values())
    at = url_for("console.targets.show_list")
    yield Tile("Undelivered", f"{dead:,}", "deliveries given up", at, bool(dead))


def _number(number: int, word: str, plural: str = "s") -> str:
    return f"{number:,} {word}{'' if number == 1 else plural}"
