"""Events over time, as one line of blocks for each kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from receiver.cli.searching import Shown
from receiver.search.counts import HourOfKind

_BLOCKS = "▁▂▃▄▅▆▇█"
_HOUR = timedelta(hours=1)
_MOST_BARS = 30
"""With more, the line and what stands behind it would not fit 80 columns."""


def sparkline(values: Sequence[int]) -> str:
    """One block a value, as high as it is against the highest; a dot for none."""
    most = max(values, default=0)
    return "".join("·" if not value else _BLOCKS[(value * len(_BLOCKS) - 1) // most] for value in values)


def sparklines(hours: Sequence[HourOfKind], shown: Shown) -> Iterator[str]:
    """A sparkline for each kind, from the first event to the last: by the hour, the day or several days."""
    local = {one.hour: one.hour.astimezone(shown.zone) for one in hours}
    first, last = hours[0].hour, hours[-1].hour
    days = (local[last].date() - local[first].date()).days + 1
    hourly = (last - first) // _HOUR < _MOST_BARS
    each = 1 if hourly else -(-days // _MOST_BARS)  # rounded up

    def place(hour: datetime) -> int:
        whole = (hour - first) // _HOUR if hourly else (local[hour].date() - local[first].date()).days
        return whole // each

    unit = "an hour" if hourly else "a day" if each == 1 else f"{each} days"
    for kind in sorted({one.kind for one in hours}):
        bars = [0] * (place(last) + 1)
        for one in hours:
            if one.kind == kind:
                bars[place(one.hour)] += one.events
        yield f"{kind:5}  {sparkline(bars)}  {sum(bars):,}, at most {max(bars):,} in {unit}"
    form = "%m-%d %H:%M" if hourly else "%Y-%m-%d"
    began, ended = shown.name_at(first), shown.name_at(last)
    changed = "" if began == ended else f" {began}"
    yield f"       {local[first]:{form}}{changed} to {local[last]:{form}}  {ended}"
