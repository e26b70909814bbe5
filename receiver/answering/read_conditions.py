"""The conditions of rules, from the file into values."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from receiver.answering.conditions import (
    WITHHELD,
    Condition,
    FromCaller,
    InHours,
    OnHoliday,
    OnWeekday,
    SwitchedOn,
)
from receiver.answering.hours import WEEKDAYS, Hours, Unreadable, english_days
from receiver.answering.notes import Notes, Table
from receiver.answering.problems import meant
from receiver.answering.read_steps import telephone

_BEGINNING = re.compile(r"\+[0-9]{1,14}\*")


class ConditionReader:
    """Reads the conditions of rules, all of which must hold."""

    def __init__(self, notes: Notes, hours: Mapping[str, Hours | None], switches: Collection[str]) -> None:
        self._notes, self._hours, self._switches = notes, hours, switches
        self._has_zone = self._has_days = False

    def begin(self, *, has_zone: bool, has_days: bool) -> None:
        """What follows is of a number for which the time zone and the holidays are known, or not."""
        self._has_zone, self._has_days = has_zone, has_days

    def read(self, table: Table) -> tuple[Condition, ...]:
        """The conditions of a rule, without those that cannot be read."""
        found = (
            self._in_hours(table, "open"),
            self._in_hours(table, "closed"),
            self._on_holiday(table),
            self._on_weekday(table),
            self._from_caller(table),
            self._switched_on(table),
        )
        return tuple(condition for condition in found if condition is not None)

    def _in_hours(self, table: Table, key: str) -> Condition | None:
        text = table.get(key, str)
        if text is None:
            return None
        self._require_zone(table, key)
        hours = self._hours.get(text)
        if text not in self._hours:
            try:
                hours = Hours.read(text)
            except Unreadable as error:
                hint = meant(text, self._hours)
                table.wrong(key, f"{error}{hint}", at=0 if hint else error.at)
        if hours is None:
            return None
        if hours.asks_for_holidays and not self._has_days:
            table.wrong(key, f'{key} asks for PH: say whose holidays these are, as in country = "SG"')
        return InHours(text, hours, wants_open=key == "open")

    def _on_holiday(self, table: Table) -> Condition | None:
        wanted = table.get("holiday", bool)
        if wanted is None:
            return None
        self._require_zone(table, "holiday")
        if not self._has_days:
            table.wrong("holiday", 'holiday: say whose, as in country = "SG"')
        return OnHoliday(wanted)

    def _on_weekday(self, table: Table) -> Condition | None:
        text = table.get("weekday", str)
        if text is None:
            return None
        self._require_zone(table, "weekday")
        days: set[int] = set()
        for part in text.split(","):
            first, _, last = part.strip().partition("-")
            if first not in WEEKDAYS or (last or first) not in WEEKDAYS:
                table.wrong(
                    "weekday",
                    f"weekday is written as Mo-Fr or Sa,Su, with {' '.join(WEEKDAYS)}{english_days(text)}",
                    at=text.index(part) + len(part) - len(part.lstrip()),
                )
                return None
            start, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
            days |= {(start + step) % 7 for step in range((end - start) % 7 + 1)}
        return OnWeekday(text, frozenset(days))

    def _from_caller(self, table: Table) -> Condition | None:
        callers = []
        for path, text in table.texts("from"):
            beginning = text.replace(" ", "")
            caller = text if text == WITHHELD else telephone(text)
            if _BEGINNING.fullmatch(beginning):
                caller = beginning
            if caller is None:
                sentence = f"{text!r} is no caller: write +6561234567, +65* or {WITHHELD}"
                self._notes.wrong(path, sentence)
            else:
                callers.append(caller)
        return FromCaller(tuple(callers)) if callers else None

    def _switched_on(self, table: Table) -> Condition | None:
        name = table.get("switch", str)
        if name is None:
            return None
        if name not in self._switches:
            hint = meant(name, self._switches) or f'; name it at the top: switches = ["{name}"]'
            table.wrong("switch", f"there is no switch {name!r}{hint}")
        return SwitchedOn(name)

    def _require_zone(self, table: Table, key: str) -> None:
        if not self._has_zone:
            table.wrong(key, f'{key} needs a clock: time_zone = "Asia/Singapore" at the top of the file')
