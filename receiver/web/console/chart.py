"""Events per hour as a chart: the position of each bar. Pure; the template draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from receiver.search.counts import HourOfKind
from receiver.vocabulary.kinds import Kind

WIDTH, HEIGHT = 960, 220
NARROW = 380
"""Width on a phone, so that the text is not scaled down."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 4, 10, 24
_GAP = 0.24
"""The share of a bar's width that stays empty."""


@dataclass(frozen=True, slots=True)
class Piece:
    """The part of a bar for one kind."""

    kind: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour."""

    begins: datetime
    ends: datetime
    events: dict[str, int]
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


def hours_chart(
    counts: Sequence[HourOfKind], first: datetime, hours: int, zone: tzinfo, width: int = WIDTH
) -> Chart:
    """A chart of `hours` hours from `first` on; labels are in `zone`."""
    found: dict[datetime, dict[str, int]] = {}
    for count in counts:
        found.setdefault(count.hour, {})[count.kind] = count.events
    moments = [first + timedelta(hours=at) for at in range(hours)]
    top = _round_up(max((sum(found.get(moment, {}).values()) for moment in moments), default=0))
    room = (width - _LEFT - _RIGHT) / hours
    floor, scale = HEIGHT - _BOTTOM, (HEIGHT - _BOTTOM - _TOP) / top
    bars = []
    for at, moment in enumerate(moments):
        events = found.get(moment, {})
        pieces, y = [], float(floor)
        for kind in Kind:
            if value := events.get(kind, 0):
                y -= value * scale
                pieces.append(Piece(kind, round(y, 2), round(value * scale, 2)))
        bars.append(
            Bar(
                begins=moment,
                ends=moment + timedelta(hours=1),
                events=events,
                x=round(_LEFT + at * room, 2),
                width=round(room * (1 - _GAP), 2),
                pieces=tuple(pieces),
                label=_label(moment.astimezone(zone)),
            )
        )
    steps = 4 if top % 4 == 0 else 2 if top % 2 == 0 else 1
    lines = tuple(
        (round(floor - top * at / steps * scale, 2), top * at // steps) for at in range(1, steps + 1)
    )
    return Chart(tuple(bars), lines, width)


def _label(moment: datetime) -> str | None:
    if moment.hour % 6:
        return None
    return f"{moment:%a %-d}" if moment.hour == 0 else f"{moment:%H:00}"


def _round_up(most: int) -> int:
    """The next round number, `most` or above."""
    if most <= 4:
        return 4
    unit: int = 10 ** (len(str(most)) - 1)
    return next(
        int(unit * factor) for factor in (1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10) if unit * factor >= most
    )
