"""Opening hours in OpenStreetMap's language, with the holidays of a country or of a part of it.

The days are those of the library holidays. The table inside of opening-hours-py lacks some (for Singapore in
2026, the second day of the Chinese New Year and Vesak Day) and knows no parts of countries. It cannot be
exchanged, so PH is replaced by weekdays before an expression is evaluated; see `_with_holidays`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holidays import HolidayBase

WEEKDAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_DAY = "|".join(WEEKDAYS)
_HOLIDAY = re.compile(r'"[^"]*"|\bPH\b')
_UNCLEAR = re.compile(rf'"[^"]*"|(PH\s+(?:{_DAY}|[+-])|(?:{_DAY})\s+PH|\bSH\b)')

_SHOWN = 60
"""Characters of hours that a sentence about a mistake shows."""
_NOT_HOURS = "cannot be read: hours are written as in Mo-Fr 09:00-18:00; Sa 10:00-14:00; PH off"
_ENGLISH = re.compile(r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?:s|nes|rs|ur)?(?:day)?s?\b", re.IGNORECASE)


def english_days(text: str) -> str:
    """A hint at how days are written that stand there in English, to end a sentence; or nothing."""
    days = _ENGLISH.sub(lambda found: found[1][:2].capitalize(), text)
    return f"; did you mean {days!r}?" if days != text else ""


class Unreadable(ValueError):
    """An expression cannot be read, because of what stands at the character `at`."""

    def __init__(self, sentence: str, at: int) -> None:
        super().__init__(sentence)
        self.at = at


class Calendar:
    """The public holidays of a country such as `SG`, or of a part of it such as `DE-BY`; and more days."""

    def __init__(self, country: str | None, more: Iterable[date] = ()) -> None:
        """`ValueError` if there is no such country."""
        self._more = frozenset(more)
        self._days = _days_of(country) if country else None

    def holiday(self, day: date) -> str | None:
        """The name of the holiday that it is; None if it is none."""
        if day in self._more:
            return "holiday of your own"
        return None if self._days is None else self._days.get(day)

    def between(self, first: date, last: date) -> list[tuple[date, str]]:
        """All holidays from the first to the last day."""
        days = (first + timedelta(days=number) for number in range((last - first).days + 1))
        return [(day, name) for day in days if (name := self.holiday(day)) is not None]


@lru_cache
def _days_of(country: str) -> HolidayBase:
    from holidays import country_holidays  # noqa: PLC0415  # slow to import, and not every file has a country

    code, _, part = country.partition("-")
    try:
        return country_holidays(code, subdiv=part or None, language="en_US")
    except NotImplementedError:
        raise ValueError("must be a country such as SG, or a part of one such as DE-BY") from None


@dataclass(frozen=True, slots=True)
class Hours:
    """Opening hours, by the clock and the calendar of whoever asks."""

    text: str

    @classmethod
    def read(cls, text: str) -> Hours:
        """`Unreadable` if it says nothing that can be evaluated."""
        for found in _UNCLEAR.finditer(text):
            if found[1]:
                raise Unreadable(
                    "SH: nobody knows the school holidays here; write their dates"
                    if found[1] == "SH"
                    else "PH can only stand alone or in a list, as in PH off or Sa,Su,PH 10:00-14:00",
                    found.start(1),
                )
        from opening_hours import OpeningHours, ParserError  # type: ignore[attr-defined]  # noqa: PLC0415

        try:
            OpeningHours(text)
        except ParserError as error:
            place = re.search(r"--> \d+:(\d+)", str(error))
            at = int(place[1]) - 1 if place else 0
            english = _ENGLISH.search(text)
            at = english.start() if english else at
            shown = _around(text, at)
            raise Unreadable(f"{shown!r} {_NOT_HOURS}{english_days(shown)}", at) from None
        return cls(text)

    @property
    def asks_for_holidays(self) -> bool:
        return any(found[0] == "PH" for found in _HOLIDAY.finditer(self.text))

    def open_at(self, local: datetime, calendar: Calendar) -> bool:
        """Whether it is open at a moment by the clock there, without a zone. What is unknown is not open."""
        from opening_hours import OpeningHours  # noqa: PLC0415  # most commands read no rules

        today = local.date()
        # Hours may go on after midnight: those of yesterday count as well, and no earlier ones.
        days = (today - timedelta(days=1), today)
        text = _with_holidays(self.text, [day for day in days if calendar.holiday(day)])
        return OpeningHours(text).is_open(local.replace(tzinfo=None))


def _around(text: str, at: int) -> str:
    """A text, or if it is long what stands around one place in it."""
    first = max(0, min(at - _SHOWN // 2, len(text) - _SHOWN))
    last = first + _SHOWN
    return ("…" if first else "") + text[first:last] + ("…" if last < len(text) else "")


def _with_holidays(text: str, holidays: list[date]) -> str:
    """With the weekdays of these days in place of PH. On two days in a row that is the same: no other day has
    these weekdays. Without any, PH stays, and is no day in no country."""
    weekdays = ",".join(WEEKDAYS[day.weekday()] for day in holidays)
    return _HOLIDAY.sub(lambda found: weekdays if weekdays and found[0] == "PH" else found[0], text)
