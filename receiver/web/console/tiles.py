"""What the overview says of a range of time: its chart, and figures that lead to lists."""

from __future__ import annotations

from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import request, url_for

from receiver import current
from receiver.duty.things import Thing, item_of
from receiver.search.count_calls import MOST_READ, Calls, count_calls, count_others, ended_calls
from receiver.search.query import Search
from receiver.vocabulary.kinds import EventState, EventType, Kind
from receiver.web.console import times
from receiver.web.console.chart import NARROW, RANGES, USUAL, Counts, Range, drawn

_MOST_OPEN = 200
"""Events that are read to count what is open; above it, the tile says that there is more."""
_OTHERS = (EventType.FAX_RECEIVED, EventType.FAX_FAILED, EventType.SMS_RECEIVED)


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure, and the list that shows the same."""

    name: str
    value: str
    note: str
    address: str
    bad: bool = False


@dataclass(frozen=True, slots=True)
class _Found:
    """What came in a range. None: too much to read it."""

    bars: Counts
    calls: Calls | None
    totals: Counter[str] | None
    """Faxes and SMS by type."""


def of_range() -> dict[str, Any]:
    """For the range in this page's address: chart and tiles."""
    asked = request.args.get("range", "")
    asked = asked if asked in RANGES else USUAL
    shown = RANGES[asked]
    now = datetime.now(UTC)
    edges = shown.edges(now.astimezone(times.zone()))
    begins = [edge.astimezone(UTC) for edge in edges[:-1]]
    found = _by_minutes(begins) if shown.fine else _by_hours(begins, now)
    return {
        "range": asked,
        "ranges": RANGES,
        "chart": drawn(found.bars, edges, shown),
        "phone_chart": drawn(found.bars, edges, shown, NARROW),
        "too_much": shown.fine and (found.totals is None or found.calls is None),
        "tiles": list(_tiles(begins[0], shown, found)),
    }


def _by_minutes(begins: Sequence[datetime]) -> _Found:
    bars: Counts = defaultdict(Counter)
    calls = _calls(begins, bars)
    rest = count_others(current.engine(), begins, _OTHERS)
    totals: Counter[str] = Counter()
    for one in rest or ():
        bars[one.bar][one.kind] += one.events
        totals[one.type] += one.events
    return _Found(bars, calls, None if rest is None else totals)


def _by_hours(begins: Sequence[datetime], now: datetime) -> _Found:
    bars: Counts = defaultdict(Counter)
    hours = current.counts().by_hour_and_type(begins[0], now + timedelta(hours=1))
    many = sum(one.events for one in hours if one.kind == Kind.VOICE) > MOST_READ
    calls = None if many else _calls(begins, bars)
    # Of more calls than can be read, their ringing is counted: one for each but for those whose was lost.
    wanted = {*_OTHERS, *((EventType.CALL_RINGING,) if calls is None else ())}
    totals: Counter[str] = Counter()
    for one in hours:
        if one.type in wanted:
            bars[max(0, bisect(begins, one.hour) - 1)][one.kind] += one.events
            totals[one.type] += one.events
    return _Found(bars, calls, totals)


def _calls(begins: Sequence[datetime], bars: Counts) -> Calls | None:
    """The calls, which are added to the bars."""
    calls = count_calls(current.engine(), begins)
    for at, number in calls.bars.items() if calls else ():
        bars[at][Kind.VOICE] += number
    return calls


def _tiles(first: datetime, shown: Range, found: _Found) -> Iterator[Tile]:
    since = f"since:{first:%Y-%m-%dT%H:%MZ}"
    yield _open(first, since, shown, found)
    calls = found.calls
    of = "" if calls is None else f"of {_number(calls.number, 'call')}"
    for state, name in ((EventState.MISSED, "Missed calls"), (EventState.VOICEMAIL, "Voicemails")):
        count = None if calls is None else ended_calls(current.engine(), state, first)
        at = url_for("console.calls.show_list", q=f"state:{state} {since}")
        bad = state is EventState.MISSED and bool(count) and _any_open(state, first)
        yield Tile(name, _shown(count), of, at, bad)
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


def _open(first: datetime, since: str, shown: Range, found: _Found) -> Tile:
    """What waits for somebody: a call and a conversation once, whatever there is of them."""
    at = url_for("console.events.show_list", q=f"is:open {since}")
    # Where nearly all is handled or answered, each event would be looked at until enough are found.
    if found.calls is None or found.totals is None or found.totals.total() > MOST_READ:
        return Tile("Open", _shown(None), f"in {shown.words}", at)
    wanted = Search(open=True, since=first)
    events = list(current.event_log().every(wanted, _MOST_OPEN + 1))
    things = {item.place for event in events if (item := item_of(event)) is not None}
    counts = Counter(thing for thing, _ in things)
    kinds = ((Thing.CALL, "call", "s"), (Thing.FAX, "fax", "es"), (Thing.CONVERSATION, "conversation", "s"))
    note = ", ".join(_number(counts[kind], word, plural) for kind, word, plural in kinds if counts[kind])
    more = "+" if len(events) > _MOST_OPEN else ""
    return Tile("Open", f"{len(things):,}{more}", note or f"nothing waits, in {shown.words}", at)


def _any_open(state: EventState, first: datetime) -> bool:
    wanted = Search(kind=Kind.VOICE, state=state, open=True, since=first)
    return bool(current.event_log().ids(wanted, limit=1))


def _shown(number: int | None) -> str:
    return "many" if number is None else f"{number:,}"


def _number(number: int, word: str, plural: str = "s") -> str:
    return f"{number:,} {word}{'' if number == 1 else plural}"
