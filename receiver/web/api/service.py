"""The account's numbers, the counts, and the state of the service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import Response, jsonify

from receiver import current
from receiver.numbers import findings
from receiver.numbers import known as numbers
from receiver.search.events import iso
from receiver.search.index_lag import counts_lag
from receiver.search.values import SearchError, read_time
from receiver.web.api import shapes
from receiver.web.api.index_lag import index_lag_json
from receiver.web.api.operation import BadRequest, Given, Parameter, operation

_HOURS = timedelta(hours=24)
_LONGEST = timedelta(days=92)


@operation("/numbers", "List the account's numbers", shapes.Numbers)
def list_numbers(_: Given) -> Response:
    """The numbers as the provider last reported them; this operation does not ask it again."""
    known = numbers.read(current.engine())
    return jsonify(
        numbers=[
            {
                "number": one.number,
                "provider": one.provider,
                "country": one.country,
                "state": one.state,
                "capabilities": sorted(one.capabilities),
                "mode": one.routes.mode,
                "expires_on": None if one.expires_on is None else one.expires_on.isoformat(),
                "auto_extend": one.auto_extend,
                "checked_at": iso(one.checked_at),
            }
            for one in known.numbers
        ],
        checked_at=iso(known.checked_at),
    )


@operation(
    "/stats",
    "Count events",
    shapes.Stats,
    parameters=(
        Parameter("since", "From the hour of this time on; 24 hours ago by default."),
        Parameter("until", "Up to the hour of this time; now by default."),
    ),
)
def show_stats(given: Given) -> Response:
    """Trusted events by hour, kind and type between two times, and by number since the log began. Our own
    tests are not counted."""
    now = datetime.now(UTC)
    since, until = _time(given, "since", now - _HOURS, now), _time(given, "until", now, now)
    if until - since > _LONGEST:
        raise BadRequest(f"since: at most {_LONGEST.days} days before until")
    counts = current.counts()
    return jsonify(
        since=iso(since),
        until=iso(until),
        hours=[
            {"hour": iso(one.hour), "kind": one.kind, "events": one.events}
            for one in counts.by_hour(since, until)
        ],
        kinds=[
            {"kind": one.kind, "type": one.type, "events": one.events} for one in counts.by_kind(since, until)
        ],
        numbers=[
            {"number": one.number, "events": one.events, "last_at": iso(one.last_at)}
            for one in counts.by_number()
        ],
        not_indexed=index_lag_json(counts_lag(current.engine(), until)),
    )


def _time(given: Given, name: str, default: datetime, now: datetime) -> datetime:
    if not given.words.get(name):
        return default
    try:
        return read_time(name, given.words[name], now)
    except SearchError as error:
        raise BadRequest(str(error)) from None


@operation("/findings", "List what needs attention", shapes.Findings)
def list_findings(_: Given) -> Response:
    """What the last check of numbers, keys and the account found."""
    return jsonify(
        findings=[
            {
                "code": one.code,
                "severity": one.severity,
                "sentence": one.sentence,
                "mend": one.mend,
                "subject": one.subject,
                "provider": one.provider or None,
                "since": iso(one.since),
            }
            for one in findings.read(current.engine())
        ]
    )
