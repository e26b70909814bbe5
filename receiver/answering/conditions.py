"""When a rule holds. Each condition can say what it asked for and what it found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from receiver.answering.hours import WEEKDAYS, Calendar, Hours

WITHHELD = "withheld"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What conditions are about. `local` is the moment by the clock of the number that was called."""

    caller: str | None
    local: datetime
    calendar: Calendar
    switches: frozenset[str]


class Asks(StrEnum):
    """The conditions there are, in the words of the file."""

    OPEN = "open"
    CLOSED = "closed"
    HOLIDAY = "holiday"
    WEEKDAY = "weekday"
    FROM = "from"
    SWITCH = "switch"


@dataclass(frozen=True, slots=True)
class Check:
    """A condition that was looked at: what it asked for, what was so, and whether it held."""

    asks: Asks
    wanted: str
    found: str
    held: bool

    def __str__(self) -> str:
        return f"{self.wanted} {self.found}" if self.asks in _NAMED else self.found


_NAMED = {Asks.OPEN, Asks.CLOSED, Asks.SWITCH}


@dataclass(frozen=True, slots=True)
class InHours:
    """`open` or `closed`: opening hours by the name that they have in the file, or as they are written."""

    name: str
    hours: Hours
    wants_open: bool

    def check(self, now: Circumstances) -> Check:
        is_open = self.hours.open_at(now.local, now.calendar)
        asks = Asks.OPEN if self.wants_open else Asks.CLOSED
        return Check(asks, self.name, "open" if is_open else "closed", is_open is self.wants_open)

    def __str__(self) -> str:
        return f"{'open' if self.wants_open else 'closed'}: {self.name}"


@dataclass(frozen=True, slots=True)
class OnHoliday:
    """`holiday`: whether it is one."""

    wanted: bool

    def check(self, now: Circumstances) -> Check:
        name = now.calendar.holiday(now.local.date())
        wanted = "true" if self.wanted else "false"
        return Check(Asks.HOLIDAY, wanted, name or "no holiday", (name is not None) is self.wanted)

    def __str__(self) -> str:
        return "a holiday" if self.wanted else "no holiday"


@dataclass(frozen=True, slots=True)
class OnWeekday:
    """`weekday`: one of several."""

    text: str
    days: frozenset[int]

    def check(self, now: Circumstances) -> Check:
        day = now.local.weekday()
        return Check(Asks.WEEKDAY, self.text, WEEKDAYS[day], day in self.days)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class FromCaller:
    """`from`: numbers, beginnings of numbers with a `*` behind them, or `withheld`."""

    callers: tuple[str, ...]

    def check(self, now: Circumstances) -> Check:
        wanted = ", ".join(self.callers)
        for one in self.callers:
            if now.caller is None:
                held = one == WITHHELD
            elif one.endswith("*"):
                held = now.caller.startswith(one[:-1])
            else:
                held = now.caller == one
            if held:
                return Check(Asks.FROM, wanted, f"caller is {one}", held=True)
        return Check(Asks.FROM, wanted, "another caller", held=False)

    def __str__(self) -> str:
        return f"from {', '.join(self.callers)}"


@dataclass(frozen=True, slots=True)
class SwitchedOn:
    """`switch`: set by hand."""

    name: str

    def check(self, now: Circumstances) -> Check:
        on = self.name in now.switches
        return Check(Asks.SWITCH, self.name, "on" if on else "off", on)

    def __str__(self) -> str:
        return f"switch: {self.name}"


Condition = InHours | OnHoliday | OnWeekday | FromCaller | SwitchedOn
