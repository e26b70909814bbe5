"""The steps of flows, from the file into values."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from receiver.answering.notes import Notes, Table
from receiver.answering.places import Path
from receiver.answering.problems import meant
from receiver.answering.rules import (
    HANG_UP,
    REJECT,
    DialStep,
    EndStep,
    GatherStep,
    GoStep,
    RecordStep,
    SayStep,
    Step,
    Target,
)
from receiver.vocabulary.answering import (
    Dial,
    Gather,
    HangUp,
    Prompt,
    Record,
    Reject,
    Say,
    Sound,
    Speech,
)
from receiver.vocabulary.telephone import names_country, spelled

LONGEST_TEXT = 900
"""Characters to be spoken: the least that a provider takes, less its own marks around them."""
_SOUNDS = (".mp3", ".wav", ".gsm")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Z]{2})?")
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_KEYS = re.compile(r"[0-9*]{1,8}")
_MAIN = ("gather", "dial", "record", "go")
_WORDS = (*_MAIN, "say", "play")
ENDS: dict[str, HangUp | Reject] = {HANG_UP: HangUp(), REJECT: Reject()}
STEPS = ", ".join(("say", "play", "gather", "dial", "record", "go", f'"{HANG_UP}"', f'"{REJECT}"'))


def telephone(text: str) -> str | None:
    """A number with its country code in its one spelling; None if it is none."""
    number = spelled(text)
    return number if names_country(text) and _NUMBER.fullmatch(number) else None


def _no_step(word: str, known: Collection[str]) -> str:
    return f"there is no step {word!r}{meant(word, known) or f': steps are {STEPS}'}"


class StepReader:
    """Reads steps. `flows` are the names that steps may lead to."""

    def __init__(self, notes: Notes, flows: Collection[str], language: str) -> None:
        self._notes, self._flows, self._language = notes, flows, language

    def flow(self, path: Path, values: list[Any]) -> tuple[Step, ...]:
        """The steps of one flow, without those that cannot be read."""
        steps = (self._step((*path, index), value) for index, value in enumerate(values))
        return tuple(step for step in steps if step is not None)

    def target(self, table: Table, key: str) -> Target | None:
        """Where a key leads: the name of a flow, or `hang up`; None if it is missing or wrong."""
        name = table.get(key, str)
        if name is None or name == HANG_UP or name in self._flows:
            return name
        table.wrong(key, f"there is no flow {name!r}{meant(name, (*self._flows, HANG_UP))}")
        return None

    def _step(self, path: Path, value: Any) -> Step | None:
        if isinstance(value, str) and value in ENDS:
            return EndStep(self._notes.places.value(path), ENDS[value])
        if not isinstance(value, dict):
            self._notes.wrong(path, _no_step(str(value), ENDS))
            return None
        table = Table(self._notes, path, value)
        main = [word for word in _MAIN if word in table]
        if len(main) > 1:
            self._notes.wrong(
                (*path, main[1]), f"one step cannot both {main[0]} and {main[1]}: write two steps", key=True
            )
            return None
        word = next((word for word in _WORDS if word in table), None)
        if word is None:
            self._unknown(table)
            return None
        step: Step | None = getattr(self, f"_{word}")(table)
        table.done(f"the step {word}")
        return step

    def _unknown(self, table: Table) -> None:
        if not table.keys:
            self._notes.note(table.place, f"this step is empty; steps are {STEPS}")
            return
        # What is nearly the name of a step is meant to be one, wherever it stands.
        key = next((key for key in table.keys if meant(key, _WORDS)), table.keys[0])
        path = (*table.path, key)
        self._notes.wrong(path, _no_step(key, _WORDS), key=True)

    def _say(self, table: Table) -> Step | None:
        prompt = self._prompt(table)
        failure = self.target(table, "failure")
        return SayStep(table.place, Say(prompt), failure) if prompt else None

    _play = _say

    def _gather(self, table: Table) -> Step | None:
        keys: dict[str, Target] = {}
        written = table.table("gather")
        for key in written.keys if written else ():
            target = self.target(written, key) if written else None
            if not _KEYS.fullmatch(key):
                path = (*table.path, "gather", key)
                self._notes.wrong(path, f"{key!r} cannot be pressed: use 0-9 and *", key=True)
            elif target is not None:
                keys[key] = target
        if written is not None and not written.keys:
            table.wrong("gather", 'gather needs a key, as in { 1 = "sales" }')
        targets = [self._compulsory(table, key) for key in ("no_input", "wrong_input")]
        if "say" not in table and "play" not in table:
            table.missing("gather needs say or play, to tell which keys there are")
        prompt = self._prompt(table)
        repeats = table.number("repeats", 0, 5, 1)
        wait = table.number("wait", 1, 60, 10)
        failure = self.target(table, "failure")
        no_input, wrong_input = targets
        if not keys or prompt is None or no_input is None or wrong_input is None:
            return None
        instruction = Gather(prompt, max(map(len, keys)), wait or 10)
        return GatherStep(table.place, instruction, keys, no_input, wrong_input, repeats or 0, failure)

    def _compulsory(self, table: Table, key: str) -> Target | None:
        if key not in table:
            self._notes.note(
                table.place, f'gather needs {key}: a flow, or "{HANG_UP}", for when the repeats are used up'
            )
        return self.target(table, key)

    def _dial(self, table: Table) -> Step | None:
        numbers = []
        for path, text in table.texts("dial"):
            number = telephone(text)
            if number is None:
                self._notes.wrong(path, f"{text!r} is no telephone number with its country, as +6561234567")
            else:
                numbers.append(number)
        ring = table.number("ring", 5, 120)
        prompt = self._prompt(table)
        busy, no_answer, failure = (self.target(table, key) for key in ("busy", "no_answer", "failure"))
        if not numbers:
            return None
        # It is said once, and not again before the next number.
        dials = tuple(Dial(number, ring, None if at else prompt) for at, number in enumerate(numbers))
        return DialStep(table.place, dials, busy, no_answer, failure)

    def _record(self, table: Table) -> Step | None:
        longest = table.number("record", 2, 3600)
        beep = table.get("beep", bool)
        prompt = self._prompt(table)
        failure = self.target(table, "failure")
        return RecordStep(table.place, Record(longest, beep, prompt), failure) if longest else None

    def _go(self, table: Table) -> Step | None:
        flow = self.target(table, "go")
        times = table.number("times", 1, 9)
        then = self.target(table, "then")
        if ("times" in table) is not ("then" in table):
            table.missing("times and then belong together: so many times, then another flow")
        return GoStep(table.place, flow, times, then) if flow else None

    def _prompt(self, table: Table) -> Prompt | None:
        if "say" in table and "play" in table:
            self._notes.wrong((*table.path, "play"), "one step cannot both say and play: write two", key=True)
        language = self.language(table) or self._language
        text, url = table.get("say", str), table.get("play", str)
        if text is not None:
            if not text.strip() or len(text) > LONGEST_TEXT:
                table.wrong("say", f"a text to say has 1 to {LONGEST_TEXT} characters")
            return Speech(text, language)
        if url is not None:
            self._check_sound(table, url)
            return Sound(url)
        return None

    def language(self, table: Table) -> str | None:
        """The language that a table names."""
        language = table.get("language", str)
        if language is not None and not _LANGUAGE.fullmatch(language):
            table.wrong("language", "language must be written as en or zh-HK")
            return None
        return language

    @staticmethod
    def _check_sound(table: Table, url: str) -> None:
        try:
            parts = urlsplit(url)
            usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
        except ValueError:
            usable = False
        if not usable or not parts.path.lower().endswith(_SOUNDS) or not url.isprintable():
            table.wrong("play", f"play needs the address of a sound that ends in {', '.join(_SOUNDS)}")
