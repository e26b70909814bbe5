"""The times of a search, read from words that a person typed, and whether anything can lie between them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta, tzinfo

from receiver.search.mistakes import Mistakes, SearchError

_AGO = re.compile(r"([0-9]{1,6})(s|m|h|d|w)", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_DAYS_BACK = {"today": 0, "yesterday": 1}
_CLOCKS_APART = timedelta(minutes=15)
"""How far the clock of a program that asks may be ahead of ours."""


def read_time(
    name: str, word: str, now: datetime, zone: tzinfo = UTC, after: datetime | None = None
) -> datetime:
    """A time in UTC, from any ISO form, an age (90m), a day (`today`, `yesterday`: when it began) or a time
    of day (10:15), which means the last one, or the first one after `after`."""
    try:
        if ago := _AGO.fullmatch(word):
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        if clock := _CLOCK.fullmatch(word):
            times = _times_of_day(time(int(clock[1]), int(clock[2])), after or now, zone)
            if after is not None:
                return min(when for when in times if when > after)
            return max(when for when in times if when <= now)
        if word.lower() in _DAYS_BACK:
            day = now.astimezone(zone).date() - timedelta(days=_DAYS_BACK[word.lower()])
            return datetime.combine(day, time(), zone).astimezone(UTC)
        # In a query string the + of a zone arrives as a space.
        when = datetime.fromisoformat(re.sub(r"(T\S+|\d\d:\d\d\S*) (\d\d(:?\d\d)?)$", r"\1+\2", word.upper()))
        return (when if when.tzinfo else when.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise SearchError(
            f"{name}: {word[:40]!r} is not a time; write 2026-01-31T10:00:00+08:00, 10:15 for the last time "
            "it was 10:15, today, yesterday, or an age such as 90m, 2h or 7d"
        ) from None


def _times_of_day(clock: time, near: datetime, zone: tzinfo) -> list[datetime]:
    """When the clock on the wall showed this in the days around; an hour may come twice."""
    here = near.astimezone(zone).date()
    days = (here + timedelta(days=apart) for apart in (-1, 0, 1))
    return [
        datetime.combine(day, clock.replace(fold=fold), zone).astimezone(UTC)
        for day in days
        for fold in (0, 1)
    ]


def require_span(since: datetime | None, until: datetime | None, now: datetime, zone: tzinfo) -> None:
    """`SearchError` if nothing can lie between these times, or can have happened since then."""
    mistakes = Mistakes()
    if since is not None and until is not None and since >= until:
        wrong = "the same as" if since == until else "before"
        mistakes.note(
            f"until: is {wrong} since: ({_said(until, zone)}, {_said(since, zone)}); nothing can match"
        )
    elif since is not None and since > now + _CLOCKS_APART:
        mistakes.note(f"since: {_said(since, zone)} is still to come; nothing can match")
    mistakes.tell()


def _said(when: datetime, zone: tzinfo) -> str:
    try:
        return when.astimezone(zone).isoformat(" ", "seconds").replace("+00:00", "Z")
    except OverflowError:  # the first and the last day there is
        return when.isoformat(" ", "seconds").replace("+00:00", "Z")
