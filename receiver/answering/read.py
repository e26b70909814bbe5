"""A rules file, from its text into rules or into all that is wrong with it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import tomli

from receiver.answering import paths
from receiver.answering.conditions import Asks
from receiver.answering.hours import Calendar, Hours, Unreadable
from receiver.answering.notes import Notes, Table
from receiver.answering.places import Places
from receiver.answering.problems import WHOLE, Place, Problem, RulesError
from receiver.answering.read_conditions import ConditionReader
from receiver.answering.read_steps import StepReader, telephone
from receiver.answering.rules import HANG_UP, CallRule, Number, Rules, SmsRule, Step
from receiver.settings.values import zone

LARGEST = 256 * 1024
"""Bytes of a file. One of this size is read in a blink, and nobody writes more by hand."""
LONGEST_REPLY = 480
"""Characters: more than anybody reads. In how many SMS they are sent is for the provider to say."""
DAY = timedelta(days=1)
_TOP = ("country", "time_zone", "language", "holidays", "switches", "hours", "numbers", "flows")
_EVERY = re.compile(r"([1-9][0-9]{0,3})([mhd])", re.ASCII)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": DAY}
_UTC = ZoneInfo("UTC")


@dataclass(frozen=True)
class Reading:
    """What came of reading a file: rules if it can be used, and what is wrong, by place."""

    rules: Rules | None
    problems: tuple[Problem, ...]


def load(text: str, name: str) -> Rules:
    """The rules in a text, or `RulesError` with all that keeps them from being used."""
    reading = read(text)
    if reading.rules is None:
        raise RulesError(name, [problem for problem in reading.problems if not problem.warning])
    return reading.rules


def read(text: str) -> Reading:
    """Read a rules file. Never raises."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if len(text) > LARGEST:
        return _unusable(WHOLE, f"the file is larger than {LARGEST // 1024} kB")
    try:
        document = tomli.loads(text)
        places = Places(text)
    except tomli.TOMLDecodeError as error:
        said = error.msg[:1].lower() + error.msg[1:]
        return _unusable(Place(error.lineno, error.colno), f"this is not TOML: {said}")
    except (RecursionError, ValueError):
        return _unusable(WHOLE, "this is not TOML that anybody would write by hand")
    reader = _Reader(Notes(places), document)
    rules = reader.rules(text)
    problems = tuple(sorted(set(reader.notes.problems)))
    usable = all(problem.warning for problem in problems)
    return Reading(rules if usable else None, problems)


def _always(rule: Table) -> bool:
    """Whether a rule has no condition. One that cannot be read is one all the same."""
    return not any(asks in rule for asks in Asks)


def _unusable(place: Place, sentence: str) -> Reading:
    return Reading(None, (Problem(place, sentence),))


class _Reader:
    def __init__(self, notes: Notes, document: Mapping[str, Any]) -> None:
        self.notes = notes
        self._top = Table(notes, (), document)
        flows = document.get("flows")
        self._flow_names = tuple(flows) if isinstance(flows, dict) else ()
        self._hours: dict[str, Hours | None] = {}
        self._steps = StepReader(notes, self._flow_names, "en")

    def rules(self, text: str) -> Rules:
        language = self._steps.language(self._top)
        if language:
            self._steps = StepReader(self.notes, self._flow_names, language)
        switches = frozenset(name for _, name in self._top.texts("switches"))
        self._read_hours()
        flows = self._flows()
        numbers = self._numbers(ConditionReader(self.notes, self._hours, switches))
        self._top.done("a rules file", _TOP)
        if not numbers and "numbers" not in self._top:
            self.notes.note(Place(1, 1), 'no number is named: add [numbers."+65…"]')
        version = hashlib.sha256(text.encode()).hexdigest()[:16]
        rules = Rules(version, text, numbers, flows, switches)
        paths.check(rules, self.notes)
        return rules

    def _read_hours(self) -> None:
        table = self._top.table("hours")
        for name in table.keys if table else ():
            text = table.get(name, str) if table else None
            try:
                self._hours[name] = Hours.read(text) if text is not None else None
            except Unreadable as error:
                self._hours[name] = None
                if table:
                    table.wrong(name, str(error), at=error.at)

    def _flows(self) -> dict[str, tuple[Step, ...]]:
        table = self._top.table("flows")
        flows: dict[str, tuple[Step, ...]] = {}
        for name in table.keys if table else ():
            path = ("flows", name)
            steps = table.get(name, list) if table else None
            if not name.strip() or not name.isprintable() or len(name) > 40 or name == HANG_UP:
                self.notes.wrong(path, "a flow needs a name of its own of up to 40 characters", key=True)
            if steps is None:
                continue
            before = len(self.notes.problems)
            flows[name] = self._steps.flow(path, steps)
            if len(self.notes.problems) == before:  # otherwise what is missing may be what is wrong
                paths.check_end(self.notes, self.notes.places.key(path), name, flows[name])
        return flows

    def _numbers(self, conditions: ConditionReader) -> dict[str, Number]:
        numbers: dict[str, Number] = {}
        table = self._top.table("numbers")
        for key in table.keys if table else ():
            own = table.table(key) if table else None
            number = telephone(key)
            path = ("numbers", key)
            if number is None:
                sentence = f"{key!r} is no telephone number with its country, as +6561234567"
                self.notes.wrong(path, sentence, key=True)
            elif number in numbers:
                self.notes.wrong(path, f"{number} is named twice", key=True)
            if own is not None:
                read = self._number(number or key, own, conditions)
                numbers.setdefault(read.number, read)
        return numbers

    def _number(self, number: str, table: Table, conditions: ConditionReader) -> Number:
        place = self.notes.places.key(table.path)
        name = table.get("name", str)
        calendar, has_days = self._calendar(table)
        zone_here = self._zone(table)
        conditions.begin(has_zone=zone_here is not None, has_days=has_days)
        call_tables = list(table.tables("calls", "a rule"))
        sms_tables = list(table.tables("sms", "a rule"))
        calls = tuple(self._call_rule(one, conditions) for one in call_tables)
        sms = tuple(self._sms_rule(one, conditions) for one in sms_tables)
        self._check_reached(call_tables, "calls")
        self._check_reached(sms_tables, "SMS")
        if "calls" in table and not any(map(_always, call_tables)):
            sentence = "nothing is said of every other time: add a rule that has only a flow"
            self.notes.note(place, sentence, warning=True)
        table.done("a number")
        return Number(place, number, name, zone_here or _UTC, calendar, calls, sms)

    def _check_reached(self, rules: list[Table], what: str) -> None:
        always = next((at for at, rule in enumerate(rules) if _always(rule)), len(rules))
        for rule in rules[always + 1 :]:
            self.notes.note(rule.place, f"this rule is never reached: one before it takes all {what}")

    def _call_rule(self, table: Table, conditions: ConditionReader) -> CallRule:
        held = conditions.read(table)
        flow = self._steps.target(table, "flow")
        if "flow" not in table:
            table.missing("a rule for calls needs flow: where it leads")
        failure = self._steps.target(table, "failure")
        table.done("a rule for calls")
        return CallRule(table.place, held, flow or HANG_UP, failure or HANG_UP)

    def _sms_rule(self, table: Table, conditions: ConditionReader) -> SmsRule:
        held = conditions.read(table)
        reply = None if table.says_no("reply") else table.get("reply", str)
        if "reply" not in table:
            table.missing("a rule for SMS needs reply: a text, or false for none")
        elif reply is not None and not 0 < len(reply.strip()) <= LONGEST_REPLY:
            table.wrong("reply", f"a reply has 1 to {LONGEST_REPLY} characters")
        every = table.get("every", str)
        period = _EVERY.fullmatch(every) if every is not None else None
        if every is not None and period is None:
            table.wrong("every", "every must be a time such as 30m, 12h or 7d")
        table.done("a rule for SMS")
        return SmsRule(table.place, held, reply, _UNITS[period[2]] * int(period[1]) if period else DAY)

    def _zone(self, table: Table) -> ZoneInfo | None:
        """That of the number or of the file."""
        for where in (table, self._top):
            name = where.get("time_zone", str)
            if name is None:
                continue
            try:
                return ZoneInfo(zone(name))
            except ValueError as error:
                where.wrong("time_zone", f"time_zone {error}")
                return _UTC
        return None

    def _calendar(self, table: Table) -> tuple[Calendar, bool]:
        """The holidays, and whether there are any."""
        where = table if "country" in table else self._top
        country, more = where.get("country", str), self._own_holidays()
        try:
            return Calendar(country, more), country is not None or bool(more)
        except ValueError as error:
            where.wrong("country", f"country {error}")
            return Calendar(None, more), True

    def _own_holidays(self) -> list[date]:
        days = []
        for index, day in enumerate(self._top.get("holidays", list) or ()):
            if type(day) is date:
                days.append(day)
            else:
                self.notes.wrong(("holidays", index), "a holiday is a date without quotes, as 2026-12-24")
        return days
