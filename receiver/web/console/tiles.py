"""What the overview says of a range of time: its chart, and figures that lead to lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import request, url_for

from receiver import current
from receiver.search.count_calls import CallTimes, call_times, missed_calls, others
from receiver.vocabulary.kinds import EventType, Kind
from receiver.web.console import times
from receiver.web.console.chart import NARROW, RANGES, USUAL, Range, counted, drawn

_OTHERS = (EventType.FAX_RECEIVED, EventType.FAX_FAILED, EventType.SMS_RECEIVED)


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure, and the list that shows the same."""

    name: str
    value: str
    note: str
    address: str
    bad: bool = False


_Piece = tuple[datetime, str, str | None, int]
"""When, of which kind, in which call, and how often."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What came in a range. None: too much to read it."""

    calls: Sequence[CallTimes] | None
    """Each event of a call."""
    bars: list[_Piece]
    totals: Counter[str] | None
    """Faxes and SMS by type."""


def of_range() -> dict[str, Any]:
    """For the range in this page's address: chart and tiles."""
    asked = request.args.get("range", "")
    asked = asked if asked in RANGES else USUAL
    shown = RANGES[asked]
    now = datetime.now(UTC)
    first = shown.first(now.astimezone(times.zone()))
    found = _found(first, now, shown)
    bars = counted(found.bars, first, shown)
    return {
        "range": asked,
        "ranges": RANGES,
        "chart": drawn(bars, first, shown, times.zone()),
        "phone_chart": drawn(bars, first, shown, times.zone(), NARROW),
        "too_much": found.totals is None or (shown.fine and found.calls is None),
        "tiles": list(_tiles(first, shown, found)),
    }


def _found(first: datetime, now: datetime, shown: Range) -> _Found:
    calls = call_times(current.engine(), first)
    bars: list[_Piece] = [(one.at, Kind.VOICE, one.session, 1) for one in calls or ()]
    if shown.fine:
        rest = others(current.engine(), first, _OTHERS)
        bars += [(one.at, one.kind, None, 1) for one in rest or ()]
        return _Found(calls, bars, None if rest is None else Counter(one.type for one in rest))
    # Of more calls than can be read, their ringing is counted: one for each but for those whose was lost.
    wanted = {*_OTHERS, *((EventType.CALL_RINGING,) if calls is None else ())}
    totals: Counter[str] = Counter()
    for hour in current.counts().by_hour_and_type(first, now + timedelta(hours=1)):
        if hour.type in wanted:
            bars.append((hour.hour, hour.kind, None, hour.events))
            totals[hour.type] += hour.events
    return _Found(calls, bars, totals)


def _tiles(first: datetime, shown: Range, found: _Found) -> Iterator[Tile]:
    since = f"since:{first:%Y-%m-%dT%H:%MZ}"
    calls = found.calls
    missed = None if calls is None else missed_calls(current.engine(), first)
    of = "" if calls is None else f"of {_number(len({one.session for one in calls}), 'call')}"
    at = url_for("console.calls.show_list", q=f"state:missed {since}")
    yield Tile("Missed calls", _shown(missed), of, at, bool(missed))
    totals: Counter[str] = found.totals or Counter()
    read = found.totals is not None
    sms = totals[EventType.SMS_RECEIVED] if read else None
    at = url_for("console.events.show_list", q=f"type:sms.received {since}")
    yield Tile("SMS", _shown(sms), f"in {shown.words}", at)
    failed = totals[EventType.FAX_FAILED] if read else None
    arrived = f"{_number(totals[EventType.FAX_RECEIVED], 'fax', 'es')} arrived" if read else ""
    at = url_for("console.events.show_list", q=f"type:fax.failed {since}")
    yield Tile("Failed faxes", _shown(failed), arrived, at, bool(failed))
    dead = sum(current.deliveries().dead().values())
    at = url_for("console.targets.show_list")
    yield Tile("Undelivered", f"{dead:,}", "deliveries given up", at, bool(dead))


def _shown(number: int | None) -> str:
    return "many" if number is None else f"{number:,}"


def _number(number: int, word: str, plural: str = "s") -> str:
    return f"{number:,} {word}{'' if number == 1 else plural}"
