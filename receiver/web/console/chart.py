"""Calls, faxes and SMS over time as a chart: the position of each bar. Pure; the template draws it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from receiver.vocabulary.kinds import Kind

WIDTH, HEIGHT = 960, 220
NARROW = 380
"""Width on a phone, so that the text is not scaled down."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 4, 10, 24
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_GAP = 0.24
"""The share of a bar's width that stays empty."""


Counts = dict[int, Counter[str]]
"""By the place of a bar and by kind."""


@dataclass(frozen=True, slots=True)
class Piece:
    """The part of a bar for one kind."""

    kind: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One piece of the range."""

    begins: datetime
    ends: datetime
    events: Counter[str]
    x: float
    width: float
    pieces: tuple[Piece, ...]
    label: str | None
    """The label below the bar, if there is one."""

    @property
    def total(self) -> int:
        return sum(self.events.values())


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars from left to right, and the grid lines behind them."""

    bars: tuple[Bar, ...]
    lines: tuple[tuple[float, int], ...]
    """The y coordinate of each line, and the number of events it stands for."""
    width: int
    left: int = _LEFT
    top: int = _TOP
    height: int = HEIGHT
    floor: int = HEIGHT - _BOTTOM

    @property
    def total(self) -> int:
        return sum(bar.total for bar in self.bars)


@dataclass(frozen=True, slots=True)
class Range:
    """How much time a chart shows, and in how long bars."""

    words: str
    length: timedelta
    bar: timedelta
    label: Callable[[datetime], str | None]

    @property
    def fine(self) -> bool:
        """Whether bars are parts of hours."""
        return self.bar < _HOUR

    def edges(self, now: datetime) -> list[datetime]:
        """Where its bars begin, oldest first, and where the newest one ends, in the zone of `now`.

        Days and their parts are by the clock on the wall: on two days of the year one is longer or shorter.
        """
        hour = now.replace(minute=0, second=0, microsecond=0)
        if self.bar > _HOUR:
            end = hour.replace(hour=0, fold=0) + _DAY
        else:
            end = hour.astimezone(UTC) + ((now - hour) // self.bar + 1) * self.bar
        bars = self.length // self.bar
        return [(end - self.bar * left).astimezone(now.tzinfo) for left in reversed(range(bars + 1))]


def drawn(counts: Counts, edges: Sequence[datetime], shown: Range, width: int = WIDTH) -> Chart:
    """The chart of a range whose bars have these `edges`."""
    found = [counts.get(at, Counter()) for at in range(len(edges) - 1)]
    top = _round_up(max(sum(events.values()) for events in found))
    room = (width - _LEFT - _RIGHT) / len(found)
    floor, scale = HEIGHT - _BOTTOM, (HEIGHT - _BOTTOM - _TOP) / top
    bars = []
    for at, ((begins, ends), events) in enumerate(zip(pairwise(edges), found, strict=True)):
        pieces, y = [], float(floor)
        for kind in Kind:
            if value := events.get(kind, 0):
                y -= value * scale
                pieces.append(Piece(kind, round(y, 2), round(value * scale, 2)))
        bars.append(
            Bar(
                begins=begins.astimezone(UTC),
                ends=ends.astimezone(UTC),
                events=events,
                x=round(_LEFT + at * room, 2),
                width=round(room * (1 - _GAP), 2),
                pieces=tuple(pieces),
                label=shown.label(begins),
            )
        )
    steps = 4 if top % 4 == 0 else 2 if top % 2 == 0 else 1
    lines = tuple(
        (round(floor - top * at / steps * scale, 2), top * at // steps) for at in range(1, steps + 1)
    )
    return Chart(tuple(bars), lines, width)


def _of_minutes(moment: datetime) -> str | None:
    return None if moment.minute % 15 else f"{moment:%H:%M}"


def _of_hours(moment: datetime) -> str | None:
    if moment.hour % 6:
        return None
    return _day(moment) if moment.hour == 0 else f"{moment:%H:00}"


def _of_quarters(moment: datetime) -> str | None:
    return None if moment.hour else _day(moment)


def _of_days(moment: datetime) -> str | None:
    return f"{moment:%-d %b}" if moment.weekday() == 0 else None


def _day(moment: datetime) -> str:
    return f"{moment:%a %-d}"


RANGES = {
    "1h": Range("1 hour", _HOUR, timedelta(minutes=5), _of_minutes),
    "24h": Range("24 hours", _DAY, _HOUR, _of_hours),
    "7d": Range("7 days", 7 * _DAY, 6 * _HOUR, _of_quarters),
    "30d": Range("30 days", 30 * _DAY, _DAY, _of_days),
}
"""What can be chosen, by its word in the address."""
USUAL = "24h"
"""What is shown unless another is chosen."""


def _round_up(most: int) -> int:
    """The next round number, `most` or above."""
    if most <= 4:
        return 4
    unit: int = 10 ** (len(str(most)) - 1)
    return next(
        int(unit * factor) for factor in (1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10) if unit * factor >= most
    )
