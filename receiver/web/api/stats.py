"""How many events there are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from flask import Response, jsonify

from receiver import current
from receiver.search.additions import hour_of
from receiver.search.count_matching import TooManyEvents, count_matching
from receiver.search.counts import HourOfKind, NumberTotal, TypeTotal
from receiver.search.events import iso
from receiver.search.index_lag import counts_lag, words_lag
from receiver.search.query import Search
from receiver.web.api import stats_shapes
from receiver.web.api.index_lag import index_lag_json
from receiver.web.api.operation import BadRequest, Given, operation
from receiver.web.api.parameters import FILTERS, SEARCH, search_of

MOST_READ = 200_000
"""The most events that are read to count those that a filter finds: a second or two."""
_HOUR, _DAY = timedelta(hours=1), timedelta(hours=24)
_LONGEST = timedelta(days=92)
_TIMES = {
    "since": "From the hour of this time on; 24 hours ago by default.",
    "until": "Up to the hour of this time; now by default.",
}


@operation(
    "/stats",
    "Count events",
    stats_shapes.Stats,
    parameters=(
        *(replace(one, describes=_TIMES.get(one.name, one.describes)) for one in FILTERS),
        SEARCH,
    ),
)
def show_stats(given: Given) -> Response:
    """Trusted events by hour, kind and type between two times, and by number. Without a filter, the numbers
    are those of the whole log, and asking costs the same however many events there are. With one, all that
    matches between the times is read, up to 200,000 events, and counted by number, too. Our own tests are
    counted only if `type=test` asks for them, and quarantined events only if `quarantined=true` does."""
    wanted, now = search_of(given), datetime.now(UTC)
    since, until = wanted.since or now - _DAY, wanted.until or now
    if until - since > _LONGEST:
        raise BadRequest(f"since: at most {_LONGEST.days} days before until")
    filters = wanted.without("since", "until")
    if filters in {Search(), Search(quarantined=False)}:
        counts = current.counts()
        hours, kinds = counts.by_hour(since, until), counts.by_kind(since, until)
        numbers, lag = counts.by_number(), counts_lag(current.engine(), until)
    else:
        # Whole hours, as the counts have them: a filter that finds everything finds the same.
        end = hour_of(min(until, now))
        end = end + _HOUR if end < until else end
        filters = replace(filters, since=hour_of(since), until=end, quarantined=bool(filters.quarantined))
        try:
            found = count_matching(current.engine(), filters, most=MOST_READ)
        except TooManyEvents:
            raise BadRequest(f"since: more than {MOST_READ:,} events match; ask for less time") from None
        hours, kinds, numbers = found.hours, found.totals, found.numbers
        lag = words_lag(current.engine(), filters)
    return jsonify(
        since=iso(since),
        until=iso(until),
        hours=[_hour(one) for one in hours],
        kinds=[_total(one) for one in kinds],
        numbers=[_number(one) for one in numbers],
        not_indexed=index_lag_json(lag),
    )


def _hour(one: HourOfKind) -> dict[str, object]:
    return {"hour": iso(one.hour), "kind": one.kind, "events": one.events}


def _total(one: TypeTotal) -> dict[str, object]:
    return {"kind": one.kind, "type": one.type, "events": one.events}


def _number(one: NumberTotal) -> dict[str, object]:
    return {"number": one.number, "events": one.events, "last_at": iso(one.last_at)}
